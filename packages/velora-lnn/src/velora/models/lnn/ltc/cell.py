"""Liquid time-constant neurons that obey a wiring."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from velora.models.lnn.ltc.scan import scan
from velora.models.lnn.masked import MaskedModule
from velora.models.lnn.recurrent_cell import RecurrentCell
from velora.models.lnn.shapes import (
    check_batch,
    check_mask,
    check_sizes,
    check_state,
    check_weights,
    step_timespans,
)
from velora.models.protocol import Timespans

_RANGES = {
    "leak": (0.001, 1.0),
    "leak_potential": (-0.2, 0.2),
    "capacitance": (0.4, 0.6),
    "weight": (0.001, 1.0),
    "mu": (0.3, 0.8),
    "sigma": (3.0, 8.0),
}


class LTCCell(MaskedModule, RecurrentCell):
    """Liquid time-constant (LTC) neurons: membranes with synapses that conduct.

    The potential v of a neuron, its state, obeys

        capacitance · dv/dt = leak · (leak_potential - v)
                              + Σ weight · sigmoid(σ·(u - µ)) · (reversal - v)

    summed over its synapses, u the input or the potential of the neuron that a synapse
    comes from (Hasani et al. 2021, "Liquid time-constant networks"; Lechner et al.
    2020, "Neural circuit policies enabling auditable autonomy", whose initial ranges
    these are). A step of the time t is solved in `ode_unfolds` semi-implicit steps: see
    `velora.models.lnn.ltc.step`. As a potential becomes a weighted mean of itself and
    the reversal and leak potentials, it stays among them however long a step is or how
    large a weight. At t = 0 it stays what it is. The output of a neuron is its state.

    Args:
        in_features: size F of an input.
        n_hidden: neurons H, the size of the state and of the output.
        mask: (F + H, H) synapses, (from, to), from the inputs first and then from the
            neurons: -1 for an inhibitory one, 1 for an excitatory one, 0 for none.
        ode_unfolds: steps of the solver a time step.
        positive: whether leaks, capacitances and weights are kept positive, by a
            softplus of the parameters. Without, they are the parameters, and it is for
            whoever trains them to keep them so: else a state may grow without bounds.
        device: where the cell is made; None is PyTorch's default.

    Attributes:
        leak: (H,) parameter, the conductance of a neuron's leak.
        leak_potential: (H,) parameter, the potential that it leaks to.
        capacitance: (H,) parameter.
        weight: (H, F + H) parameter, the largest conductance of each synapse.
        reversal: (H, F + H) parameter, the potential that it drives the neuron to. It
            starts as the polarity that the mask has.
        mu: (H, F + H) parameter, the potential at which it is half open.
        sigma: (H, F + H) parameter, how steeply it opens.
        sparsity_mask: (H, F + H) buffer of booleans, true where a synapse is.

    Raises:
        TypeError: a size is no integer, `positive` no boolean, or the mask no tensor.
        ValueError: a size is below 1 or more than fits in memory, or the mask has
            another shape or holds other numbers than -1, 0 and 1.
    """

    leak: Tensor
    leak_potential: Tensor
    capacitance: Tensor
    weight: Tensor
    reversal: Tensor
    mu: Tensor
    sigma: Tensor
    mask_name = "sparsity_mask"
    masked_names = ("weight", "reversal", "mu", "sigma")

    def __init__(
        self,
        in_features: int,
        n_hidden: int,
        mask: Tensor,
        *,
        ode_unfolds: int = 6,
        positive: bool = True,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        check_sizes(in_features=in_features, n_hidden=n_hidden, ode_unfolds=ode_unfolds)
        if not isinstance(positive, bool):
            raise TypeError(f"`positive` must be True or False; got {positive!r}.")
        self.in_features = in_features
        self.n_hidden = n_hidden
        self.ode_unfolds = ode_unfolds
        self.positive = positive
        self._check_mask(mask)
        pairs = n_hidden, in_features + n_hidden
        what = "Synapses of (in_features + n_hidden) · n_hidden neurons"
        check_weights(4 * pairs[0] * pairs[1], what, device)
        for name in (*_RANGES, "reversal"):
            shape = pairs if name in self.masked_names else (n_hidden,)
            self.register_parameter(
                name, nn.Parameter(torch.empty(shape, device=device))
            )
        empty = torch.zeros(pairs, dtype=torch.bool, device=device)
        self.register_buffer("sparsity_mask", empty)
        self.reset_parameters()
        with torch.no_grad():
            self.reversal.zero_()
        self.update_mask(mask)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draws all parameters anew but the reversal potentials."""
        for name, (low, high) in _RANGES.items():
            nn.init.uniform_(getattr(self, name), low, high)

    @torch.no_grad()
    def update_mask(self, mask: Tensor) -> None:
        """Replaces the synapses at once, wherever the cell lives.

        A synapse that is new starts with its polarity as the reversal potential, one
        that was there goes on from the values that it has.

        Args:
            mask: (F + H, H) synapses, (from, to), signed.

        Raises:
            TypeError: the mask is no tensor.
            ValueError: it has another shape, or holds other numbers than -1, 0 and 1.
        """
        self._check_mask(mask)
        polarity = mask.T.to(self.reversal)
        new = (polarity != 0) & ~self.sparsity_mask
        self.reversal.copy_(polarity.where(new, self.reversal))
        self.sparsity_mask.copy_(polarity != 0)
        if not mask.is_meta:
            self._n_synapses = int(torch.count_nonzero(mask))

    @property
    def mask(self) -> Tensor:
        """The mask of each of the (H, F + H) parameters."""
        return self.sparsity_mask

    @property
    def n_synapses(self) -> int:
        """Synapses that there are."""
        if self.mask.is_meta:  # what it would be if the cell had data
            return self._n_synapses
        return int(torch.count_nonzero(self.mask))

    def forward(
        self, x: Tensor, hidden: Tensor, timespans: Timespans = None
    ) -> tuple[Tensor, Tensor]:
        """Goes one step forward in time.

        Args:
            x: (B, F) inputs.
            hidden: (B, H) state, the potentials.
            timespans: time since the last step: a number, (B,) or (B, 1); 1 where
                none are given.

        Returns:
            y: (B, H) outputs, the state itself.
            new_hidden: (B, H) state.

        Raises:
            ValueError: an argument has another shape.
        """
        check_batch(x, self.in_features)
        check_state(hidden, x.shape[0], self.n_hidden)
        t = step_timespans(timespans, x.shape[0])
        if isinstance(t, Tensor) and t.dim():
            t = t[None]
        state = self.over_time(x[None], hidden, timespans=t)[0][0]
        return state, state

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence as one function; see the base."""
        leak, capacitance = map(self._positive, (self.leak, self.capacitance))
        states = scan(
            x,
            hidden,
            torch.stack((leak, self.leak_potential, capacitance)),
            torch.stack(self._synapses()),
            self.sparsity_mask,
            self._times(timespans, x),
            resets,
            self.ode_unfolds,
        )
        return states, states

    def effect(self) -> Tensor:
        """Returns how fast each synapse moves a neuron, (H, F + H), near rest.

        That is the derivative of dv/dt by the potential u, both potentials being zero.
        """
        weight, reversal, mu, sigma = self._synapses()
        weight = weight.where(self.sparsity_mask, 0)
        opened = torch.sigmoid(-sigma * mu)
        slope = weight * sigma * opened * (1 - opened)
        return slope * reversal / self._positive(self.capacitance)[:, None]

    def extra_repr(self) -> str:
        """Returns sizes and options, for `repr`."""
        return (
            f"in_features={self.in_features}, n_hidden={self.n_hidden}, "
            f"ode_unfolds={self.ode_unfolds}, positive={self.positive}"
        )

    def _synapses(self) -> tuple[Tensor, ...]:
        """Returns weight, reversal potential, µ and σ, (H, F + H) each."""
        return self._positive(self.weight), self.reversal, self.mu, self.sigma

    def _positive(self, values: Tensor) -> Tensor:
        return functional.softplus(values) if self.positive else values

    def _times(self, timespans: Timespans, x: Tensor) -> Tensor | None:
        """Returns checked times as (T, B, 1), finite in the dtype of the cell."""
        if timespans is None or (not isinstance(timespans, Tensor) and timespans == 1):
            return None
        dtype = self.leak.dtype
        longest = torch.finfo(dtype).max
        if isinstance(timespans, Tensor):
            times = timespans.to(dtype).clamp(max=longest)
        else:
            times = self.leak.new_full((), min(timespans, longest))
        return times.expand(*x.shape[:2], 1)

    def _check_mask(self, mask: Tensor) -> None:
        sizes = {
            "in_features + n_hidden": self.in_features + self.n_hidden,
            "n_hidden": self.n_hidden,
        }
        check_mask(mask, sizes, signed=True)
