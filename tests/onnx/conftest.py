"""What all tests of velora-onnx share; agents are those of tests/sb3."""

from shared_fixtures import single_thread as single_thread
from shared_fixtures import toy_networks as toy_networks
