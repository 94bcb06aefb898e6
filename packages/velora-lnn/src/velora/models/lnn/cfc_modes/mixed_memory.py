"""A memory of long times beside a network's own state: an LSTM's."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from velora.models.lnn.cfc_modes import backends
from velora.models.lnn.cfc_modes.memory import Memory, recall
from velora.models.lnn.cfc_modes.network import CfCNetwork
from velora.models.lnn.sequences import SequenceNetwork
from velora.models.lnn.shapes import (
    check_state,
    check_weights,
    step_timespans,
)
from velora.models.protocol import Timespans


class MixedMemory(SequenceNetwork):
    """A network with a state h whose steps start where an LSTM leaves it.

    With an LSTM's cell c of the size of h, a step is

        a, i, f, o = input_weight · x + input_bias + recurrent_weight · h
        c          = sigmoid(f + 1) · c + sigmoid(i) · tanh(a)
        y, h       = network(x, sigmoid(o) · tanh(c))

    An LSTM's memory (Hochreiter and Schmidhuber 1997) does not fade with time, which a
    liquid state does: Lechner and Hasani 2020, "Learning long-term dependencies in
    irregularly-sampled time series".

    Args:
        network: whose state is mixed with the memory; it is used, not copied.

    Attributes:
        network: that network.
        input_weight: (4·H, F) parameter.
        input_bias: (4·H,) parameter.
        recurrent_weight: (4·H, H) parameter, H the size of the network's state.

    Raises:
        TypeError: `network` is none that goes through sequences.
        ValueError: there are more weights than fit in memory.
    """

    input_weight: Tensor
    input_bias: Tensor
    recurrent_weight: Tensor

    def __init__(self, network: SequenceNetwork) -> None:
        if not isinstance(network, SequenceNetwork):
            raise TypeError(
                "`network` must be a network that goes through sequences, as "
                "CfCNetwork, CfCLayersNetwork and LTCNetwork are; got "
                f"{type(network).__name__}."
            )
        super().__init__()
        self.in_features = network.in_features
        self.network = network
        hidden, like = network.hidden_size, network.initial_state(1)
        number = 4 * hidden * (self.in_features + hidden + 1)
        check_weights(number, "A memory of (state)² weights", like.device)
        for name, shape in {
            "input_weight": (4 * hidden, self.in_features),
            "input_bias": (4 * hidden,),
            "recurrent_weight": (4 * hidden, hidden),
        }.items():
            self.register_parameter(name, nn.Parameter(like.new_empty(shape)))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draws the memory's own parameters anew.

        Weights from the inputs are uniform ("xavier", Glorot and Bengio 2010), those
        from the state orthogonal (Saxe et al. 2014), biases uniform in ±0.1.
        """
        nn.init.xavier_uniform_(self.input_weight)
        nn.init.uniform_(self.input_bias, -0.1, 0.1)
        nn.init.orthogonal_(self.recurrent_weight)

    @property
    def out_features(self) -> int:
        """Size O of an output, the network's own."""
        size: int = self.network.out_features  # type: ignore[assignment]  # PyTorch's guess
        return size

    @property
    def hidden_size(self) -> int:
        """Size of the state [h, c]: two times that of the network."""
        return 2 * self.network.hidden_size

    def initial_state(self, batch_size: int) -> Tensor:
        """Returns the (batch_size, 2·H) state before a first step.

        That is the network's own, and a memory of zeros.
        """
        hidden = self.network.initial_state(batch_size)
        return torch.cat((hidden, torch.zeros_like(hidden)), dim=1)

    def step(
        self, x: Tensor, hidden: Tensor, timespans: Timespans
    ) -> tuple[Tensor, Tensor]:
        """Goes one step; the state is (B, 2·H), [h, c]. See the base."""
        check_state(hidden, x.shape[0], self.hidden_size)
        t = step_timespans(timespans, x.shape[0])
        if isinstance(t, Tensor) and t.dim():
            t = t[None]
        y, states = self.over_time(x[None], hidden, timespans=t)
        return y[0], states[0]

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence, a dense CfC as one function; see the base.

        Other networks go step by step; what inputs alone give is computed for all steps
        at once.
        """
        network, weight = self.network, self.recurrent_weight
        gates = functional.linear(x, self.input_weight, self.input_bias)
        is_short = backends.is_short(x)
        if type(network) is CfCNetwork and not is_short:
            memory = Memory(gates, weight)
            found = network.with_memory(
                x, hidden, memory, resets=resets, timespans=timespans
            )
            if found is not None:
                return found
        prepare = SequenceNetwork.steps_of if is_short else type(network).steps_of
        step = prepare(network, x, timespans)
        outputs, states = [], []
        for i, given in enumerate(gates.unbind()):
            if resets is not None:
                hidden = hidden.masked_fill(resets[i, :, None], 0)
            h, c = recall(given, weight, hidden)
            y, h = step(i, h)
            hidden = torch.cat((h, c), dim=1)
            outputs.append(y)
            states.append(hidden)
        return torch.stack(outputs), torch.stack(states)
