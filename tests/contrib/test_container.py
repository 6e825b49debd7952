"""The container files: linted, and built from the files they need."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]

from cldmon.config.schema import Config
from tests import namespaces
from tests.docs.pages import page_blocks
from tests.env import CLDMON, Env, free_port, wait_until
from tests.proxies import NAME, Entrance, caddy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.claude import FakeClaude

ROOT = Path(__file__).resolve().parents[2]
CONTAINER = ROOT / "contrib" / "container"
CONTAINERFILE = CONTAINER / "Containerfile"
CADDYFILE = CONTAINER / "Caddyfile"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((CONTAINER / "compose.yaml").read_text())


def test_the_container_file_follows_the_rules_of_hadolint() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    ran = subprocess.run([hadolint, CONTAINERFILE], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def test_it_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (.+)$", CONTAINERFILE.read_text(), re.MULTILINE)
    assert users == ["994"]


def test_what_the_build_needs_of_the_checkout_is_let_in() -> None:
    """Above all no configuration, no `.venv` and no data."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert [name for name in let_in if not (ROOT / name).exists()] == []
    assert {"cldmon", "pyproject.toml", "requirements.lock", "hatch_build.py"} <= set(let_in)
    assert lines.index("contrib/container/config") > lines.index("!contrib")


def test_the_services_of_the_compose_file_share_image_and_data(compose: Any) -> None:
    fetch, serve = compose["services"]["fetch"], compose["services"]["serve"]
    assert fetch["image"] == serve["image"] == "cldmon"
    assert fetch["volumes"] == serve["volumes"]
    assert (CONTAINER / fetch["build"]["context"]).resolve() == ROOT
    assert (ROOT / fetch["build"]["dockerfile"]).is_file()


def test_the_proxy_has_the_address_that_the_page_trusts_and_no_other_is_trusted(
    compose: Any,
) -> None:
    """Not the whole network: every client on the host arrives from its gateway."""
    [settings] = [b.text for b in page_blocks("container.md") if b.language == "toml"]
    config = Config.model_validate(tomllib.loads(settings))
    address = compose["services"]["proxy"]["networks"]["proxied"]["ipv4_address"]
    assert config.trusted_proxies == (address,)
    [pool] = compose["networks"]["proxied"]["ipam"]["config"]
    network = ip_network(pool["subnet"])
    assert ip_address(address) in network
    assert ip_address(address) != network[1]  # the gateway
    assert "proxied" in compose["services"]["serve"]["networks"]
    assert config.public_url == f"https://{site()[0]}/"
    assert config.host == "0.0.0.0"


def site() -> tuple[str, str]:
    """Return the site name of the Caddyfile, and its upstream."""
    found = re.search(r"^(\S+) \{\n\treverse_proxy (\S+)\n\}$", CADDYFILE.read_text(), re.MULTILINE)
    assert found
    return found[1], found[2]


def test_the_proxy_leads_to_the_port_of_the_dashboard(compose: Any) -> None:
    service, _, port = site()[1].partition(":")
    assert compose["services"][service]["command"] == ["serve"]
    assert int(port) == Config().port
    assert f"./{CADDYFILE.name}:/etc/caddy/Caddyfile:ro" in compose["services"]["proxy"]["volumes"]


def test_caddy_takes_the_caddyfile() -> None:
    argv = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "not formatted" not in ran.stderr


def test_behind_that_proxy_cookies_are_secure(tmp_path: Path, fake_claude: FakeClaude) -> None:
    """The Caddyfile, except its names, ports and TLS, in front of a real server."""
    env, served = Env(tmp_path, fake_claude), free_port()
    entrance = Entrance(free_port(), tls=False)
    public = f"https://{NAME}:{entrance.port}"
    env.write_config(f'port = {served}\npublic_url = "{public}/"\nlogin = "open"')
    name, upstream = site()
    text = CADDYFILE.read_text().replace(upstream, f"127.0.0.1:{served}")
    here = f"http://{NAME}:{entrance.port} {{\n\tbind 127.0.0.1"
    block = text.replace(f"{name} {{", here)
    server = env.start("serve")
    try:
        assert server.process.stderr
        assert any("serving http" in line for line in iter(server.process.stderr.readline, ""))
        with caddy(tmp_path / "caddy", block):
            wait_until(entrance.is_up)
            answer = entrance.ask("POST", "/api/auth", {"slackId": ""}, headers={"Origin": public})
    finally:
        server.process.terminate()
        server.wait()
    assert answer.status == 200
    assert answer.cookie.startswith("__Host-")
    assert "; Secure" in answer.cookie


def entry_point() -> list[str]:
    """Return the words that come before cldmon in the entry point."""
    found = re.findall("^ENTRYPOINT (.*)$", CONTAINERFILE.read_text(), re.MULTILINE)
    words = json.loads(found[-1])
    assert words[-1] == "cldmon"
    return list(map(str, words[:-1]))


@contextmanager
def contained(env: Env, *init: str) -> Iterator[Callable[..., str]]:
    """Run `cldmon serve` as in a container, and yield its `exec`."""
    namespaces.require()
    told, tell = os.pipe()
    argv = ["bwrap", "--dev-bind", "/", "/", "--unshare-user", "--unshare-pid", "--proc", "/proc"]
    started = subprocess.Popen(
        [*argv, "--as-pid-1", "--info-fd", str(tell), *init, CLDMON, "serve"],
        pass_fds=[tell],
        env=env.environ,
        cwd=env.folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(tell)
    with os.fdopen(told) as information:
        pid = json.load(information)["child-pid"]
    enter = ["nsenter", f"--target={pid}", "--user", "--pid", "--mount", "--preserve-credentials"]

    def run(*words: str) -> str:
        ran = subprocess.run(
            [*enter, *words],
            env=env.environ,
            cwd=env.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    try:
        assert started.stderr
        assert any("serving http" in line for line in iter(started.stderr.readline, ""))
        yield run
    finally:
        os.kill(pid, signal.SIGKILL)
        started.communicate()


def zombies(run: Callable[..., str]) -> list[str]:
    stats = run("sh", "-c", "cat /proc/[0-9]*/stat || :").splitlines()
    return [stat for stat in stats if stat.rpartition(") ")[2].startswith("Z")]


ORPHAN = ("sh", "-c", "(sleep 0 &)")
"""A process that outlives its parent, as a browser's helpers do."""


def test_what_runs_in_a_container_leaves_no_zombie(tmp_path: Path, fake_claude: FakeClaude) -> None:
    """Neither a pass started by `podman exec` nor an orphan: the entry point reaps them."""
    env = Env(tmp_path, fake_claude).set_up({"alice": None}, f"port = {free_port()}")
    with contained(env, *entry_point()) as run:
        run(CLDMON, "fetch", "--strict")
        run(*ORPHAN)
        wait_until(lambda: not zombies(run))


def test_without_the_entry_point_there_would_be_one(
    tmp_path: Path, fake_claude: FakeClaude
) -> None:
    env = Env(tmp_path, fake_claude).set_up({"alice": None}, f"port = {free_port()}")
    with contained(env) as run:
        run(*ORPHAN)
        wait_until(lambda: zombies(run))


def test_the_image_has_the_program_of_its_entry_point() -> None:
    final = CONTAINERFILE.read_text().rpartition("FROM ")[2]
    install = re.search(r"apt-get install .*?&&", final, re.DOTALL)
    assert install
    assert entry_point()[0] in install[0].split()


def test_the_dashboard_is_published_only_on_loopback(compose: Any) -> None:
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["serve"]["ports"])
    assert "ports" not in compose["services"]["fetch"]
