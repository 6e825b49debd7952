"""The AppArmor profile of the browser: the parser takes it, and it is for that program alone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from cldmon.claude import apparmor

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "contrib" / "apparmor" / "cldmon-browser"
SHELL = Path("/usr/lib/chromium/chromium-headless-shell")


def parser(*words: str, text: str) -> subprocess.CompletedProcess[str]:
    """Let the parser of this machine read a profile, as far as that goes without a kernel."""
    return subprocess.run(
        ["apparmor_parser", "--skip-kernel-load", "--skip-cache", *words],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
    )


def for_this_parser(text: str) -> str:
    """Return a profile without the one rule that only AppArmor 4 knows, where this one is older."""
    version = re.search(r"version (\d+)", parser("--version", text="").stdout)
    assert version
    if int(version[1]) >= 4:
        return text
    assert text.count("\n  userns,\n") == 1
    return text.replace("\n  userns,\n", "\n").replace("<abi/4.0>", "<abi/3.0>")


@pytest.mark.parametrize(
    "program",
    [
        str(SHELL),
        "/opt/a b/chrome",
        "/opt/*?[x]{y}^@{z}",
        '/opt/"quoted"',
        r"/opt/back\slash",
        "/é",
    ],
)
def test_the_parser_takes_the_profile_of_any_program(program: str) -> None:
    text = for_this_parser(apparmor.render_profile(Path(program)))
    ran = parser("--names", text=text)
    assert (ran.returncode, ran.stdout) == (0, "cldmon-browser\n"), ran.stderr


def test_a_mistake_would_be_noticed() -> None:
    text = for_this_parser(apparmor.render_profile(SHELL)).replace("flags=", "falgs=")
    assert parser(text=text).returncode != 0


def test_it_allows_user_namespaces_to_one_program_and_restricts_nothing() -> None:
    rules = [
        line
        for line in apparmor.render_profile(SHELL).splitlines()
        if line and not line.startswith(("#", "abi ", "include "))
    ]
    assert rules == [f'profile cldmon-browser "{SHELL}" flags=(unconfined) {{', "  userns,", "}"]


def test_the_one_that_is_shipped_is_for_debians_headless_shell() -> None:
    text = SHIPPED.read_text()
    assert f'profile cldmon-browser "{SHELL}" ' in text
    assert parser("--names", text=for_this_parser(text)).stdout == "cldmon-browser\n"


def test_the_command_for_a_shell_writes_that_profile(tmp_path: Path) -> None:
    """Less its comments; run here with programs that stand for sudo and the parser."""
    program = Path("/opt/it's a % {x}/chrome")
    for name, text in {
        "sudo": 'exec "$@"',
        "tee": f'exec /usr/bin/tee "{tmp_path}/written"',
        "apparmor_parser": f'echo "$*" >"{tmp_path}/called"; exec cat >"{tmp_path}/read"',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    command = apparmor.install_command(program)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(["sh", "-c", command], env=env, check=True)
    wanted = [
        line for line in apparmor.render_profile(program).splitlines() if line and line[0] != "#"
    ]
    assert (tmp_path / "written").read_text().splitlines() == wanted
    assert (tmp_path / "read").read_text().splitlines() == wanted
    assert (tmp_path / "called").read_text() == "--replace\n"
    assert "/etc/apparmor.d/cldmon-browser" in command


@pytest.mark.parametrize(("content", "restricted"), [("1\n", True), ("0\n", False), (None, False)])
def test_the_kernels_word_decides(tmp_path: Path, content: str | None, restricted: bool) -> None:
    setting = tmp_path / "setting"
    if content:
        setting.write_text(content)
    assert apparmor.is_restricted(setting) is restricted


def test_a_profile_is_for_the_program_behind_a_link_or_a_distributions_script(
    tmp_path: Path,
) -> None:
    program = tmp_path / "chrome"
    program.write_bytes(b"\x7fELF")
    link = tmp_path / "link"
    link.symlink_to(program)
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\nexec {program}\n")
    assert apparmor.resolve_program(str(link)) == program
    assert apparmor.resolve_program(str(script)) is None
    assert apparmor.resolve_program(str(tmp_path / "gone")) is None


@pytest.mark.parametrize(
    "head",
    [
        'profile x "{}" flags=(unconfined) {{',
        "profile x {} flags=(unconfined) {{",
        "profile x {} {{",
        "{} flags=(unconfined) {{",
        '  "{}" {{',
    ],
)
def test_a_profile_of_somebody_else_is_found(tmp_path: Path, head: str) -> None:
    """Two profiles for one program contradict each other."""
    (tmp_path / "abstractions").mkdir()
    file = tmp_path / "theirs"
    file.write_text(f"abi <abi/4.0>,\n{head.format(SHELL)}\n  userns,\n}}\n")
    assert apparmor.find_profile(SHELL, tmp_path) == file
    assert apparmor.find_profile(Path(f"{SHELL}x"), tmp_path) is None


def test_what_only_speaks_of_the_program_is_no_profile_of_it(tmp_path: Path) -> None:
    text = f"# {SHELL} {{\nprofile y /usr/bin/y {{\n  {SHELL} rix,\n}}\n"
    (tmp_path / "theirs").write_text(text)
    assert apparmor.find_profile(SHELL, tmp_path) is None


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("/usr/lib/chromium/chromium", "chromium"),
        ("/usr/lib/chromium-browser/chromium-browser", "chromium"),
        ("/opt/google/chrome/chrome", "chrome"),
    ],
)
def test_the_profiles_that_ubuntu_brings_are_known(tmp_path: Path, program: str, name: str) -> None:
    assert apparmor.find_profile(Path(program), tmp_path) is None
    text = "profile chromium /usr/lib/@{chromium}/@{chromium} flags=(unconfined) {\n}\n"
    (tmp_path / name).write_text(text)
    assert apparmor.find_profile(Path(program), tmp_path) == tmp_path / name
