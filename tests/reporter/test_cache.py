"""Reports of what Claude Code has cached, as a timer makes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.errors import ReportError
from cldmon.reporter.cache import read_cache
from tests.fakes import NOON
from tests.reporter.documents import make_document
from tests.reporter.receiver import Machine, Receiver
from tests.simulation import faults
from tests.strategies import JSON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANNA = "6f1ed002-ab5e-4c22-a1a5-000000000001"
BERT = "6f1ed002-ab5e-4c22-a1a5-000000000002"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def server() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture
def machine(tmp_path: Path, server: Receiver) -> Machine:
    return Machine(tmp_path / "home", server.url)


def cache(account: str = ANNA, five: float = 41, *, at: datetime | None = None) -> dict[str, Any]:
    """Return the content of `.claude.json`, with the answer fetched two minutes ago or at `at`."""
    now = at or datetime.now(UTC) - 2 * MINUTE
    reset = (now + timedelta(hours=3)).isoformat()
    return {
        "numStartups": 7,
        "oauthAccount": {"accountUuid": account, "emailAddress": "anna@example.org"},
        "cachedUsageUtilization": {
            "fetchedAtMs": int(now.timestamp() * 1000),
            "accountUuid": account,
            "utilization": {
                "five_hour": {"utilization": five, "resets_at": reset},
                "seven_day": {"utilization": 12.0, "resets_at": None},
                "seven_day_opus": {"utilization": 5, "resets_at": reset},
                "iguana_necktie": {"utilization": 99, "limit_dollars": 5, "used_dollars": 4},
                "limits": [{"kind": "weekly_all", "percent": 63, "resets_at": reset}],
            },
        },
    }


def write(machine: Machine, content: Any) -> None:
    (machine.folder / ".claude.json").write_text(json.dumps(content))


def run(machine: Machine, *words: str) -> tuple[int, str]:
    ran = machine.report("--from-cache", *words)
    assert ran.stderr.count("\n") == (ran.returncode != 0)
    return ran.returncode, ran.stderr


def test_the_cached_answer_is_sent_with_its_own_time(machine: Machine, server: Receiver) -> None:
    """Of its windows, those that a status line has too; `limits` is right where they differ."""
    content = cache()
    write(machine, content)
    assert run(machine) == (0, "")
    [body] = server.bodies()
    fetched_at = content["cachedUsageUtilization"]["fetchedAtMs"]
    assert datetime.fromisoformat(body["readAt"]).timestamp() * 1000 == pytest.approx(fetched_at)
    assert body["sentAt"] > body["readAt"]
    windows = [(each["name"], each["utilization"]) for each in body["windows"]]
    assert windows == [("fiveHour", 41), ("sevenDay", 63)]
    assert body["accountHash"] == sha256(ANNA.encode()).hexdigest()
    sent = server.requests[0].body.decode()
    assert ANNA not in sent
    assert "anna" not in sent


def test_it_is_sent_once_a_minute_at_most(machine: Machine, server: Receiver) -> None:
    write(machine, cache())
    run(machine)
    write(machine, cache(five=50))
    assert run(machine) == (0, "")
    assert len(server.requests) == 1
    machine.forget_attempts()
    run(machine)
    assert server.bodies(2)[1]["windows"][0]["utilization"] == 50


def test_another_account_is_refused_until_reset(machine: Machine, server: Receiver) -> None:
    write(machine, cache(ANNA))
    run(machine)
    machine.forget_attempts()
    write(machine, cache(BERT))
    code, said = run(machine)
    assert code == 1
    assert "another account than was reported as alice" in said
    assert BERT not in said
    assert "another account" in machine.run("report", "--status").stdout
    assert len(server.requests) == 1
    assert machine.run("report", "--reset", "--account", "alice").returncode == 0
    assert run(machine) == (0, "")
    assert server.bodies(2)[1]["accountHash"] == sha256(BERT.encode()).hexdigest()


def test_a_newer_status_line_is_sent_instead(machine: Machine, server: Receiver) -> None:
    machine.show(make_document(44, now=datetime.now(UTC)))
    machine.wait_for("sent_at")
    machine.forget_attempts()
    write(machine, cache(five=41))
    run(machine)
    last = server.bodies(2)[1]
    assert last["windows"][0]["utilization"] == 44
    assert "accountHash" in last


def test_the_cache_is_where_claude_code_has_its_configuration(machine: Machine) -> None:
    folder = machine.folder / "work"
    folder.mkdir()
    (folder / ".claude.json").write_text(json.dumps(cache(five=9)))
    write(machine, cache(five=41))
    machine.to = "-"
    ran = machine.report("--from-cache", environ={"CLAUDE_CONFIG_DIR": str(folder)})
    assert json.loads(ran.stdout)["windows"][0]["utilization"] == 9


def test_an_error_is_one_line_and_kept_for_status(tmp_path: Path) -> None:
    with Receiver(faults.html()) as server:
        machine = Machine(tmp_path / "home", server.url)
        write(machine, cache())
        code, said = run(machine)
    assert (code, said.startswith("cldmon: no cldmon answers there")) == (1, True)
    assert machine.progress["error"] in said


def test_without_a_cache_it_says_where_it_looked(machine: Machine) -> None:
    code, said = run(machine)
    assert code == 1
    assert f"there is no {machine.folder}/.claude.json" in said


def broken(**changes: Any) -> dict[str, Any]:
    return {"cachedUsageUtilization": {**cache(at=NOON)["cachedUsageUtilization"], **changes}}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        {},
        {"cachedUsageUtilization": None},
        broken(fetchedAtMs=None),
        broken(fetchedAtMs="yesterday"),
        broken(utilization=None),
        broken(utilization={"five_hour": None}),
        broken(utilization={"five_hour": {"utilization": 400000, "resets_at": None}}),
    ],
)
def test_a_file_without_usage_is_no_report(tmp_path: Path, content: object) -> None:
    file = tmp_path / ".claude.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ReportError, match="has no usage of a subscription"):
        read_cache(file, NOON)


def test_a_time_in_the_future_is_refused(tmp_path: Path) -> None:
    file = tmp_path / ".claude.json"
    file.write_text(json.dumps(cache(at=NOON + MINUTE)))
    with pytest.raises(ReportError, match="is from the future"):
        read_cache(file, NOON)


def test_an_account_of_odd_characters_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / ".claude.json"
    file.write_text(json.dumps(broken(accountUuid="\ud800")))
    assert read_cache(file, NOON).account_hash


@given(JSON, st.sampled_from(["fetchedAtMs", "utilization", "accountUuid"]))
def test_any_json_is_a_report_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, value: object, key: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "claude.json"
    file.write_text(json.dumps(broken(**{key: value})))
    try:
        found = read_cache(file, NOON)
    except ReportError:
        return
    assert found.reading.read_at
    assert found.reading.read_at <= NOON
