"""The status line in Claude Code's settings: installed, chained, and taken out again."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.env import CLDMON
from tests.fakes import NOON
from tests.reporter.documents import make_document

if TYPE_CHECKING:
    from pathlib import Path

    from tests.env import Env

TARGET = ("--to", "https://cldmon.example.org", "--account", "alice")
TOKEN = {"CLDMON_REPORT_TOKEN": "secret-token"}
OURS = f"{CLDMON} report --to https://cldmon.example.org --account alice"


def settings(env: Env) -> Path:
    return env.folder / ".claude" / "settings.json"


def write(env: Env, text: str) -> None:
    settings(env).parent.mkdir(exist_ok=True)
    settings(env).write_text(text)


def status_line(env: Env) -> Any:
    return json.loads(settings(env).read_text()).get("statusLine")


def report(env: Env, *words: str) -> str:
    """Run the command, which must succeed; return what it says."""
    ran = env.run("report", *words, environ=TOKEN)
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def test_it_is_installed_where_there_are_no_settings(env: Env) -> None:
    assert str(settings(env)) in report(env, *TARGET, "--install")
    assert status_line(env) == {"type": "command", "command": OURS}
    assert settings(env).stat().st_mode & 0o777 == 0o600
    report(env, "--uninstall")
    assert json.loads(settings(env).read_text()) == {}


def test_other_settings_keep_their_formatting_and_a_backup(env: Env) -> None:
    text = '{\n\t"model":"opus" ,\n\t"permissions": { "allow": ["Bash(ls:*)"] }\n}\n'
    write(env, text)
    settings(env).chmod(0o644)
    report(env, *TARGET, "--install")
    installed = settings(env).read_text()
    assert installed.startswith(text.rstrip("}\n"))
    assert settings(env).with_name("settings.json.before-cldmon").read_text() == text
    assert settings(env).stat().st_mode & 0o777 == 0o644
    assert "Nothing to do" in report(env, *TARGET, "--install")
    assert settings(env).read_text() == installed
    report(env, "--uninstall")
    assert settings(env).read_text() == text
    assert "Nothing to do" in report(env, "--uninstall")


def test_the_status_line_from_before_is_run_as_well(env: Env) -> None:
    before = """jq -r '"[\\(.model.display_name)] it'"'"'s" # "$1"'"""
    body = {"statusLine": {"type": "command", "command": before, "padding": 2}, "z": 1}
    write(env, text := json.dumps(body, indent=3))
    assert before in report(env, *TARGET, "--install")
    command = status_line(env)["command"]
    assert shlex.split(command) == [*OURS.split(), "--chain", before]
    assert settings(env).read_text() == text.replace(json.dumps(before), json.dumps(command))
    # Installed once more for another server: that of before is still the person's own.
    report(env, "--to", "https://other.example", "--account", "bob", "--install")
    assert shlex.split(status_line(env)["command"])[3:] == [
        *("https://other.example", "--account", "bob", "--chain"),
        before,
    ]
    report(env, "--uninstall")
    assert settings(env).read_text() == text


def test_a_link_to_the_settings_stays_one(env: Env) -> None:
    elsewhere = env.folder / "dotfiles.json"
    elsewhere.write_text("{}")
    settings(env).parent.mkdir()
    settings(env).symlink_to(elsewhere)
    report(env, *TARGET, "--install")
    assert settings(env).is_symlink()
    assert "statusLine" in elsewhere.read_text()


def test_the_settings_are_in_the_folder_that_claude_code_uses(env: Env) -> None:
    folder = env.folder / "work"
    ran = env.run(
        "report", *TARGET, "--install", environ={**TOKEN, "CLAUDE_CONFIG_DIR": str(folder)}
    )
    assert ran.returncode == 0
    assert "statusLine" in (folder / "settings.json").read_text()
    assert not settings(env).exists()


def test_setup_prints_what_install_would_write(env: Env) -> None:
    write(env, '{"statusLine": {"type": "command", "command": "date", "padding": 1}}')
    ran = env.run("report", *TARGET, "--setup")
    assert json.loads(ran.stdout) == {
        "statusLine": {"type": "command", "command": f"{OURS} --chain date", "padding": 1}
    }
    assert str(settings(env)) in ran.stderr
    assert status_line(env)["command"] == "date"


@pytest.mark.parametrize(
    "text", ["[]", "{'a': 1}", '{"statusLine": 7}', '{"statusLine": {"type": "x"}}', "\xff"]
)
def test_settings_that_are_not_understood_are_left_alone(env: Env, text: str) -> None:
    write(env, "")
    settings(env).write_bytes(text.encode("latin-1"))
    ran = env.run("report", *TARGET, "--install", environ=TOKEN)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"cldmon: {settings(env)}")
    assert ran.stderr.count("\n") == 1
    assert settings(env).read_bytes() == text.encode("latin-1")


def test_hooks_that_are_disabled_are_mentioned(env: Env) -> None:
    write(env, '{"disableAllHooks": true}')
    assert '"disableAllHooks" is true' in report(env, *TARGET, "--install")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "http://cldmon.example.org", "--account", "a"), "plain http"),
        (("--to", "https://user:pw@example.org", "--account", "a"), "without user, password"),
        (("--to", "ftp://example.org", "--account", "a"), "expected an address"),
        (("--to", "-", "--account", "a"), "to a server or a file"),
        (("--account", "a"), "give --to"),
        (("--to", "https://example.org"), "give --account"),
        (("--to", "https://example.org", "--account", "a\nb"), "control character"),
        ((*TARGET, "--uninstall"), "cannot be combined"),
    ],
)
def test_wrong_use_is_one_line(env: Env, words: tuple[str, ...], said: str) -> None:
    ran = env.run("report", *words, "--install", environ=TOKEN)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not settings(env).exists()


def test_without_a_token_nothing_is_installed(env: Env) -> None:
    ran = env.run("report", *TARGET, "--install")
    assert ran.returncode == 1
    assert f"write it to {env.folder}/.config/cldmon/report-token" in ran.stderr
    assert not settings(env).exists()


def test_the_token_is_asked_for_on_a_terminal_and_stored(env: Env) -> None:
    ours, theirs = pty.openpty()
    with env.start("report", *TARGET, "--install", stdin=theirs) as running:
        os.close(theirs)
        prompt = "Token for alice (not shown): "
        assert running.process.stderr
        assert running.process.stderr.read(len(prompt)) == prompt
        os.write(ours, b"secret-token\n")
        code, out, err = running.wait()
    os.close(ours)
    assert (code, out) == (0, "")
    assert "secret-token" not in err
    file = env.folder / ".config" / "cldmon" / "report-token"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("secret-token\n", 0o600)


def test_the_installed_command_is_the_status_line(env: Env) -> None:
    """As Claude Code runs it, with a shell, in a project's folder."""
    write(env, '{"statusLine": {"type": "command", "command": "wc -c; echo second"}}')
    target = env.folder / "it's here" / "alice.json"
    target.parent.mkdir()
    report(env, "--to", str(target), "--account", "alice", "--install")
    project = env.folder / "project"
    project.mkdir()
    (project / "json.py").write_text("raise SystemExit('imported from the project')")
    document = make_document(now=NOON.replace(year=2090))
    ran = subprocess.run(
        ["/bin/sh", "-c", status_line(env)["command"]],
        input=document,
        cwd=project,
        env=env.environ,
        capture_output=True,
        check=True,
    )
    assert ran.stdout.decode() == f"{len(document)}\nsecond\n5h 41% · 7d 63%\n"
    assert env.leftovers() == []
    assert json.loads(target.read_text())["account"] == "alice"
