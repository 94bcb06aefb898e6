"""Networks of others that are as large as ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from common.training import AgentJob, make_agent
from velora.utils import active_parameters, total_parameters

AS_NCP = "as NCPPolicy"
MATCHED = {
    "our synapses": active_parameters,
    "our parameters": total_parameters,
    AS_NCP: active_parameters,
}
"""What a row is matched in, by what its name ends with: `MlpPolicy, our synapses`."""


def matched(ours: AgentJob, theirs: Callable[[int], AgentJob], what: str) -> AgentJob:
    """Returns their job at the width at which it has as many numbers as ours.

    Args:
        ours: The agent whose size counts.
        theirs: The job of a width; a wider one has more parameters.
        what: One of `MATCHED`, of both. All of an agent's networks count, targets too.
    """
    wanted = _size(_Unseeded(ours), what)

    def beyond(width: int) -> int:
        return _size(_Unseeded(theirs(width)), what) - wanted

    low, high = 2, 4
    while beyond(high) < 0:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if beyond(middle) < 0 else (low, middle)
    return theirs(min((low, high), key=lambda width: abs(beyond(width))))


class _Unseeded:
    """A job that is the same as the one of another seed."""

    def __init__(self, job: AgentJob) -> None:
        self.job = replace(job, names={}, seed=0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unseeded) and repr(self.job) == repr(other.job)

    def __hash__(self) -> int:
        return hash(repr(self.job))


@cache
def _size(unseeded: _Unseeded, what: str) -> int:
    agent = make_agent(unseeded.job)
    size = MATCHED[what](agent.policy)
    agent.env.close()
    return size
