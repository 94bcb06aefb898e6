"""Files that one process reads while others save."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from velora.models import NCPNetwork, load_network, save_network

WRITER = Path(__file__).with_name("saves_forever.py")


@pytest.fixture
def writers(path):
    """Two processes that save into one file."""
    started = [
        subprocess.Popen(
            [sys.executable, str(WRITER), str(path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdout.readline() == "saved\n"
    yield started
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_reader_sees_one_file(writers, path):
    loads, seen = 0, set()
    while loads < 400 or len(seen) < 10:
        assert [process.poll() for process in writers] == [None, None]
        network = load_network(path)
        numbers = {
            n for p in network.parameters() for n in p.detach().unique().tolist()
        }
        assert len(numbers) == 1  # those of one file
        seen |= {(network.in_features, *numbers)}
        loads += 1
    assert {size for size, _ in seen} == {12, 40}


def test_threads_that_save_at_once_leave_one_whole_file(path):
    networks = [NCPNetwork(size, 20, 3) for size in (4, 5, 6, 7)]
    threads = [
        threading.Thread(
            target=lambda n=network: [save_network(n, path) for _ in range(20)]
        )
        for network in networks
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            assert load_network(path).in_features in (4, 5, 6, 7)
    for thread in threads:
        thread.join()
    assert load_network(path).in_features in (4, 5, 6, 7)
    assert os.listdir(path.parent) == [path.name]
