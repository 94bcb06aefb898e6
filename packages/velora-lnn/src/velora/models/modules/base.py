"""A recurrent network, called as PyTorch's own recurrent modules are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from velora.models.lnn.cfc_modes.mixed_memory import MixedMemory
from velora.models.lnn.sequences import SequenceNetwork
from velora.models.lnn.shapes import check_sizes, has_shape
from velora.models.modules.layout import Layout
from velora.models.modules.lengths import (
    at_the_end,
    check_lengths,
    packed_like,
    padding,
)
from velora.models.protocol import Timespans

State = Tensor | tuple[Tensor, Tensor]
"""A state (B, H), or with mixed memory the pair (h, c) of two."""


class RecurrentModule(nn.Module):
    """A recurrent network over whole sequences, with the interface of PyTorch and ncps.

    It keeps no state: one goes in and comes out. Rows of a batch may have lengths and
    times of their own, and each computes what it would alone.

    Args:
        network: what computes.
        output_size: size of what it says.
        proj_size: size of a linear layer on what the network says; None for none.
        return_sequences: whether the output is of all steps; else of each row's last.
        batch_first: whether the batch is the first dimension of sequences, and time
            the second.
        mixed_memory: whether an LSTM's memory stands beside the network's state; see
            `MixedMemory`.

    Attributes:
        network: what computes, with mixed memory a `MixedMemory` around it.
        proj: `nn.Linear`, or `nn.Identity`.
        output_size: size O of an output.

    Raises:
        TypeError: the size is no integer.
        ValueError: the size is below 1.
    """

    def __init__(
        self,
        network: SequenceNetwork,
        output_size: int,
        *,
        proj_size: int | None = None,
        return_sequences: bool,
        batch_first: bool,
        mixed_memory: bool,
    ) -> None:
        super().__init__()
        device = network.initial_state(1).device
        self.network = MixedMemory(network) if mixed_memory else network
        self.proj: nn.Module = nn.Identity()
        self.output_size = output_size
        if proj_size is not None:
            check_sizes(proj_size=proj_size)
            self.proj = nn.Linear(output_size, proj_size, device=device)
            self.output_size = proj_size
        self.return_sequences = return_sequences
        self.batch_first = batch_first
        self.mixed_memory = mixed_memory

    @property
    def input_size(self) -> int:
        """Size F of an input."""
        return self.network.in_features

    @property
    def state_size(self) -> int:
        """Size H of a state; with mixed memory of each of the two."""
        size = self.network.hidden_size
        return size // 2 if self.mixed_memory else size

    @overload
    def forward(
        self,
        x: Tensor,
        hx: State | None = None,
        timespans: Timespans = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Tensor, State]: ...

    @overload
    def forward(
        self,
        x: PackedSequence,
        hx: State | None = None,
        timespans: Timespans = None,
        *,
        lengths: None = None,
    ) -> tuple[Tensor | PackedSequence, State]: ...

    def forward(
        self,
        x: Tensor | PackedSequence,
        hx: State | None = None,
        timespans: Timespans = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Tensor | PackedSequence, State]:
        """Goes through sequences.

        Args:
            x: (B, T, F) inputs, (T, B, F) unless `batch_first`, or (T, F) without a
                batch; or a `PackedSequence`, sorted or not, which has its lengths.
            hx: state before the first step, (B, H), or (H,) without a batch; with mixed
                memory the pair (h, c) of such. None starts from zero.
            timespans: time since the last step: a number, or (B, T) or (B, T, 1), time
                first unless `batch_first`, (T,) or (T, 1) without a batch; 1 where none
                are given. Those of a `PackedSequence` are padded, not packed.
            lengths: (B,) steps that each row has, in any order; None for all. What x
                and times hold after them is looked at by nobody.

        Returns:
            output: of each step as x lies, (B, T, O), zero where a row has ended, and
                packed as x if that is; or of each row's last step, (B, O), or (O,).
            hx: state after each row's last step, in the form of `hx`.

        Raises:
            TypeError: x is neither a tensor nor packed, the state is none of this
                module, or lengths are no integers.
            ValueError: an argument has another shape, a length is below 1 or above T,
                or there are lengths beside those of a `PackedSequence`.
        """
        values, packed = x, None
        if isinstance(values, PackedSequence):
            if lengths is not None:
                raise ValueError(
                    "`lengths` must be left out, as a PackedSequence has its own; got "
                    f"{lengths}."
                )
            packed = values
            values, lengths = pad_packed_sequence(packed, batch_first=self.batch_first)
        layout = Layout.of(values, self.input_size, self.batch_first)
        values = layout.time_first(values)
        steps, batch, _ = values.shape
        rows = lengths
        if rows is not None:
            rows = check_lengths(rows, steps, batch, values.device)
        y, last = self._over_time(
            values,
            self._joined(hx, layout, batch),
            layout.timespans(timespans, steps, batch),
            rows,
        )
        after = self._parted(last, layout)
        if not self.return_sequences:
            output = y[-1] if rows is None else at_the_end(y, rows)
            return (output if layout.batched else output[0]), after
        if packed is not None and rows is not None:
            return packed_like(y, rows, packed), after
        return layout.restored(y), after

    def extra_repr(self) -> str:
        """Returns the options, for `repr`."""
        return (
            f"return_sequences={self.return_sequences}, "
            f"batch_first={self.batch_first}, mixed_memory={self.mixed_memory}"
        )

    def _over_time(
        self, x: Tensor, state: Tensor | None, times: Timespans, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Returns (T, B, O) outputs and the (B, ·) state after each row's last step."""
        go = self.network.forward_sequence
        if lengths is None:
            y, last = go(x, state, timespans=times)
            return self.proj(y), last
        ended = padding(lengths, len(x))
        x = x.masked_fill(ended[..., None], 0)
        if isinstance(times, Tensor) and times.dim():
            times = times.masked_fill(ended, 1)
        y, _, states = go(x, state, timespans=times, return_states=True)
        y = self.proj(y).masked_fill(ended[..., None], 0)
        return y, at_the_end(states, lengths)

    def _joined(self, hx: State | None, layout: Layout, batch: int) -> Tensor | None:
        """Returns the one (B, ·) tensor that the network takes as the state."""
        if hx is None:
            return None
        parts = hx if isinstance(hx, tuple) else (hx,)
        wanted = 2 if self.mixed_memory else 1
        if len(parts) != wanted or not all(isinstance(p, Tensor) for p in parts):
            meant = "a pair (h, c) of tensors" if self.mixed_memory else "a tensor"
            raise TypeError(
                f"`hx` must be {meant}, as this module returns it with mixed_memory="
                f"{self.mixed_memory}; got {type(hx).__name__} of {len(parts)}."
            )
        shape: tuple[int, ...]
        names, shape = "(B, H)", (batch, self.state_size)
        if not layout.batched:
            names, shape = "(H,)", shape[1:]
        for part in parts:
            if not has_shape(part, shape):
                raise ValueError(
                    f"`hx` must have shape {names} = {shape}; got {tuple(part.shape)}."
                )
        joined = torch.cat(parts, dim=-1)
        return joined if layout.batched else joined[None]

    def _parted(self, state: Tensor, layout: Layout) -> State:
        """Returns the state as the caller has it."""
        if not layout.batched:
            state = state[0]
        if not self.mixed_memory:
            return state
        h, c = state.chunk(2, dim=-1)
        return h, c
