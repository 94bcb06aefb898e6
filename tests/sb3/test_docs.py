"""The matrix in the docs says what the algorithms do."""

from __future__ import annotations

from pathlib import Path

import pytest
from agents import ALGORITHMS, make_agent

import velora.sb3

PAGE = Path(__file__).parents[2] / "docs" / "policies.md"
ROWS = {
    cells[0]: cells[1:]
    for line in PAGE.read_text("utf-8").splitlines()
    if (cells := [cell.strip() for cell in line.strip("|").split("|")])
    and cells[0] in ALGORITHMS
}


def names(cell: str) -> list[str]:
    return [part.strip(" `") for part in cell.split(",")]


def test_matrix_has_every_algorithm() -> None:
    assert ROWS.keys() == ALGORITHMS.keys()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_matrix_says_what_an_algorithm_takes(algorithm: str) -> None:
    module, actions, networks, roles, gsde = ROWS[algorithm]
    policy = make_agent(algorithm).policy
    assert type(policy) is getattr(velora.sb3, module.strip("`")).NCPPolicy
    spec = ALGORITHMS[algorithm]
    assert {name.replace("-", "_") for name in names(actions)} == set(spec.actions)
    said = [name for part in networks.split(";") for name in names(part.split(":")[0])]
    assert said == list(policy.networks)
    assert names(roles) == list(policy.roles)
    if gsde == "yes":
        make_agent(algorithm, actions="box", use_sde=True).policy.reset_noise()
    else:
        with pytest.raises(TypeError, match="use_sde"):
            make_agent(algorithm, use_sde=True)
