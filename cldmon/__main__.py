"""`cldmon`, and `python -m cldmon`."""

from __future__ import annotations

import atexit
import gc
import resource
import signal
from contextlib import suppress
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit, as `cldmon.cli.main` does."""
    _forbid_core_dumps()
    _end_by_ctrl_c()
    # Loading makes much that lives and little to collect. Looking for it, then and once more at
    # the exit, would take a sixth of the time of a command: most end before this number is reached.
    gc.set_threshold(200_000)
    atexit.register(gc.freeze)
    from cldmon.cli import main as command_line

    command_line()


def _forbid_core_dumps() -> None:
    """Let no crash write memory to the disk, here or in a child: there are keys in it."""
    with suppress(OSError, ValueError):  # a unit that forbids the call has LimitCORE=0
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_by_ctrl_c() -> None:
    """Let Ctrl-C end the program without a traceback until `cldmon.cli` is loaded and minds it.

    Nothing is begun by then that would have to be cleared up.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
