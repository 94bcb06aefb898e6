"""What a file says of itself, beside the graph: spaces, states, masks, versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from velora.onnx.port import Port

KEY = "velora"
"""Under which the description lies in the metadata of an ONNX file."""
FORMAT = 1
"""Raised where an older runtime would misread a file."""
STARTS = "episode_start"
"""The input with (n_envs,) booleans: the state is forgotten before this step."""
MASKS = "action_masks"
"""The input with (n_envs, choices) booleans: false where a choice is invalid."""
ACTION = "action"
"""The output with the actions."""


@dataclass(frozen=True)
class Masks:
    """Which choices are masked.

    Attributes:
        counts: choices in each part of an action.
        is_needed: whether there is no acting without masks.
        key: of the observation that has them; None where they are said beside it.
    """

    counts: tuple[int, ...]
    is_needed: bool = False
    key: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Masks:
        """Returns the masks of plain data."""
        return cls(tuple(data["counts"]), data["is_needed"], data["key"])


@dataclass(frozen=True)
class Description:
    """What a file takes and gives.

    Attributes:
        made_of: words for what it was made of, such as "PPO NCPPolicy".
        velora: the version that made it.
        observations: one, or the entries of a Dict.
        action: what comes out.
        states: what is remembered, in; out it is `after` these names.
        masks: of actions, or None.
    """

    made_of: str
    velora: str
    observations: tuple[Port, ...]
    action: Port
    states: tuple[Port, ...] = ()
    masks: Masks | None = None

    @property
    def inputs(self) -> list[str]:
        """The names of all inputs."""
        named = [port.name for port in (*self.observations, *self.states)]
        named += [STARTS] if self.states else []
        return named + ([MASKS] if self.masks and self.masks.key is None else [])

    @property
    def outputs(self) -> list[str]:
        """The names of all outputs."""
        return [self.action.name, *(after(port.name) for port in self.states)]

    def dumps(self) -> str:
        """Returns it as JSON."""
        data: dict[str, Any] = {
            "format": FORMAT,
            "velora": self.velora,
            "made_of": self.made_of,
            "observations": [port.to_json() for port in self.observations],
            "action": self.action.to_json(),
            "states": [port.to_json() for port in self.states],
        }
        if self.masks is not None:
            data["masks"] = vars(self.masks)
        return json.dumps(data, allow_nan=False)

    @classmethod
    def loads(cls, text: str) -> Description:
        """Returns what JSON describes.

        Raises:
            ValueError: it describes nothing, or in a format of later times.
        """
        try:
            data = json.loads(text)
            if data["format"] > FORMAT:
                raise ValueError(
                    f"it is of velora-onnx {data['velora']}, which writes format "
                    f"{data['format']}; here {FORMAT} is known. Upgrade velora-onnx"
                )
            masks = data.get("masks")
            return cls(
                made_of=data["made_of"],
                velora=data["velora"],
                observations=tuple(map(Port.from_json, data["observations"])),
                action=Port.from_json(data["action"]),
                states=tuple(map(Port.from_json, data["states"])),
                masks=None if masks is None else Masks.from_json(masks),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"its description is damaged ({error!r})") from error


def after(name: str) -> str:
    """Returns the name of the output with the state after a step."""
    return f"next_{name}"
