"""Runs `cldmon` as a user who owns nothing; a program of its own, for test_strangers.py.

Everything is imported before: that user may not be allowed to read the packages. It reads one
request per line, runs each in a process of its own, and prints how it ended and what it said.
"""

from __future__ import annotations

import codecs
import contextlib
import importlib
import io
import json
import os
import pkgutil
import sys
from typing import TYPE_CHECKING, NoReturn

import click._termui_impl  # noqa: F401 - the progress bar of `fetch`

import cldmon
from cldmon.cli.main import cli, main

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOBODY = 65534


def import_everything() -> None:
    """Import all modules of cldmon."""
    for module in pkgutil.walk_packages(cldmon.__path__, "cldmon."):
        if module.name != "cldmon.__main__":
            importlib.import_module(module.name)
    codecs.lookup("utf-8-sig")


def run_as_nobody(words: Sequence[str], folder: str, environ: Mapping[str, str]) -> NoReturn:
    """Become that user, and run a command in a folder."""
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    # Until it misses the configuration, so that what the command imports is there, too.
    quiet = io.StringIO()
    with (
        contextlib.redirect_stdout(quiet),
        contextlib.redirect_stderr(quiet),
        contextlib.suppress(BaseException),
    ):
        cli.main(["--config", "/nonexistent", *words], standalone_mode=False)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    sys.argv[1:] = words
    main()


def answer(request: str) -> str:
    """Return a command's exit code and output as JSON."""
    output, its_output = os.pipe()
    if (child := os.fork()) == 0:
        for number in (1, 2):
            os.dup2(its_output, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.closerange(3, its_output + 1)
        run_as_nobody(*json.loads(request))
    os.close(its_output)
    with open(output, encoding="utf-8") as pipe:  # noqa: PTH123 - a descriptor
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return json.dumps([os.waitstatus_to_exitcode(status), said])


if __name__ == "__main__":
    import_everything()
    for line in sys.stdin:
        print(answer(line), flush=True)
