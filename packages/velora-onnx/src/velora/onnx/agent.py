"""An agent from a file, that remembers by itself, without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # it has no types

from velora.onnx.description import KEY, STARTS, Description
from velora.onnx.description import MASKS as MASKS_INPUT
from velora.onnx.masking import check_masks, given_masks


class OnnxAgent:
    """Acts with what `velora.onnx.export` has written, as `velora.sb3.Agent` does.

        agent = OnnxAgent("policy.onnx")
        observation, _ = env.reset()
        while True:
            observation, _, terminated, truncated, _ = env.step(agent.act(observation))
            agent.reset(terminated or truncated)

    The most likely action is taken. Observations are as the environment gives them, and
    actions as it takes them.

    Args:
        path: of the file; or what is in it, as bytes.
        n_threads: with which it computes. Networks this small are fastest with one.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is damaged, or was not written by `velora.onnx.export`.

    Attributes:
        description: what the file says of itself: its `observations`, `action`,
            `states` and `masks`.
        state: what is remembered after the last action, a tuple of arrays with the
            environments first; None before, and where nothing is remembered.
    """

    def __init__(
        self, path: str | PathLike[str] | bytes, *, n_threads: int = 1
    ) -> None:
        content = path if isinstance(path, bytes) else Path(path).read_bytes()
        try:
            self._session = _session(content, n_threads)
            self.description = _description(self._session)
        except ValueError as error:
            what = "bytes" if isinstance(path, bytes) else f"the file {str(path)!r}"
            raise ValueError(
                f"An agent must be what velora.onnx.export writes; got {what}: {error}."
            ) from error
        self._outputs = self.description.outputs
        taken = {port.name for port in self._session.get_inputs()}
        self._ignored = set(self.description.inputs) - taken  # of no use to the network
        self.state: tuple[np.ndarray, ...] | None = None
        self._starts: np.ndarray | None = None

    def reset(self, done: bool | np.ndarray | None = None) -> None:
        """Forgets what was, before the next action.

        Args:
            done: whether the episode has ended, or (n_envs,) such flags: only these
                environments are forgotten. None forgets all.

        Raises:
            ValueError: there are flags for another number of environments than were
                acted in.
        """
        if done is None or (np.ndim(done) == 0 and done):
            self.state = self._starts = None
        elif np.ndim(done) > 0 and self._starts is not None and self.state is not None:
            flags = np.asarray(done, dtype=bool)
            if flags.shape != self._starts.shape:
                raise ValueError(
                    f"`done` must have shape (n_envs,) = {self._starts.shape}; got "
                    f"{flags.shape}."
                )
            self._starts = self._starts | flags

    def act(
        self, observation: Any, action_masks: np.ndarray | None = None
    ) -> np.ndarray:
        """Chooses the next action.

        Args:
            observation: of one environment, or of as many as at the last action; a
                mapping where the agent was trained with a Dict.
            action_masks: (n_envs, choices) false where a choice is invalid, for an
                agent that was trained with masks.

        Returns:
            The action, or one for each environment.

        Raises:
            TypeError: the observation is of another kind of numbers, no mapping or one
                where none is taken, or what `reset` of gymnasium returns; or there are
                masks, and none are taken.
            ValueError: it has another shape, a number is out of range or NaN, the agent
                remembers another number of environments or would remember NaN, or masks
                are missing or wrong.
        """
        says = self.description
        feeds, n_envs, is_batch = self._observed(observation)
        masks = given_masks(says.masks, action_masks, n_envs)
        if masks is not None:
            feeds[MASKS_INPUT] = masks
        if says.states:
            if self._starts is None or self.state is None:
                self._starts = np.ones(n_envs, dtype=bool)
                self.state = tuple(port.zeros(n_envs) for port in says.states)
            known = len(self._starts)
            if n_envs != known:
                raise ValueError(
                    f"The agent remembers {known} environments, and `observation` must "
                    f"be of as many; got {n_envs}. Call `reset()` first, which forgets "
                    "all."
                )
            feeds[STARTS] = self._starts
            for port, part in zip(says.states, self.state, strict=True):
                feeds[port.name] = part
        for name in self._ignored:
            feeds.pop(name, None)
        actions, *after = self._session.run(self._outputs, feeds)
        if says.states:
            if any(p.dtype.kind == "f" and np.isnan(p).any() for p in after):
                raise ValueError(
                    "What the agent remembers must be numbers; it would be NaN with "
                    "this `observation`, as of one that is infinite. Act with another "
                    "one: it remembers what it did before."
                )
            self.state, self._starts = tuple(after), np.zeros(n_envs, dtype=bool)
        chosen: np.ndarray = actions if is_batch else actions.squeeze(axis=0)
        return chosen

    def _observed(self, observation: Any) -> tuple[dict[str, np.ndarray], int, bool]:
        """Returns observations by input, of how many environments, and if of a batch.

        Raises:
            TypeError: as `act`.
            ValueError: as `act`.
        """
        ports = self.description.observations
        is_dict = ports[0].key is not None
        if is_dict:
            keys = [port.key for port in ports]
            if not isinstance(observation, Mapping):
                raise TypeError(
                    f"`observation` must be a mapping with the keys {keys}; got "
                    f"{type(observation).__name__}."
                )
            if missing := [key for key in keys if key not in observation]:
                raise ValueError(
                    f"`observation` must have the keys {keys}; it lacks {missing}."
                )
        elif isinstance(observation, Mapping) or (
            isinstance(observation, tuple)
            and any(isinstance(part, Mapping) for part in observation)
        ):
            raise TypeError(
                f"`observation` must be an array; got a {type(observation).__name__}. "
                "Of what gymnasium's `reset` returns, pass the first part."
            )
        feeds, sizes = {}, set()
        for port in ports:
            value = observation[port.key] if is_dict else observation
            feeds[port.name], is_batch = port.batch(value)
            sizes.add((len(feeds[port.name]), is_batch))
        if len(sizes) > 1:
            raise ValueError(
                "All entries of `observation` must be of as many environments; got "
                f"{ {port.key: feeds[port.name].shape for port in ports} }."
            )
        ((n_envs, is_batch),) = sizes
        masks = self.description.masks
        if masks is not None and masks.key is not None:
            check_masks(masks, observation[masks.key], n_envs)
        return feeds, n_envs, is_batch


def _session(content: bytes, n_threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised
    try:
        return onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime has one of its own for each kind of damage
        raise ValueError(f"it cannot be read ({_first_line(error)})") from error


def _description(session: Any) -> Description:
    """Returns what a file says of itself, if it has what it says: else ValueError."""
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    if text is None:
        raise ValueError(f"its metadata has no {KEY!r}, so another program wrote it")
    says = Description.loads(text)
    outputs = [port.name for port in session.get_outputs()]
    inputs = {port.name for port in session.get_inputs()}
    if outputs != says.outputs or not inputs <= set(says.inputs):
        raise ValueError(
            f"it says that it has {says.inputs} and {says.outputs}, and has "
            f"{sorted(inputs)} and {outputs}"
        )
    return says


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
