"""`cldmon`, and `python -m cldmon`."""

from __future__ import annotations

import atexit
import gc
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import NoReturn

_LEAKY_ENV = ("DEBUG", "DEBUGP", "DEBUG_FILE", "PWDEBUG")
"""They make Playwright print all that it sends, session keys included, or show windows."""


def main() -> NoReturn:
    """Run the command line and exit, as `cldmon.cli.main.main` does."""
    with suppress(OSError, ValueError):  # a unit that forbids the call has LimitCORE=0
        # A crash, here or in a child, must not write memory to disk: it holds keys.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Ctrl-C ends the program without a traceback until `cldmon.cli` is loaded and handles it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Loading modules leaves little to collect: looking for it, then and again at exit, would take
    # a sixth of a command's time. Most commands end before this number is reached.
    gc.set_threshold(200_000)
    atexit.register(gc.freeze)
    if sys.argv[1:2] == ["report"]:
        from cldmon.reporter.main import main as report

        if (code := report(sys.argv[2:])) is not None:
            sys.exit(code)
    for name in _LEAKY_ENV:  # Playwright reads some of them on import
        os.environ.pop(name, None)
    # A plugin of pydantic, installed for another program, would see session keys, and looking for
    # plugins takes time.
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    from cldmon.cli.main import main as command_line

    command_line()


if __name__ == "__main__":
    main()
