"""What each neuron of an agent does: traces, lesions and influence.

`trace` records what every neuron does while an agent acts, `lesions` measures what it
is worth by silencing it, and `influence` says by gradients what it moves.
"""

from velora.report.influence import Influence, influence, rank_correlation
from velora.report.lesions import Lesions, lesions
from velora.report.silencing import lesioned
from velora.report.trace import Trace, trace

__version__ = "0.1.0"

__all__ = [
    "Influence",
    "Lesions",
    "Trace",
    "influence",
    "lesioned",
    "lesions",
    "rank_correlation",
    "trace",
]
