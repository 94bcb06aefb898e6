"""`python -m velora.sb3.zoo train ...`: the zoo's commands, with our algorithms."""

from __future__ import annotations

import runpy
import sys

import velora.sb3.zoo  # noqa: F401  # before the zoo lists its algorithms

_COMMANDS = ("train", "enjoy", "record_video", "record_training")


def main() -> None:
    """Runs the module of the zoo that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else "nothing"
    if name in ("-h", "--help"):
        print(
            f"python -m velora.sb3.zoo {{{','.join(_COMMANDS)}}} [options of rl_zoo3]"
        )
        return
    if name not in _COMMANDS:
        sys.exit(f"The first argument must be one of {_COMMANDS}; got {name}.")
    del sys.argv[1]
    runpy.run_module(f"rl_zoo3.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
