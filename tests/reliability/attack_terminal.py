"""Texts that would steer a terminal, a log, a mail or a spreadsheet, by every way in."""

from __future__ import annotations

import csv
import itertools
import json
import os
import pty
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cldmon.demo.claude import SimAccount, SimOrganization, permission_error
from cldmon.demo.slack import TOKEN, SimUser
from tests.env import Env, key_of, organization_of
from tests.reliability.result import LetInError, Result
from tests.simulation import faults
from tests.simulation.claude import FakeClaude
from tests.simulation.slack import FakeSlack
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

EVIL = "\x1b]0;evil\x07\x1b[66mevil\x9b31m\x90q\x9c\x08\x7f\u202eevil\u2066\u2028\r\nevil\x00\ufeff"
"""A title, colours in both spellings, a string for the device, deletions, turned text, lines."""

MARK = "evil"
TEXTS = (".json", ".jsonl", ".log")
FORMULAS = ("=HYPERLINK(1)", "+1+1", "-1", "@SUM(1)", "\t=1", "\r=1")
_STEERS = re.compile(
    "\x1b\\]|\x1b\\[66|[\x00\x07\x08\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069\ufeff]"
)
_OWN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

READS = (
    ["history", "--json"],
    ["status"],
    ["status", "--format", "csv"],
    ["status", "--format", "line"],
    ["status", "--json"],
    ["history", "--json", "--window", "5h"],
    ["health", "--nagios"],
    ["history"],
    ["history", "--format", "table"],
    ["subscribe", "--list"],
    ["history", "--format", "csv"],
    ["health"],
    ["doctor", "--offline", "--json"],
    ["doctor", "--offline"],
    ["subscribe", "--list", "--json"],
    ["history", "--account", EVIL.replace("\0", "")],
    ["subscribe", "evil", "quiet"],
    ["fetch", "--json"],
)


def run_cases(folder: Path, step: int) -> Iterator[Result]:
    """Let outside be evil in each way; then look at what is printed: of each `step`th command."""
    reads = [*READS[::step]]
    people = [SimUser("U66" + EVIL, EVIL, EVIL, EVIL), SimUser("U01ALICE", "alice")]
    with FakeClaude() as claude, FakeSlack(users=people) as slack:
        env = _home(folder / "terminal", claude, slack)
        yield answer_with_escapes(env, reads)
        yield check_formulas(env)
        yield damage_files(env, reads)
        yield answer_as_slack(env, slack)
        yield name_files(env, step)
        yield name_labels(env, step)


def answer_with_escapes(env: Env, reads: list[list[str]]) -> Result:
    """One pass on a terminal, one for cron; then what all the others make of what they stored."""
    result = Result(
        "control sequences in answers of claude.ai: models, errors, organizations, headers"
    )
    with result.case("fetch on a terminal"):
        _calm(_OWN.sub("", _on_terminal(env, "fetch")))
    for words in (["--debug", "fetch", "--strict"], *reads):
        _look(result, env, words)
    with result.case("status on a terminal"):
        _calm(_OWN.sub("", _on_terminal(env, "status")))
    for path in sorted(env.data.rglob("*")):
        if path.suffix in TEXTS:
            with result.case(f"the file {path.name}"):
                _calm(path.read_bytes().decode())
    with result.case("the Prometheus textfile"):
        text = (env.folder / "cldmon.prom").read_bytes().decode()
        assert "cldmon_window_utilization_ratio" in text
        _calm(text)
    return result


def check_formulas(env: Env) -> Result:
    """Nothing that the service says stands at the beginning of a cell."""
    result = Result("formulas in answers of claude.ai (CSV injection)")
    for words in (["status", "--format", "csv"], ["history", "--format", "csv"]):
        rows = [*csv.reader(env.run(*words).stdout.splitlines())]
        assert any("SUM" in cell for row in rows for cell in row)
        for cell in (cell for row in rows for cell in row):
            with result.case(f"{words[0]}: {cell}"):
                if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
                    raise LetInError(cell)
    return result


def damage_files(env: Env, reads: list[list[str]]) -> Result:
    """As an import, a restored copy or a slip may bring them."""
    result = Result(
        "control sequences in state.json, history, subscriptions.json and slack-users.json"
    )
    text = env.state["snapshot"]
    text["accounts"][0] |= {"plan": EVIL, "label": "quiet", "error": EVIL}
    (env.data / "state.json").write_text(json.dumps({**env.state, "snapshot": text}))
    now = datetime.now(UTC)
    stamp = int(now.timestamp() * 1000)
    raw = f'{{"timestamp":{stamp},"accounts":[{{"label":"{EVIL}","fiveHour":1}}]}}'
    parsed = {"label": EVIL, "fiveHour": 2, EVIL: 3, "models": {EVIL: 4}}
    with (env.data / f"history-{now:%Y-%m-%d}.jsonl").open("ab") as file:
        file.write(raw.replace("\r\n", "").encode() + b"\n")
        file.write(json.dumps({"timestamp": stamp - 9000, "accounts": [parsed]}).encode() + b"\n")
        file.write(raw.encode("latin-1", "replace").replace(b"\r\n", b"") + b"\n")
    wishes = {"users": {EVIL: {"accounts": {EVIL: {"limitHit": True, "reset": True}}}}}
    (env.data / "subscriptions.json").write_text(json.dumps(wishes))
    for words in reads:
        _look(result, env, words)
    for shell in ("bash", "zsh", "fish"):
        asked = {
            "COMP_WORDS": "cldmon subscribe ",
            "COMP_CWORD": "2",
            "_CLDMON_COMPLETE": f"{shell}_complete",
        }
        if shell == "fish":
            asked["COMP_CWORD"] = ""
        _look(result, env, [], environ=asked)
    (env.data / "state.json").write_text(EVIL)
    (env.data / "subscriptions.json").write_text(EVIL)
    for words in (["status"], ["health", "--nagios"], ["fetch", "--no-notify"]):
        _look(result, env, words)
    return result


def answer_as_slack(env: Env, slack: FakeSlack) -> Result:
    result = Result("control sequences in answers of Slack: names, ids, errors")
    (env.data / "subscriptions.json").unlink()
    for words in (["subscribe", MARK, "quiet"], ["subscribe", EVIL.replace("\0", ""), "quiet"]):
        _look(result, env, words)
    answers = (
        {"ok": False, "error": EVIL},
        {"ok": False, "error": "missing_scope", "needed": EVIL},
        EVIL,
    )
    for answer in answers:
        slack.fail(faults.body(json.dumps(answer)))
        for words in (["subscribe", "U01ALICE", "quiet", "--hit"], ["subscribe", "--list"]):
            _look(result, env, words)
        slack.heal()
    return result


def name_files(env: Env, step: int) -> Result:
    result = Result("control sequences in options, variables, folder and program names")
    name = EVIL.replace("\0", "").replace("/", "")
    script = env.folder / name
    script.write_text("#!/bin/sh\nprintf '\\033]0;evil\\007' | tee /dev/stderr; exit 3\n")
    script.chmod(0o700)
    cases: tuple[tuple[list[str], Mapping[str, str]], ...] = (
        (["--config", name, "status"], {}),
        (["--data-dir", name, "status"], {}),
        ([name], {}),
        (["--config", f"{name}/x", "init"], {}),
        (["import", name], {}),
        ([f"--{name}"], {}),
        (["history", "--range", name], {}),
        (["history", "--window", name], {}),
        (["fetch", "--account", name], {}),
        (["status"], {"CLDMON_CONFIG": name}),
        (["doctor", "--offline"], {"CLDMON_BROWSER": name}),
        (["fetch"], {"CLDMON_BROWSER": str(script)}),
        (["schedule", "cron"], {"CLDMON_BROWSER": name}),
        (["schedule", "systemd"], {"CLDMON_BROWSER": name}),
        (["fetch"], {"TMPDIR": f"{env.folder}/{name}/none"}),
    )
    for words, environ in cases[::step]:
        _look(result, env, words, environ=environ)
    return result


def name_labels(env: Env, step: int) -> Result:
    """One label for each character: the configuration is refused, and says so in calm words."""
    result = Result("control sequences in the configuration: labels, keys, addresses")
    places = (
        '[[accounts]]\nlabel = "{}"\n',
        '"{}" = 1\n',
        'host = "{}"\n',
        'claude_url = "http://{}"\n',
        '[[accounts]]\nlabel = "a"\nsession_key_file = "{}"\n',
    )
    chars = ("\x1b]0;evil\x07", "\x9b31m", "\u202e", "\x7f", "\n", "\u2028")
    for place, char in [*itertools.product(places, chars)][:: step * step]:
        env.config.write_text(place.format(json.dumps(char)[1:-1]))
        with result.case(f"{place} {char!r}"):
            ran = env.run("--debug", "fetch")
            if ran.returncode != 2:
                raise LetInError(ran.stdout)
            _calm(ran.stdout + ran.stderr)
    return result


def _home(folder: Path, claude: FakeClaude, slack: FakeSlack) -> Env:
    """Return a home of accounts each of which meets another kind of evil."""
    env = Env(folder, claude, environ={"LANG": "C.UTF-8"})
    message = f"{EVIL} {key_of('x')}"
    inline = re.sub("[\r\n\0]", "", EVIL.encode("latin-1", "replace").decode("latin-1"))
    accounts = {
        "quiet": None,
        "refused": faults.instead(permission_error(message, 403, error_code=message)),
        "failed": faults.status(500, {"error": {"message": message, "type": message}}),
        "page": faults.html(503, f"<title>{message}</title>"),
        "text": faults.body(message),
        "moved": faults.redirect(f"/{inline}".encode().decode("latin-1")),
        "headed": faults.header("Content-Type", inline),
        "waiting": faults.rate_limited(inline),
    }
    url = f'slack_url = "{slack.url}"\n'
    tables = f'[notifications.slack]\nenabled = true\nbot_token = "{TOKEN}"\n'
    tables += '[metrics]\ntextfile = "cldmon.prom"\n'
    env.set_up(accounts, url, tables)
    organization = SimOrganization(organization_of("quiet"), name=EVIL)
    models = {EVIL: 72, f"Fable{MARK}": 12, **dict.fromkeys(FORMULAS, 5)}
    shown = usage(41, 63, models, evil=_window())
    claude.add(SimAccount(key_of("quiet"), (organization,), {**shown, EVIL: _window()}))
    return env


def _window() -> dict[str, Any]:
    return {"utilization": 7, "resets_at": datetime.now(UTC).isoformat()}


def _look(result: Result, env: Env, words: list[str], **options: Any) -> None:
    """Run a command with its output in pipes, and look at it."""
    with result.case(" ".join(words).replace(EVIL, "EVIL")[:80]):
        # As bytes, for `text` would take away what a carriage return does.
        ran: Any = env.run(*words, encoding=None, **options)
        text = (ran.stdout + ran.stderr).decode()
        assert "Traceback" not in text or "--debug" in words, text
        _calm(text)


def _calm(text: str) -> None:
    """Raise where a line of a text would steer what shows it."""
    lines = re.split("\r?\n", text)
    bad = [
        line for line in lines if _STEERS.search(line) or "\x1b" in line or line.startswith(MARK)
    ]
    if bad:
        raise LetInError(repr(bad[0][:300]))


def _on_terminal(env: Env, *words: str) -> str:
    """Return what a command writes on a terminal of 120 columns."""
    ours, its = pty.openpty()
    environ = {"TERM": "xterm-256color", "COLUMNS": "120"}
    running = env.start(*words, environ=environ, stdout=its, stderr=its, encoding=None)
    os.close(its)
    data = b""
    try:
        while more := os.read(ours, 1 << 16):
            data += more
    except OSError:  # EIO: nobody has the other side open any more
        pass
    finally:
        os.close(ours)
        running.process.wait()
    return data.decode().replace("\r\n", "\n").replace("\r", "\n")
