"""Wirings in the words of ncps, by its counts: units, outputs and fan-outs.

Each is a `Blueprint`: it says how many units there are, and waits for the number of
inputs. `velora.models.CfC` and `velora.models.LTC` take one as it is; `build` gives the
wiring itself. Counts and chances are those of ncps 1.0.1, but each seed draws other
synapses. In the words of Velora, wirings are `velora.wiring.Wiring` and its siblings.
"""

from velora.wiring.ncps.blueprint import Blueprint
from velora.wiring.ncps.circuits import NCP, AutoNCP
from velora.wiring.ncps.units import FullyConnected, Random

__all__ = ["NCP", "AutoNCP", "Blueprint", "FullyConnected", "Random"]
