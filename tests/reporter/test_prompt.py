"""The status line as Claude Code runs it: real processes, a real server, real clocks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.env import CLDMON, free_port, wait_until
from tests.reporter.documents import make_document
from tests.reporter.receiver import TOKEN, Machine, Receiver
from tests.simulation import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = "5h 41% · 7d 63%\n"


@pytest.fixture
def server() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture
def machine(tmp_path: Path, server: Receiver) -> Iterator[Machine]:
    with Machine(tmp_path / "home", server.url) as machine:
        yield machine
        for pid in machine.processes():
            os.kill(pid, signal.SIGKILL)


def document(five: float = 41, **options: object) -> bytes:
    return make_document(five, now=datetime.now(UTC), **options)  # type: ignore[arg-type]


def test_the_line_is_shown_and_its_numbers_are_sent(machine: Machine, server: Receiver) -> None:
    before = datetime.now(UTC)
    assert machine.show() == LINE
    [body] = server.bodies()
    assert body.keys() == {"version", "account", "machine", "readAt", "sentAt", "windows"}
    assert [(each["name"], each["utilization"]) for each in body["windows"]] == [
        ("fiveHour", 41),
        ("sevenDay", 63),
    ]
    read_at, sent_at = (datetime.fromisoformat(body[key]) for key in ("readAt", "sentAt"))
    assert before - timedelta(milliseconds=1) <= read_at <= sent_at <= datetime.now(UTC)
    machine.wait_for("sent_at")
    assert machine.state_file.stat().st_mode & 0o777 == 0o600
    assert TOKEN not in machine.state_file.read_text()
    shown = machine.output("report", "--status")
    assert "sent just now" in shown
    assert machine.leftovers() == []


def test_it_is_sent_once_a_minute_at_most(machine: Machine, server: Receiver) -> None:
    machine.show()
    machine.wait_for("sent_at")
    for number in range(5):
        assert machine.show(document(42 + number)) == f"5h {42 + number}% · 7d 63%\n"
    # One process waits for the minute to be over, and sends what is newest then.
    wait_until(lambda: len(machine.processes()) == 1)
    [waiting] = machine.processes().values()
    assert "--send" in waiting
    assert TOKEN not in waiting
    assert len(server.requests) == 1


def test_a_change_is_sent_when_the_minute_is_over(machine: Machine, server: Receiver) -> None:
    """Also if no status line is shown any more, as after the limit was reached."""
    machine.show()
    machine.wait_for("sent_at")
    machine.forget_attempts(seconds=58)
    machine.show(document(99))
    machine.show(document(100))
    assert len(server.requests) == 1
    assert server.bodies(2)[1]["windows"][0]["utilization"] == 100
    assert machine.leftovers() == []


def test_unchanged_numbers_are_sent_again_after_ten_minutes(
    machine: Machine, server: Receiver
) -> None:
    first = document()
    machine.show(first)
    machine.wait_for("sent_at")
    machine.show(first)
    assert machine.processes() == {}
    machine.forget_attempts()
    machine.show(first)
    one, two = server.bodies(2)
    assert one["readAt"] == two["readAt"]
    assert one["sentAt"] < two["sentAt"]
    assert one["machine"] == two["machine"]


def test_several_status_lines_at_once_send_one_report(machine: Machine, server: Receiver) -> None:
    target = ("--to", server.url, "--account", "alice")
    content = document()
    running = [machine.start("report", *target, stdin=subprocess.PIPE) for _ in range(6)]
    for each in running:
        out, err = each.process.communicate(content.decode())
        assert (out, err) == (LINE, "")
    machine.wait_for("sent_at")
    assert machine.leftovers() == []
    assert len(server.requests) == 1


def test_nothing_waits_for_a_server_that_hangs(tmp_path: Path) -> None:
    with Receiver(faults.hang(60)) as server, Machine(tmp_path / "home", server.url) as machine:
        assert machine.show() == LINE
        assert server.wait_for_requests(1)
        [pid] = machine.processes()
        assert os.getsid(pid) == pid
        streams = [Path(f"/proc/{pid}/fd/{number}").readlink() for number in range(3)]
        assert streams == [Path(os.devnull)] * 3
        assert machine.show(document(42)) == "5h 42% · 7d 63%\n"
        os.kill(pid, signal.SIGKILL)


def test_a_failure_is_shown_by_status_alone(tmp_path: Path) -> None:
    with Machine(tmp_path / "home", f"http://127.0.0.1:{free_port()}") as machine:
        assert machine.show() == LINE
        assert machine.wait_for("error") == "the server cannot be reached: Connection refused"
        ran = machine.run("report", "--status")
        assert (ran.returncode, ran.stderr) == (1, "")
        assert "  not sent yet\n  error, just now: the server cannot be reached" in ran.stdout
        body = json.loads(machine.run("report", "--status", "--json").stdout)
        assert body["accounts"][0]["error"].endswith("Connection refused")
        for pid in machine.processes():  # it would try again a minute later
            os.kill(pid, signal.SIGKILL)


def test_a_refusal_is_not_repeated_for_a_while(tmp_path: Path) -> None:
    refused = faults.status(401, {"error": "Unauthorized"})
    with Receiver(refused) as server, Machine(tmp_path / "home", server.url) as machine:
        machine.show()
        assert "ask for a new one" in machine.wait_for("error")
        machine.show(document(50))
        assert machine.leftovers() == []
        assert len(server.requests) == 1


def test_a_report_is_written_to_a_file(tmp_path: Path) -> None:
    target = tmp_path / "reports" / "alice.json"
    with Machine(tmp_path / "home", str(target)) as machine:
        assert machine.show() == LINE
        assert "cannot write" in machine.wait_for("error")
        target.parent.mkdir()
        machine.forget_attempts()
        machine.show()
        assert machine.leftovers() == []
        assert json.loads(target.read_text())["account"] == "alice"


def test_a_relative_path_counts_from_where_the_status_line_runs(tmp_path: Path) -> None:
    with Machine(tmp_path / "home", "alice.json") as machine:
        machine.show(cwd=tmp_path)
        machine.wait_for("sent")
    assert json.loads((tmp_path / "alice.json").read_text())["account"] == "alice"


def test_a_report_is_written_to_stdout(machine: Machine, server: Receiver) -> None:
    machine.to = "-"
    body = json.loads(machine.show())
    assert body["account"] == "alice"
    assert machine.show(b"{}") != ""
    assert server.requests == []


BAD = {"truncated": document()[:40], "huge": b" " * (5 << 20) + document()}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_bad_document_shows_and_sends_nothing(
    machine: Machine, server: Receiver, content: bytes
) -> None:
    assert machine.show(content) == ""
    assert machine.leftovers() == []
    assert server.requests == []


def test_closed_streams_are_no_error(machine: Machine) -> None:
    for redirection in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        script = f'"$0" report --to {machine.to} --account alice {redirection}'
        ran = subprocess.run(
            ["/bin/sh", "-c", script, CLDMON],
            env=machine.environ,
            input=b"",
            capture_output=True,
            check=False,
        )
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


def test_a_reader_that_is_gone_is_no_error(machine: Machine) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        assert (
            machine.report(stdout=full, capture_output=False, stderr=subprocess.PIPE).stderr == ""
        )


def test_input_that_never_ends_is_not_waited_for(machine: Machine) -> None:
    read, write = os.pipe()
    ran = machine.report(stdin=read)
    os.close(write)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize("home", ["", "/nonexistent/home", "/dev/null"])
def test_without_a_home_the_line_is_shown_all_the_same(machine: Machine, home: str) -> None:
    nobody = {"HOME": home, "XDG_STATE_HOME": "/proc/nowhere"}
    assert machine.show(environ=nobody) == LINE


def test_with_a_full_disk_the_line_is_shown_all_the_same(
    machine: Machine, server: Receiver
) -> None:
    """Without a record of what was sent, it might be sent too often: so nothing is."""
    program = ("bash", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "bash")
    assert machine.show(under=program) == LINE
    assert machine.leftovers() == []
    assert server.requests == []


def test_a_damaged_state_is_replaced(machine: Machine, server: Receiver) -> None:
    machine.state_file.parent.mkdir(parents=True)
    machine.state_file.write_text('{"accounts": {"alice": {}}}')
    assert machine.show() == LINE
    assert len(server.bodies()) == 1
    machine.wait_for("sent_at")


def test_the_status_line_from_before_comes_first(machine: Machine) -> None:
    chained = "read -r line; printf 'got %s\\n\\033[31mred' \"${#line}\""
    content = document()
    assert machine.show(content, "--chain", chained) == f"got {len(content)}\n\x1b[31mred\n{LINE}"
    assert machine.show(content, "--chain", "echo no >&2; exit 3") == LINE
    assert machine.show(b"", "--chain", "echo only") == "only\n"


def test_a_status_line_from_before_that_hangs_is_ended(machine: Machine) -> None:
    assert machine.show(None, "--chain", "echo half; sleep 987 & sleep 987") == LINE
    wait_until(lambda: not any("sleep" in each for each in machine.processes().values()))


def test_what_a_status_line_from_before_leaves_running_is_left_alone(machine: Machine) -> None:
    shown = machine.show(None, "--chain", "sleep 987 >/dev/null 2>&1 & echo first")
    assert shown == f"first\n{LINE}"
    assert [each for each in machine.processes().values() if "sleep 987" in each]


def test_a_cancelled_status_line_ends_the_one_from_before(machine: Machine) -> None:
    """Claude Code cancels it when there is something newer to show."""
    with machine.start(
        *("report", "--to", machine.to, "--account", "alice", "--chain", "sleep 986"),
        stdin=subprocess.PIPE,
    ) as running:
        assert running.process.stdin
        running.process.stdin.write(document().decode())
        running.process.stdin.close()
        machine.wait_for("sent_at")
        running.send_signal(signal.SIGTERM)
        assert running.process.wait(machine.patience) == 0
    wait_until(lambda: not any("sleep" in each for each in machine.processes().values()))


def test_only_the_standard_library_is_imported(machine: Machine) -> None:
    """A teammate needs none of what the server needs."""
    program = (
        "import sys; sys.argv[0] = 'cldmon'; before = set(sys.modules)\n"
        "from cldmon.__main__ import main\n"
        "try: main()\n"
        "finally: print(*sys.modules.keys() - before, file=sys.stderr)\n"
    )
    target = ("--to", machine.to, "--account", "alice")
    for words in (
        target,
        ("--status",),
        (*target, "--setup"),
        ("--uninstall",),
        (*target, "--send"),
    ):
        ran = subprocess.run(
            [sys.executable, "-c", program, "report", *words],
            env=machine.environ,
            input=document(),
            capture_output=True,
            check=False,
        )
        packages = {name.partition(".")[0] for name in ran.stderr.decode().split("\n")[-2].split()}
        assert "cldmon" in packages
        assert packages - sys.stdlib_module_names == {"cldmon"}, words
    assert not {"subprocess", "argparse", "http", "ssl"} & packages or words[-1] == "--send"


def test_a_clock_that_was_an_hour_ahead_delays_nothing(machine: Machine, server: Receiver) -> None:
    machine.show()
    machine.wait_for("sent_at")
    body = json.loads(machine.state_file.read_text())
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="milliseconds")
    progress = body["accounts"]["alice"]
    progress |= {"attempted_at": "2026-01-01T00:00:00.000Z", "sent_at": ahead}
    for reading in (progress["sent"], progress["sessions"]["s1"]):
        reading["read_at"] = ahead
    machine.state_file.write_text(json.dumps(body))
    machine.show(document(55))
    assert server.bodies(2)[1]["windows"][0]["utilization"] == 55
