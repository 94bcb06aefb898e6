"""Neural Circuit Policies (NCP) by their fan-outs."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from velora.wiring.arguments import count, sparsity
from velora.wiring.connectome import Connectome
from velora.wiring.masks import LayerMasks
from velora.wiring.ncp_rule import fan_out, polarities
from velora.wiring.ncps.blueprint import Blueprint


class NCP(Blueprint[Connectome]):
    """A Neural Circuit Policy by its neurons and the synapses that each gets.

    Source: Lechner et al. 2020, "Neural circuit policies enabling auditable autonomy".
    Each input reaches `sensory_fanout` distinct inter neurons, each inter neuron
    `inter_fanout` distinct command neurons, and each motor neuron listens to
    `motor_fanin` distinct command neurons. A neuron that is left alone by the layer
    before it, or a command neuron by all motor neurons, gets as many synapses as the
    others have on average. Recurrent synapses among command neurons are drawn one by
    one, so that those drawn twice count once. Half of all excite. What
    `velora.wiring.Wiring` does otherwise is in docs/ncps.md.

    Args:
        inter_neurons: inter neurons.
        command_neurons: command neurons.
        motor_neurons: motor neurons, the output.
        sensory_fanout: inter neurons that each input reaches.
        inter_fanout: command neurons that each inter neuron reaches.
        recurrent_command_synapses: how often a synapse among command neurons is drawn.
        motor_fanin: command neurons that each motor neuron listens to.
        seed: as in `Blueprint`.

    Raises:
        TypeError: a number is no integer.
        ValueError: a number is below 1 (recurrent synapses: below 0), or a fan is
            larger than the layer that it leads to or comes from.
    """

    def __init__(
        self,
        inter_neurons: int,
        command_neurons: int,
        motor_neurons: int,
        sensory_fanout: int,
        inter_fanout: int,
        recurrent_command_synapses: int,
        motor_fanin: int,
        seed: int | None = None,
    ) -> None:
        self.inter_neurons = count("inter_neurons", inter_neurons)
        self.command_neurons = count("command_neurons", command_neurons)
        motors = count("motor_neurons", motor_neurons)
        super().__init__(
            self.inter_neurons + self.command_neurons + motors, motors, seed
        )
        inter, command = "inter_neurons", "command_neurons"
        self.sensory_fanout = self._fan("sensory_fanout", sensory_fanout, inter)
        self.inter_fanout = self._fan("inter_fanout", inter_fanout, command)
        self.recurrent_command_synapses = count(
            "recurrent_command_synapses", recurrent_command_synapses, least=0
        )
        self.motor_fanin = self._fan("motor_fanin", motor_fanin, command)

    def _sample(self, inputs: int, source: Generator | None) -> Connectome:
        inter, command = self.inter_neurons, self.command_neurons
        recurrent = torch.zeros(command, command, dtype=torch.int32, device="cpu")
        drawn = self.recurrent_command_synapses
        pairs = torch.randint(command, (2, drawn), generator=source, device="cpu")
        recurrent[pairs[0], pairs[1]] = polarities((drawn,), source)
        return Connectome(
            LayerMasks(
                inter=_reach(inputs, inter, self.sensory_fanout, source),
                command=_reach(inter, command, self.inter_fanout, source),
                motor=_reach(self.output_dim, command, self.motor_fanin, source).T,
                recurrent=recurrent,
            )
        )

    def _fan(self, name: str, value: int, layer: str) -> int:
        fan, most = count(name, value), getattr(self, layer)
        if fan > most:
            raise ValueError(f"`{name}` must be at most `{layer}`, {most}; got {fan}.")
        return fan


class AutoNCP(NCP):
    """A Neural Circuit Policy of as many units, divided by a rule.

    Of the units that are no output, two fifths are command neurons, the rest inter
    neurons. A density of `1 - sparsity_level` gives the fans.

    Args:
        units: inter, command and motor neurons together.
        output_size: motor neurons, at most `units - 3`.
        sparsity_level: share of synapses left out, in [0.1, 0.9].
        seed: as in `Blueprint`.

    Raises:
        TypeError: a number is no integer, or the sparsity no number.
        ValueError: a number is below 1, there are too few units, or the sparsity is
            outside its range.
    """

    def __init__(
        self,
        units: int,
        output_size: int,
        sparsity_level: float = 0.5,
        seed: int | None = None,
    ) -> None:
        motors = count("output_size", output_size)
        decision = count("units", units) - motors
        if decision < 3:
            raise ValueError(
                "`units` must be at least `output_size` + 3, since inter and command "
                f"neurons are among them; got {units} for {output_size} outputs."
            )
        density = 1 - sparsity(sparsity_level)
        command = max(int(0.4 * decision), 1)
        inter = decision - command
        super().__init__(
            inter,
            command,
            motors,
            sensory_fanout=max(int(inter * density), 1),
            inter_fanout=max(int(command * density), 1),
            recurrent_command_synapses=max(int(2 * command * density), 1),
            motor_fanin=max(int(command * density), 1),
            seed=seed,
        )


def _reach(rows: int, columns: int, k: int, source: Generator | None) -> Tensor:
    """Samples k distinct columns for each row; none of the columns is left alone."""
    mask = fan_out(rows, columns, k, source)
    lonely = (mask == 0).all(dim=0)
    average = max(rows * k // columns, 1)
    mask[:, lonely] = fan_out(int(lonely.sum()), rows, average, source).T
    return mask
