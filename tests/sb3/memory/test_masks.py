"""Masks: no invalid action, no probability of one, and none forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agents import ACTIONS, make_agent
from gymnasium import spaces
from memory_agents import (
    Masked,
    Observed,
    learn,
    make_model,
    masked,
    on_train,
    parts_of,
    ragged,
)
from recurrent_agents import FLAT
from stable_baselines3.common import evaluation
from stable_baselines3.common.vec_env import SubprocVecEnv, VecNormalize

from velora.sb3 import Agent, EvalCallback, MemoryPPO, evaluate_policy
from velora.sb3.memory.masks import choices
from velora.sb3.memory.masks import masked as mask_logits

DISCRETE = ("discrete", "multi_discrete", "multi_binary")
each_action = pytest.mark.parametrize("actions", DISCRETE)
each_kind = pytest.mark.parametrize("kind", [Masked, Observed])


def model_of(actions: str = "discrete", kind: Any = Masked, **settings: Any) -> Any:
    options = {"mask_key": "valid"} if kind is Observed else {}
    env = settings.pop("env", None) or masked(actions, kind=kind)
    return make_model(env, policy_kwargs=options, **settings)


@each_kind
@each_action
def test_no_invalid_action_is_taken_while_learning(actions: str, kind: Any) -> None:
    # The environments refuse invalid actions by themselves; 100,000 steps in all.
    env = masked(actions, 64, kind)
    settings = {"n_steps": 70, "batch_size": 1120, "n_epochs": 1}
    model = learn(model_of(actions, kind, env=env, learning_rate=0.01, **settings), 4)
    assert model.num_timesteps == 17_920


@each_kind
@each_action
def test_no_invalid_action_is_taken_in_evaluation(actions: str, kind: Any) -> None:
    model = learn(model_of(actions, kind))
    for deterministic in (True, False):
        evaluate_policy(model, masked(actions, kind=kind), 30, deterministic)


@each_action
def test_invalid_choices_have_no_probability_and_others_keep_theirs(
    actions: str,
) -> None:
    space = ACTIONS[actions]
    sizes = parts_of(space)
    assert choices(space) == sizes
    policy = make_model(masked(actions)).policy
    generator = np.random.default_rng(0)
    n_logits = len(sizes) if actions == "multi_binary" else sum(sizes)
    logits = torch.randn(50, n_logits, requires_grad=True)
    valid = [generator.random((50, size)) < 0.5 for size in sizes]
    for part in valid:
        part[np.arange(50), generator.integers(part.shape[1], size=50)] = True
    masks = torch.as_tensor(np.concatenate(valid, axis=1))
    distribution = policy.action_dist.proba_distribution(
        mask_logits(logits, masks, space)
    )
    if actions == "multi_binary":
        ones = distribution.distribution.probs.detach()
        probs = [torch.stack((1 - p, p), dim=1) for p in ones.unbind(dim=1)]
        raw = [torch.stack((-x, x), dim=1) / 2 for x in logits.unbind(dim=1)]
    else:
        found = distribution.distribution
        each = found if isinstance(found, list) else [found]
        probs = [part.probs.detach() for part in each]
        raw = list(logits.split(sizes, dim=1))
    for prob, part, logit in zip(probs, valid, raw, strict=True):
        mask = torch.as_tensor(part)
        assert (prob[~mask] == 0).all()
        expected = torch.softmax(torch.where(mask, logit, -torch.inf), dim=1)
        torch.testing.assert_close(prob, expected)
    actions_drawn = distribution.sample()
    total = distribution.log_prob(actions_drawn).sum() + distribution.entropy().sum()
    total.backward()
    assert total.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_masks_are_those_of_before_the_step() -> None:
    asked: list[Any] = []

    class Asked(Masked):
        def action_masks(self) -> np.ndarray:
            asked.append(super().action_masks())
            return asked[-1]

    model = make_model(masked(n_envs=1, kind=Asked))
    noted: list[Any] = []
    on_train(model, lambda: noted.append(model.rollout_buffer.masks.copy()))
    learn(model, 1)
    assert len(asked) == 24
    np.testing.assert_array_equal(noted[0][:, 0], np.stack(asked))
    assert not noted[0].all()


def test_masks_are_asked_of_environments_in_other_processes() -> None:
    env = SubprocVecEnv([lambda: Masked("discrete")] * 2, start_method="fork")
    try:
        learn(model_of(env=env))
    finally:
        env.close()


def test_agent_that_was_trained_with_masks_refuses_to_act_without() -> None:
    model = learn(model_of())
    obs = np.zeros((2, 3), np.float32)
    for predict in (model.predict, model.policy.predict, Agent(model).act):
        with pytest.raises(ValueError, match="was trained with masks, and needs"):
            predict(obs)
    with pytest.raises(ValueError, match="was trained with masks"):
        evaluation.evaluate_policy(model, masked(), 1)
    with pytest.raises(ValueError, match="was trained with masks"):
        evaluate_policy(model, ragged(FLAT, "discrete"), 1)
    model.set_env(ragged(FLAT, "discrete"))
    with pytest.raises(ValueError, match="must have `action_masks"):
        learn(model)


def test_environments_that_come_later_are_asked_for_masks(tmp_path: Path) -> None:
    model = learn(make_model(ragged(FLAT, "discrete")))
    assert not model.policy.masked
    model.save(tmp_path / "agent")
    loaded = MemoryPPO.load(tmp_path / "agent", env=masked(), device="cpu")
    model.set_env(masked())
    for agent in (loaded, model):  # the environments refuse invalid actions
        learn(agent)
        evaluate_policy(agent, masked(), 5, deterministic=False)
        with pytest.raises(ValueError, match="needs `action_masks`"):
            agent.predict(np.zeros(3, np.float32))


def test_environments_that_come_later_are_not_asked_if_masks_are_ignored() -> None:
    env = ragged(FLAT, "discrete")
    model = make_model(env, policy_kwargs={"masked": False})
    model.set_env(masked())
    assert not model.policy.masked
    bare = MemoryPPO("LiquidPolicy", env, device="cpu", _init_setup_model=False)
    bare.set_env(masked())  # before there is a policy
    assert not bare.masked


def test_masks_of_an_environment_can_be_ignored() -> None:
    class Lenient(Masked):
        def step(self, action: Any) -> Any:
            return super().step(self.action_masks().argmax())

    model = make_model(masked(kind=Lenient), policy_kwargs={"masked": False})
    learn(model)
    assert not model.policy.masked
    assert model.rollout_buffer.n_choices == 0
    evaluate_policy(model, masked(kind=Lenient), 2)


def test_agent_acts_by_masks() -> None:
    model = learn(model_of())
    agent = Agent(model)
    generator = np.random.default_rng(0)
    for _ in range(20):
        masks = np.eye(4, dtype=bool)[generator.integers(4, size=2)]
        obs = generator.random((2, 3), np.float32)
        assert (agent.act(obs, masks) == masks.argmax(axis=1)).all()
    single = Agent(model).act(obs[0], masks[0])
    assert single == masks[0].argmax()
    maskable = make_agent("MaskablePPO")
    masks = np.eye(4, dtype=bool)[[2]]
    assert Agent(maskable).act(np.zeros((1, 6), np.float32), masks) == 2
    with pytest.raises(TypeError, match="`action_masks` must be left out"):
        Agent(make_agent("PPO")).act(np.zeros((1, 6), np.float32), masks)


def test_mask_in_an_observation_is_no_feature() -> None:
    model = learn(model_of(kind=Observed))
    assert model.policy.networks["pi"].in_features == 6
    env = masked(kind=Observed)
    evaluation.evaluate_policy(model, env, 3)  # Stable-Baselines3's own, too
    learn(model_of(kind=Observed, env=VecNormalize(env, norm_obs_keys=["obs", "what"])))


def test_mask_in_an_observation_is_enough_where_there_are_both() -> None:
    class Both(Masked):
        def __init__(self, actions: str) -> None:
            super().__init__(actions, in_observation=True)

    model = learn(make_model(masked(kind=Both), policy_kwargs={"mask_key": "valid"}))
    assert not model.policy.masked
    evaluation.evaluate_policy(model, masked(kind=Both), 3)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (np.ones((2, 5)), r"must have shape \(n_envs, choices\) = \(2, 4\)"),
        (np.ones((3, 4)), r"got \(3, 4\)"),
        (np.zeros((2, 4)), "must leave a valid choice"),
        (np.full((2, 4), 0.5), "must hold 0 and 1"),
    ],
)
def test_wrong_masks_are_refused(masks: Any, message: str) -> None:
    model = model_of()
    with pytest.raises(ValueError, match=message):
        model.predict(np.zeros((2, 3), np.float32), action_masks=masks)


def test_keys_that_name_no_mask_are_refused() -> None:
    space = spaces.Dict(
        obs=FLAT, few=spaces.MultiBinary(3), valid=spaces.MultiBinary(4)
    )
    for key in ("few", "obs", "none", 3):
        with pytest.raises(ValueError, match=r"must name a MultiBinary\(4\)"):
            make_model(ragged(space, "discrete"), policy_kwargs={"mask_key": key})
    for options in ({"mask_key": "valid"}, {"masked": True}):
        with pytest.raises(ValueError, match="are for actions that can be counted"):
            make_model(ragged(space, "box"), policy_kwargs=options)


def test_environments_with_boxes_have_no_masks() -> None:
    class Boxed(Masked):
        def __init__(self, actions: str) -> None:
            super().__init__("discrete")
            self.action_space = ACTIONS[actions]

        def step(self, action: Any) -> Any:
            return super().step(self.action_masks().argmax())

    assert not learn(make_model(masked("box", kind=Boxed))).policy.masked


def test_evaluation_carries_the_state_and_the_masks(tmp_path: Any) -> None:
    model = model_of()
    states: list[Any] = []
    predict = model.policy.predict

    def watched(obs: Any, state: Any, starts: Any, *rest: Any) -> Any:
        states.append((state, starts.copy()))
        return predict(obs, state, starts, *rest)

    model.policy.predict = watched
    _, lengths = evaluate_policy(model, masked(), 9, return_episode_rewards=True)
    assert max(lengths) > 2
    assert states[0][0] is None
    assert states[0][1].all()
    assert all(state is not None and state[0].any() for state, _ in states[1:])
    assert any(starts.any() for _, starts in states[1:])
    del model.policy.predict

    class Noting(EvalCallback):
        def _log_success_callback(self, *variables: Any) -> None:
            self.model.seen = True  # type: ignore[attr-defined]  # by a user
            super()._log_success_callback(*variables)

    callback = Noting(
        masked(),
        n_eval_episodes=6,
        eval_freq=10,
        best_model_save_path=str(tmp_path),
        log_path=str(tmp_path),
        verbose=0,
    )
    model.learn(144, callback=callback)
    assert (tmp_path / "best_model.zip").exists()
    found = np.load(tmp_path / "evaluations.npz")
    assert found["results"].shape == (4, 6)
    assert callback.model is model
    assert model.seen
    loaded = type(model).load(tmp_path / "best_model", device="cpu")
    evaluate_policy(loaded, masked(), 2)
