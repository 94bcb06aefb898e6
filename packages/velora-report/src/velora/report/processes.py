"""The same work on many items, in this process or in several beside it."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack
from multiprocessing import get_context
from typing import Any, Protocol, TypeVar

import torch
from stable_baselines3.common.vec_env.base_vec_env import CloudpickleWrapper

T = TypeVar("T", contravariant=True)
R = TypeVar("R", covariant=True)


class Work(Protocol[T, R]):
    """Work whose preparations serve many items."""

    def opened(self) -> AbstractContextManager[Callable[[T], R]]:
        """Prepares it, and gives what is done to an item."""


def results(work: Work[T, R], items: Iterable[T], jobs: int) -> Generator[R]:
    """Yields what becomes of each item, in their order.

    Processes are fresh ones, which get the work by cloudpickle, so functions and
    classes of a script are taken, too.

    Raises:
        RuntimeError: one of several processes has died.
        Exception: whatever the work raises; what was not begun is given up.
    """
    if jobs == 1:
        with work.opened() as do:
            yield from map(do, items)
        return
    pickled = pickle.dumps(CloudpickleWrapper(work))
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _start, (pickled,))
    try:
        yield from pool.map(_do, items)
    except BrokenProcessPool as error:
        raise RuntimeError(
            f"Each of the {jobs} processes must stay alive; one has died. A script "
            'that starts them needs `if __name__ == "__main__":` around what it does; '
            "otherwise memory may have run out: take fewer jobs."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_pickled: bytes
_opened: Callable[[Any], Any] | None = None
_open = ExitStack()  # until the process ends


def _start(pickled: bytes) -> None:
    global _pickled
    _pickled = pickled
    torch.set_num_threads(1)  # as there are several processes


def _do(item: Any) -> Any:
    global _opened
    if _opened is None:  # here, where an error finds its way back
        work: Work[Any, Any] = pickle.loads(_pickled).var
        _opened = _open.enter_context(work.opened())
    return _opened(item)
