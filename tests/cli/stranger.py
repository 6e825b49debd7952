"""Runs `cldmon` as a user who owns nothing; a program of its own, for test_strangers.py.

Everything is imported before: that user may not be allowed to read the packages.
"""

from __future__ import annotations

import codecs
import contextlib
import importlib
import io
import os
import pkgutil
import sys

import click._termui_impl  # noqa: F401 - the progress bar of `fetch`

import cldmon
from cldmon.cli.main import cli, main

NOBODY = 65534


def import_everything() -> None:
    """Import all modules, and run the command until it misses the configuration."""
    for module in pkgutil.walk_packages(cldmon.__path__, "cldmon."):
        if module.name != "cldmon.__main__":
            importlib.import_module(module.name)
    codecs.lookup("utf-8-sig")
    quiet = io.StringIO()
    with (
        contextlib.redirect_stdout(quiet),
        contextlib.redirect_stderr(quiet),
        contextlib.suppress(BaseException),
    ):
        cli.main(["--config", "/nonexistent", *sys.argv[1:]], standalone_mode=False)


if __name__ == "__main__":
    import_everything()
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    main()
