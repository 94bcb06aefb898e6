"""Features extractors and images, before networks that RecurrentPPO carries."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from agents import make_env
from recurrent_agents import IMAGE, SMALL_FEATURES, learn, make_model, ragged, sequence
from stable_baselines3.common.torch_layers import FlattenExtractor, NatureCNN
from torch import Tensor

from velora.sb3 import NCPExtractor


@pytest.mark.parametrize("shared", [True, False])
def test_features_extractor_is_shared_where_asked(shared: bool) -> None:
    options = SMALL_FEATURES | {"share_features_extractor": shared}
    model = make_model(make_env("image"), policy_kwargs=options)
    policy = model.policy
    pair = policy.pi_features_extractor, policy.vf_features_extractor
    assert (pair[0] is pair[1]) == shared
    before = copy.deepcopy(pair)
    learn(model)
    for extractor, old in zip(pair, before, strict=True):
        assert isinstance(extractor, NatureCNN)
        assert not torch.equal(extractor.linear[0].weight, old.linear[0].weight)
    again = type(policy)(**policy._get_constructor_parameters())
    assert again.share_features_extractor == shared


@pytest.mark.parametrize(("kind", "n"), [(FlattenExtractor, 3), (NCPExtractor, 10)])
def test_features_extractor_of_mine_is_used(kind: Any, n: int) -> None:
    options: dict[str, Any] = {"features_extractor_class": kind}
    if kind is NCPExtractor:
        options["features_extractor_kwargs"] = {"features_dim": n, "n_neurons": 16}
    policy = learn(make_model(policy_kwargs=options)).policy
    assert isinstance(policy.features_extractor, kind)
    assert {network.in_features for network in policy.networks.values()} == {n}


def test_images_that_are_normalised_are_left_alone() -> None:
    options = SMALL_FEATURES | {"normalize_images": False}
    policy = make_model(ragged(IMAGE), policy_kwargs=options).policy
    seen: list[Tensor] = []
    extractor = policy.features_extractor
    extractor.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    image = sequence(policy, 1)[0]
    policy.predict(image)
    assert isinstance(extractor, NatureCNN)
    assert torch.equal(seen[0], torch.as_tensor(image))
