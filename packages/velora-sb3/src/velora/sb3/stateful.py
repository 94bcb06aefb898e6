"""Old path of `velora.sb3.recurrent.recurrent_body` and `lstm_states` beside it."""

from velora.models.protocol import State
from velora.sb3.recurrent.lstm_states import PackedBody

StatefulBody = PackedBody

__all__ = ["State", "StatefulBody"]
