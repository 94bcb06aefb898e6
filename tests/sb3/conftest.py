"""What all tests of velora-sb3 share; `agents.py` makes their agents."""

from shared_fixtures import single_thread as single_thread
from shared_fixtures import toy_networks as toy_networks
