"""The old place of `random`, by which saved agents find it."""

from velora.wiring.random_graph import random as random
