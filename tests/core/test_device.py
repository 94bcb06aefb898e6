"""A device is what a plugin says, else what was asked for, if it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from velora.plugins import hookimpl, manager
from velora.utils import set_device


@pytest.fixture
def answering() -> Iterator[Callable[[Callable[[str], Any]], None]]:
    """Registers a plugin that answers for devices, until the test is over."""
    added = []

    def add(answer: Callable[[str], Any]) -> None:
        class Chooser:
            @hookimpl(tryfirst=True)
            def velora_resolve_device(self, device: str) -> Any:
                return answer(device)

        added.append(Chooser())
        manager().register(added[-1], name=f"chooser {len(added)}")

    yield add
    for plugin in added:
        manager().unregister(plugin)


def test_auto_is_the_default_and_can_be_computed_on() -> None:
    device = set_device()
    assert device == set_device("auto")
    assert torch.ones(2, device=device).sum() == 2


def test_auto_prefers_an_accelerator() -> None:
    known = {"cuda": torch.cuda, "xpu": torch.xpu, "mps": torch.backends.mps}
    there = {kind for kind, module in known.items() if module.is_available()}
    assert set_device("auto").type in (there or {"cpu"})


@pytest.mark.parametrize("name", ["cpu", "cpu:0", "meta"])
def test_available_device_is_taken_by_name_and_as_device(name: str) -> None:
    assert set_device(name) == torch.device(name)
    assert set_device(torch.device(name)) == torch.device(name)


def test_pytorch_default_device_stays() -> None:
    before = torch.get_default_device()
    set_device("meta")
    assert torch.get_default_device() == before


@pytest.mark.parametrize(
    "name", ["toaster", "", "CPU", "AUTO", "cpu:3", "cuda:-1", "cuda:999", "hpu"]
)
def test_unknown_or_unavailable_device_lists_available_ones(name: str) -> None:
    with pytest.raises(ValueError, match="must be 'auto' or an available") as caught:
        set_device(name)
    assert f"got {name!r}. Available: " in str(caught.value)
    assert str(caught.value).endswith("cpu, meta.")


def test_missing_cuda_index_raises_and_existing_ones_are_taken() -> None:
    count = torch.cuda.device_count()
    with pytest.raises(ValueError, match=f"got 'cuda:{count}'"):
        set_device(torch.device("cuda", count))
    for index in range(count):
        assert set_device(f"cuda:{index}") == torch.device("cuda", index)


@pytest.mark.parametrize("device", [0, 1.5, ["cpu"], torch.float32])
def test_wrong_type_raises_type_error(device: object) -> None:
    with pytest.raises(TypeError, match=r"must be a string or a torch\.device; got"):
        set_device(device)


def test_hook_is_asked_first_and_its_answer_is_used(answering: Callable) -> None:
    asked = []
    answering(lambda device: asked.append(device) or torch.device("meta"))
    assert set_device() == torch.device("meta")
    assert set_device("toaster") == torch.device("meta")
    assert set_device(torch.device("cpu")) == torch.device("meta")
    assert asked == ["auto", "toaster", "cpu"]


def test_hook_may_answer_with_a_string(answering: Callable) -> None:
    answering(lambda device: "meta")
    assert set_device("cpu") == torch.device("meta")


def test_hook_that_answers_none_leaves_the_choice(answering: Callable) -> None:
    answering(lambda device: None)
    assert set_device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="toaster"):
        set_device("toaster")


def test_hook_that_answers_with_no_device_is_skipped_by_name(
    answering: Callable,
) -> None:
    answering(lambda device: "toaster")
    with pytest.warns(RuntimeWarning, match=r"Plugin chooser 1 could not .*toaster"):
        assert set_device("cpu") == torch.device("cpu")
