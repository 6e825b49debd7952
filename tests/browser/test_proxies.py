"""A real proxy on loopback that requires a user and a password: only it receives them."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.tls import create_certificate
from cldmon.claude.browser import BrowserSettings, find_browser
from cldmon.domain.model import FailureKind
from cldmon.domain.ports import ReadResult
from cldmon.domain.secret import Secret
from tests.browser.account_reader import AccountReader, failure
from tests.browser.proxy import Proxy
from tests.env import Env, key_of
from tests.simulation import faults
from tests.simulation.claude import FakeClaude

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, PASSWORD = "me@corp", "p/w:MARKER@1 ü"
QUOTED = "me%40corp:p%2Fw%3AMARKER%401%20%C3%BC"
PLAIN = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}


class Network:
    """A service behind a proxy, over TLS and without; and a browser that trusts it."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        made = create_certificate(folder)
        self.browser = made.write_trusting_browser(find_browser(BrowserSettings(), os.environ))
        self.tls = running.enter_context(FakeClaude(tls=made.context()))
        self.plain = running.enter_context(FakeClaude())
        places = {
            "claude.test:443": int(self.tls.url.rpartition(":")[2]),
            "claude.test": int(self.plain.url.rpartition(":")[2]),
        }
        self.proxy = running.enter_context(Proxy(f"{USER}:{PASSWORD}", places))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with ExitStack() as running:
        yield Network(tmp_path_factory.mktemp("network"), running)


@pytest.fixture(params=["https", "http"])
def reader(network: Network, tmp_path: Path, request: pytest.FixtureRequest) -> AccountReader:
    claude = network.tls if request.param == "https" else network.plain
    settings = BrowserSettings(executable=network.browser, timeout=40)
    return AccountReader(
        claude, tmp_path, settings, env=PLAIN, url=f"{request.param}://claude.test"
    )


def through(reader: AccountReader, proxy: str, *, configured: bool = False) -> AccountReader:
    """Name a proxy in the configuration, or in the environment."""
    if configured:
        return replace(reader, settings=replace(reader.settings, proxy=Secret(proxy)))
    return replace(reader, env={**PLAIN, f"{reader.url.partition(':')[0]}_proxy": proxy})


@pytest.mark.parametrize("configured", [False, True])
def test_user_and_password_are_handed_to_the_proxy(
    reader: AccountReader, network: Network, configured: bool
) -> None:
    network.proxy.asked.clear()
    named = through(reader, f"http://{QUOTED}@{network.proxy.address}", configured=configured)
    assert isinstance(named.read(named.add_account("alice"))["alice"], ReadResult)
    assert network.proxy.asked
    sent = str([*network.tls.requests, *network.plain.requests]).lower()
    assert "marker@1" not in sent
    assert "proxy-authorization" not in sent


@pytest.mark.parametrize("credentials", ["me:wrong@", ""])
def test_a_proxy_that_refuses_is_named(
    reader: AccountReader, network: Network, credentials: str
) -> None:
    named = through(reader, f"http://{credentials}{network.proxy.address}")
    error = failure(named.read(named.add_account("alice"))["alice"])
    assert error.kind is FailureKind.REFUSED
    assert "the proxy requires a valid user and password (HTTP 407)" in error.message


def test_what_no_proxy_can_be_is_one_line(reader: AccountReader) -> None:
    for proxy, words in {
        "socks5://me:MARKER@127.0.0.1:1": "to a SOCKS proxy",
        "ftp://me:MARKER@127.0.0.1:1": "expected a proxy such as",
    }.items():
        named = through(reader, proxy)
        error = failure(named.read(named.add_account("alice"))["alice"])
        assert error.kind is FailureKind.NO_BROWSER
        assert words in error.message
        assert "MARKER" not in error.message


@pytest.mark.parametrize("configured", [False, True])
def test_no_command_line_and_no_other_environment_has_the_password(
    network: Network, tmp_path: Path, configured: bool
) -> None:
    """Of driver, browser and the browser's helpers, while a pass runs; `doctor` hides it, too."""
    proxy = f"http://{QUOTED}@{network.proxy.address}"
    env = Env(tmp_path / "home", network.tls, environ={"CLDMON_BROWSER": network.browser})
    tables = f"[browser]\nproxy = '{proxy}'\n" if configured else ""
    env.set_up({"alice": faults.hang(60)}, tables=tables)
    text = env.config.read_text().replace(network.tls.url, "https://claude.test")
    env.config.write_text(text)
    if not configured:
        env.environ["https_proxy"] = proxy
    network.tls.clear()
    running = env.start("fetch", "--account", "alice")
    try:
        assert network.tls.wait_for_requests(1, timeout=40)
        commands = env.processes()
        assert any("--type=renderer" in command for command in commands.values())
        ours = running.process.pid
        for pid, command in commands.items():
            assert "MARKER" not in command
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            assert pid == ours or b"MARKER" not in environment
    finally:
        network.tls.heal(key_of("alice"))
        running.signal_group(signal.SIGINT)
        _, out, err = running.wait()
    doctor = env.run("doctor")
    source = "browser.proxy" if configured else "https_proxy"
    assert f"http://{network.proxy.address} (from {source}, with user and" in doctor.stdout
    assert "✓ access of alice" in doctor.stdout
    assert "MARKER" not in out + err + doctor.stdout + doctor.stderr
