"""`cldmon serve` in this process, with the injected clock, and commands that ask it."""

from __future__ import annotations

import contextlib
import threading
from importlib import import_module
from typing import TYPE_CHECKING

from click.testing import CliRunner

from cldmon.app.app import App
from cldmon.app.server import build_server
from tests.env import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from tests.env import Env

TOKEN = "a-token-for-programs"


def write_config(env: Env, *labels: str, more: str = "") -> None:
    """Write a configuration with a port and an API token."""
    env.write_config(f'port = {free_port()}\napi_token = "{TOKEN}"\n{more}', labels=labels)


@contextlib.contextmanager
def serve(env: Env) -> Iterator[str]:
    """Serve what is in an environment, and yield the URL."""
    server = build_server(env.app)
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        server.end()
        thread.join()


def ask(env: Env, url: str, words: str, **environ: str) -> Result:
    """Run a command with `--server` and the token, on a machine without any configuration."""
    name, *arguments = words.split()
    command = import_module(f"cldmon.cli.{name}").command
    here = {"HOME": "/nonexistent", "CLDMON_API_TOKEN": TOKEN, **environ}
    app = App(None, None, here, env.clock)
    return CliRunner().invoke(command, [*arguments, "--server", url], obj=app)
