"""rl-baselines3-zoo, which then tunes our policies and knows our algorithms.

    python -m velora.sb3.zoo train --algo memory_ppo --env CartPoleNoVel-v1 \
        --conf-file examples/zoo/memory_ppo.yml
    python -m velora.sb3.zoo train --algo ppo --env CartPole-v1 -optimize \
        --conf-file examples/zoo/ppo.yml

Its commands are the zoo's, such as `train` and `enjoy`. Importing it adds MemoryPPO,
MemoryDQN and MemorySAC to the zoo's public tables, and wraps the samplers and
converters in them: the zoo tunes `net_arch` and `activation_fn`, of an MLP, and a
search over one of our policies has `n_neurons` and `sparsity_level` in their place.
What else is tuned is the zoo's, and so is all of a search over any other policy. For
CrossQ the zoo has no sampler; it gets SAC's, without `tau`.
"""

from __future__ import annotations

from functools import partial

try:
    from rl_zoo3.hyperparams_opt import HYPERPARAMS_CONVERTER, HYPERPARAMS_SAMPLER
    from rl_zoo3.utils import ALGOS

    from velora.sb3.zoo import tuning
except ImportError as error:
    raise ImportError(
        "The zoo needs rl-baselines3-zoo, and pandas, with which it writes the report "
        f"of a search ({error}): pip install rl_zoo3 pandas.",
        name="rl_zoo3",
    ) from error

from velora.sb3.memory_dqn import MemoryDQN
from velora.sb3.memory_ppo import MemoryPPO
from velora.sb3.memory_sac import MemorySAC

_sac, _ppo = HYPERPARAMS_SAMPLER["sac"], HYPERPARAMS_SAMPLER["ppo"]
_to_sac, _to_ppo = HYPERPARAMS_CONVERTER["sac"], HYPERPARAMS_CONVERTER["ppo"]
_replaying = {"memory_dqn": "dqn", "memory_sac": "sac"}
ALGOS.setdefault("memory_ppo", MemoryPPO)
ALGOS.setdefault("memory_dqn", MemoryDQN)
ALGOS.setdefault("memory_sac", MemorySAC)
HYPERPARAMS_SAMPLER.setdefault("crossq", partial(tuning.sample_crossq, _sac))
HYPERPARAMS_CONVERTER.setdefault("crossq", _to_sac)
HYPERPARAMS_SAMPLER.setdefault("memory_ppo", partial(tuning.sample_memory_ppo, _ppo))
HYPERPARAMS_CONVERTER.setdefault(
    "memory_ppo", partial(tuning.convert_memory_ppo, _to_ppo)
)
for _algo, _base in _replaying.items():
    HYPERPARAMS_SAMPLER.setdefault(
        _algo, partial(tuning.sample_replaying, HYPERPARAMS_SAMPLER[_base])
    )
    HYPERPARAMS_CONVERTER.setdefault(
        _algo, partial(tuning.convert_replaying, HYPERPARAMS_CONVERTER[_base])
    )
for _algo, _sampler in HYPERPARAMS_SAMPLER.items():
    HYPERPARAMS_SAMPLER[_algo] = partial(tuning.sample, _sampler)
for _algo, _converter in HYPERPARAMS_CONVERTER.items():
    HYPERPARAMS_CONVERTER[_algo] = partial(tuning.convert, _converter)
