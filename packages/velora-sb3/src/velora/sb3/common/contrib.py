"""What Velora takes from sb3-contrib, or the word which extra installs it."""

try:
    from sb3_contrib import ARS, QRDQN, TQC, TRPO, CrossQ, MaskablePPO, RecurrentPPO
    from sb3_contrib.ars.policies import ARSPolicy
    from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
    from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
    from sb3_contrib.common.recurrent.type_aliases import RNNStates
    from sb3_contrib.common.torch_layers import BatchRenorm1d
    from sb3_contrib.crossq.policies import Actor as CrossQActor
    from sb3_contrib.crossq.policies import CrossQCritic, CrossQPolicy
    from sb3_contrib.qrdqn.policies import QRDQNPolicy, QuantileNetwork
    from sb3_contrib.tqc.policies import Actor as TQCActor
    from sb3_contrib.tqc.policies import Critic as TQCCritic
    from sb3_contrib.tqc.policies import TQCPolicy
except ImportError as error:
    raise ImportError(
        "This algorithm comes from sb3-contrib 2.7 or newer, which is not installed "
        f"({error}): pip install --upgrade 'velora-sb3[contrib]'.",
        name="sb3_contrib",
    ) from error

__all__ = [
    "ARS",
    "QRDQN",
    "TQC",
    "TRPO",
    "ARSPolicy",
    "BatchRenorm1d",
    "CrossQ",
    "CrossQActor",
    "CrossQCritic",
    "CrossQPolicy",
    "MaskableActorCriticPolicy",
    "MaskablePPO",
    "QRDQNPolicy",
    "QuantileNetwork",
    "RNNStates",
    "RecurrentActorCriticPolicy",
    "RecurrentPPO",
    "TQCActor",
    "TQCCritic",
    "TQCPolicy",
]
