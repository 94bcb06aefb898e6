"""Saves networks of two sizes in turn, each of one number alone, until it is ended."""

import itertools
import sys

import torch

from velora.models import NCPNetwork, save_network


def main(path: str) -> None:
    """Prints a line once the first file is there."""
    networks = [NCPNetwork(size, 3 * size, size) for size in (12, 40)]
    for turn in itertools.count():
        network = networks[turn % 2]
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.fill_(turn)
        save_network(network, path)
        if turn == 0:
            print("saved", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
