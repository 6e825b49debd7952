"""`cldmon history`, as it is run in a shell."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.env import key_of
from tests.simulation.http_client import ask
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from tests.env import Env


def append(env: Env, ago: timedelta, **accounts: dict[str, int]) -> None:
    """Append the history line of a pass that ended `ago`."""
    env.append_history(datetime.now(UTC) - ago, accounts)


@pytest.fixture
def env(env: Env) -> Env:
    """Two hours of passes, ten minutes apart; bob's Fable limit is hit in the middle."""
    env.write_config(labels=["alice", "bob"])
    for n in range(13):
        bob = {"fiveHour": 90 - n, "sevenDay": 7, "models.Fable": 100 if n >= 6 else 94 + n}
        ago = timedelta(minutes=121 - 10 * n)
        append(env, ago, alice={"fiveHour": 5 * n, "sevenDay": 40}, bob=bob)
    return env


def test_a_chart_of_every_account_is_the_default(env: Env) -> None:
    out = env.output("history")
    heads = [text for text in out.split("\n") if text.startswith(("alice", "bob"))]
    assert heads == [
        "alice   ⠤⠤ 5h 0–60%   •• 7d 40%",
        "bob   ⠤⠤ 5h 78–90%   •• 7d 7%   ++ 7d Fable 94–100%   ▲ limit hit",
    ]
    assert max(map(len, out.split("\n"))) <= 80
    assert "\x1b" not in out


def test_long_ranges_leave_the_session_out_by_default(env: Env) -> None:
    assert env.output("history", "--range", "7d").split("\n")[0] == "alice   ⠤⠤ 7d 40%   without 5h"
    assert (
        env.output("history", "--range", "7d", "--window", "5h").split("\n")[0]
        == "alice   ⠤⠤ 5h 0–60%"
    )


def test_accounts_without_a_weekly_window_show_what_they_have(env: Env) -> None:
    for file in env.data.iterdir():
        file.unlink()
    append(env, timedelta(minutes=1), alice={"fiveHour": 5})
    assert env.output("history", "--range", "7d").startswith("alice   ⠤⠤ 5h 5%")


def test_only_the_given_accounts_are_shown(env: Env) -> None:
    out = env.output("history", "--account", "bob")
    assert "bob" in out
    assert "alice" not in out
    assert len(out.split("\n")) == 24


def test_json_is_the_lines_as_they_are(env: Env) -> None:
    stored = [
        json.loads(text)
        for path in sorted(env.data.iterdir())
        for text in path.read_text(encoding="utf-8").splitlines()
    ]
    assert json.loads(env.output("history", "--json")) == stored
    assert json.loads(env.output("history", "--format", "json", "--range", "1h")) == stored[-6:]


def test_json_of_one_account_and_window_has_nothing_else(env: Env) -> None:
    found = json.loads(env.output("history", "--json", "--account", "bob", "--window", "fable"))
    accounts = [entry for one in found for entry in one["accounts"]]
    assert accounts[0] == {"label": "bob", "models": {"Fable": 94}}
    assert {tuple(entry) for entry in accounts} == {("label", "models")}
    assert len(found) == 13


def test_csv_has_every_reading(env: Env) -> None:
    rows = env.output("history", "--format", "csv").splitlines()
    assert rows[0] == "time,label,window,utilization"
    assert len(rows) == 1 + 13 * 5
    assert [row.split(",")[1:] for row in rows[1:3]] == [
        ["alice", "fiveHour", "0"],
        ["alice", "sevenDay", "40"],
    ]
    assert (
        len(
            env.output(
                "history", "--format", "csv", "--account", "bob", "--window", "7d"
            ).splitlines()
        )
        == 14
    )


def test_a_table_has_the_times_of_the_reader_s_zone(env: Env) -> None:
    utc, tokyo = (
        env.output(
            "history", "--range", "3h", "--format", "table", environ={"TZ": zone}
        ).splitlines()
        for zone in ("UTC", "JST-9")
    )
    assert utc[0].split() == ["Account", "Time", "5h", "7d", "7d", "Fable"]
    read = [datetime.fromisoformat(" ".join(rows[1].split()[1:3])) for rows in (utc, tokyo)]
    assert read[1] - read[0] == timedelta(hours=9)


def test_a_table_that_is_thinned_says_so(env: Env) -> None:
    done = env.run("history", "--format", "table", "--account", "bob")
    assert done.returncode == 0
    assert done.stderr == (
        "cldmon: a row shows the highest values of 15 min; --format csv shows all\n"
    )
    assert done.stdout.splitlines()[-1].endswith("100%")


def test_the_span_may_have_a_begin_and_an_end(env: Env) -> None:
    """Each end is inclusive, and a plain day is meant from its first to its last minute."""
    ago = [datetime.now(UTC) - timedelta(minutes=m) for m in (60, 30)]
    ends = ("--since", ago[0].isoformat(), "--until", ago[1].isoformat())
    assert len(json.loads(env.output("history", "--json", *ends))) == 3
    assert len(json.loads(env.output("history", "--json", "--since", "90m", "--until", "60m"))) == 3
    day = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    assert (
        len(json.loads(env.output("history", "--json", "--since", day, environ={"TZ": "UTC"})))
        == 13
    )


@pytest.mark.parametrize(
    ("form", "empty"),
    [("chart", ""), ("table", ""), ("json", "[]\n"), ("csv", "time,label,window,utilization\n")],
)
def test_no_readings_are_reported_on_stderr_and_are_not_an_error(
    env: Env, form: str, empty: str
) -> None:
    done = env.run(
        "history",
        "--format",
        form,
        "--since",
        "2020-01-01",
        "--until",
        "2020-01-02",
        environ={"TZ": "UTC"},
    )
    assert (done.returncode, done.stdout) == (0, empty)
    assert done.stderr == (
        "cldmon: no readings from 2020-01-01 00:00 to 2020-01-03 00:00; `cldmon fetch` takes one\n"
    )


def test_a_missing_folder_before_the_first_pass_is_not_an_error(env: Env) -> None:
    for file in env.data.iterdir():
        file.unlink()
    env.data.rmdir()
    done = env.run("history")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no readings from" in done.stderr


def test_an_account_without_readings_is_named_beside_the_others_chart(env: Env) -> None:
    done = env.run("history", "--window", "fable")
    assert done.returncode == 0
    assert done.stdout.startswith("bob")
    assert done.stderr.startswith("cldmon: no readings of alice from ")


def test_an_account_that_was_taken_out_of_the_configuration_can_still_be_shown(env: Env) -> None:
    append(env, timedelta(minutes=1), carol={"fiveHour": 5})
    assert env.output("history", "--account", "carol").startswith("carol")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--account", "nobody"], "no account 'nobody' in the config; it has: alice, bob"),
        (["--window", "x"], "no window 'x'; there are 5h, 7d, 7d Fable"),
        (
            ["--range", "1y"],
            "invalid range '1y'; use 1h, 5h, 1d, 7d, 30d or any number of m, h, d or w",
        ),
        (
            ["--since", "now"],
            "invalid time 'now'; use one such as 2026-03-12, 2026-03-12T09:30 or 2d ago",
        ),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(
    env: Env, arguments: list[str], message: str
) -> None:
    done = env.run("history", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"cldmon: {message}\n"


def test_json_out_of_a_foreign_file_cannot_steer_a_terminal(env: Env) -> None:
    """What is printable is not touched; a line with raw control bytes is no JSON, and left out."""
    at = datetime.now(UTC)
    label = rb"\u001b]0;x\u0007" + " \x9b2J \u202e 🦊 é".encode()
    stamp = str(int(at.timestamp() * 1000)).encode()
    foreign = b'{"timestamp":%b,"accounts":[{"label":"%b","fiveHour":1}]}' % (stamp, label)
    with (env.data / f"history-{at:%Y-%m-%d}.jsonl").open("ab") as file:
        file.write(foreign + b"\n")
        file.write(foreign.replace(rb"\u001b", b"\x1b") + b"\n")
    out = env.output("history", "--range", "1h", "--json").rstrip("\n")
    assert out.isprintable()
    found = [account["label"] for line in json.loads(out) for account in line["accounts"]]
    assert [label for label in found if "🦊" in label] == ["\x1b]0;x\x07 \x9b2J \u202e 🦊 é"]
    assert " 🦊 é" in out


def test_columns_and_lines_set_the_size(env: Env) -> None:
    lines = env.output(
        "history", "--account", "alice", environ={"COLUMNS": "120", "LINES": "40"}
    ).split("\n")
    assert len(lines) > 24
    assert 100 < max(map(len, lines)) <= 120


# --- --events ---------------------------------------------------------------------------------


def test_events_are_hits_resets_errors_and_gaps(env: Env) -> None:
    """Alice was not read for a while, and the last pass is an hour ago."""
    for file in env.data.iterdir():
        file.unlink()
    for minutes in range(300, 50, -10):
        bob = {"fiveHour": 100 if 200 >= minutes > 100 else 40}
        alice = {} if 150 >= minutes > 90 else {"alice": {"fiveHour": 5}}
        append(env, timedelta(minutes=minutes), bob=bob, **alice)
    out = env.output("history", "--events", environ={"TZ": "UTC"})
    rows = [row.split(maxsplit=2)[2] for row in out.splitlines()[1:]]
    assert [row.split() for row in rows] == [
        ["bob", "5h", "limit", "hit"],
        ["alice", "no", "readings", "until", *rows[1].split()[4:]],  # with the day after midnight
        ["bob", "5h", "reset", "to", "40%"],
        ["(all)", "no", "more", "readings"],
    ]
    assert max(map(len, out.splitlines())) <= 80
    found = json.loads(env.output("history", "--events", "--json"))
    assert [(each["event"], each["label"], each["window"]) for each in found] == [
        ("limit_hit", "bob", "fiveHour"),
        ("gap", "alice", None),
        ("usage_reset", "bob", "fiveHour"),
        ("gap", None, None),
    ]
    assert round((found[1]["until"] - found[1]["timestamp"]) / 60_000) == 70
    assert found[3]["until"] is None
    table = env.output("history", "--events", "--format", "csv").splitlines()
    assert table[0] == "time,event,label,window,utilization,resetsAt,until"
    assert [row.split(",")[1:4] for row in table[1:]] == [
        [each["event"], each["label"] or "", each["window"] or ""] for each in found
    ]


def test_events_of_one_account_and_window(env: Env) -> None:
    found = json.loads(env.output("history", "--events", "--json", "--account", "bob"))
    assert [each["window"] for each in found] == ["models.Fable"]
    assert json.loads(env.output("history", "--events", "--json", "--window", "fable")) == found
    done = env.run("history", "--events", "--json", "--account", "alice")
    assert (done.returncode, done.stdout) == (0, "[]\n")
    assert done.stderr.startswith("cldmon: nothing happened from ")
    done = env.run("history", "--events", "--account", "carol")
    assert (done.returncode, done.stdout) == (2, "")


def test_without_readings_there_are_no_events_either(env: Env) -> None:
    done = env.run("history", "--events", "--since", "2020-01-01", "--until", "2020-01-02")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("cldmon: no readings from 2020-01-01 ")


def test_what_a_pass_saw_is_in_the_events_file_the_api_and_the_list(env: Env) -> None:
    """From the service's answer to `history --events`, with the installed command."""
    for file in env.data.iterdir():
        file.unlink()
    env.set_up({"alice": None}, f"port = {env.server_port}")
    for percent in (90, 100):
        env.claude.set_usage(key_of("alice"), usage(five_hour=percent))
        assert env.run("fetch").returncode == 0
    (path,) = env.data.glob("events-*.jsonl")
    (stored,) = map(json.loads, path.read_text().splitlines())
    assert (stored["event"], stored["label"], stored["window"]) == (
        "limit_hit",
        "alice",
        "fiveHour",
    )
    assert stored["timestamp"] == env.history[-1]["timestamp"]
    with env.serve():
        got = ask(f"http://127.0.0.1:{env.server_port}", "/api/events?range=1h")
    assert (got.status, got.json) == (200, [stored])
    assert json.loads(env.output("history", "--events", "--json")) == [stored]
    shown = env.output("history", "--events").splitlines()
    assert "alice    5h      limit hit, resets" in shown[1]
