"""What a faulty Slack can do to a message, and what has to come of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from cldmon.channels.slack.channels import SlackAlerts
from cldmon.channels.slack.client import PATIENCE, SlackMessenger
from cldmon.demo.slack import TOKEN
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.secret import Secret
from tests import fakes
from tests.collector.env import CollectorEnv
from tests.fakes import NOON, Clock
from tests.reliability.result import LetInError, LostError, Result
from tests.reliability.tls import BROKEN, UNTRUSTED, TlsSite
from tests.simulation import faults
from tests.simulation.slack import FakeSlack, error, rate_limited

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from cldmon.domain.events import Event
    from tests.simulation.faults import Fault

BOB = "U02BOB"
MOST_PASSES = 30
"""After which a message that is not there will never be."""


@dataclass(frozen=True)
class Case:
    """A fault, and what has to become of the messages that meet it.

    `once`: each arrives once, when Slack is well again. `twice`: one may come again, for it was
    taken without a word. `gone`: nobody is there to read it.
    """

    name: str
    fault: Fault
    end: str = "once"


REFUSED = (
    *("token_revoked", "invalid_auth", "account_inactive", "missing_scope", "not_authed"),
    *("token_expired", "no_permission", "restricted_action", "access_denied", "accesslimited"),
    *("team_access_not_granted", "ekm_access_denied", "org_login_required", "team_added_to_org"),
    *("messages_tab_disabled", "not_allowed_token_type", "service_unavailable", "ratelimited"),
    *("rate_limited", "message_limit_exceeded", "msg_too_long", "no_text", "invalid_blocks"),
    *("invalid_arguments", "request_timeout", "enterprise_is_restricted", "not_in_channel"),
    *("two_factor_setup_required", "method_deprecated", "as_user_not_supported", "never_seen"),
    *("internal_error", "fatal_error"),
)
LEFT = (
    *("user_not_found", "users_not_found", "channel_not_found", "is_archived", "user_disabled"),
    *("cannot_dm_bot", "user_not_visible", "is_inactive"),
)
STRANGE: tuple[object, ...] = ("", "x" * 81, "Ünïcode", "with blanks", 5, None, [], {"a": 1})
Wait: TypeAlias = float | str | datetime | None
WAITS: tuple[Wait, ...] = (
    *(None, 0, 1, 5, 6, 30, 3_600, 10**6, 10**30, -1, -7.5, "", "soon", "nan", "inf", "-inf"),
    *("1e400", "30, 60", NOON + timedelta(minutes=2), NOON - timedelta(days=1)),
    *("Sun, 06 Nov 1994 08:49:37", "Fri, 31 Dec 99999 23:59:59 GMT", "\N{ARABIC-INDIC DIGIT FIVE}"),
)


def cases() -> Iterator[Case]:
    """Yield everything but what costs seconds."""
    for code in REFUSED:
        yield Case(code, error(code))
    for code in LEFT:
        yield Case(code, error(code), "gone")
    for strange in STRANGE:
        answer = faults.status(200, {"ok": False, "error": strange})
        yield Case(f"error {strange!r:.20}", answer)
    for wait in WAITS:
        yield Case(f"429 {wait!s:.20}", rate_limited(_sendable(wait)))
    for status in (400, 401, 403, 404, 405, 408, 413, 418, 500, 501, 502, 503, 504, 520, 599):
        yield Case(f"{status}", faults.status(status))
        yield Case(f"{status} page", faults.html(status))
    for text in ("", "null", "[1]", "5", "{", '{"ok": 1}', '{"ok": "true"}', "[" * 100_000):
        yield Case(f"body {text:.12}", faults.body(text))
    yield Case("page", faults.html())
    yield Case("302", faults.redirect("http://127.0.0.1:1/api/"))
    yield Case("no UTF-8", faults.invalid_utf8())
    yield Case("reset before", faults.hang_up(reset=True))
    yield Case("hang-up before", faults.hang_up())
    yield Case("reset after", faults.answer_lost(), "twice")
    yield Case("hang-up after", faults.answer_lost(reset=False), "twice")
    yield Case("truncated", faults.truncated(), "twice")
    yield Case("no HTTP", faults.raw([b"SSH-2.0-Other\r\n"]))


def slow_cases() -> Iterator[Case]:
    """Yield those that cost seconds each."""
    yield Case("hang", faults.hang(60))
    yield Case("late", faults.slow(60), "twice")
    yield Case("drip", faults.drip(0.2), "twice")
    yield Case("head that drips", faults.slow_head())
    yield Case("endless", faults.huge(10**13, stated=False))


def _sendable(wait: Wait) -> Wait:
    # http.client sends heads in latin-1.
    return wait.encode().decode("latin-1") if isinstance(wait, str) else wait


class Wire(fakes.FakeSlack):
    """A notifier that is the real client, and notes what it said; its naps take no time."""

    def __init__(self, url: str) -> None:
        super().__init__(max_events=1)  # a second message is to follow one that failed
        self.said: list[DeliveryResult] = []
        self.naps: list[float] = []
        messenger = SlackMessenger(
            Secret(TOKEN), url, timeout=1, sleep=self.naps.append, clock=lambda: NOON
        )
        self._real = SlackAlerts(messenger, lambda: NOON, link=None)

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        self.said.append(self._real.send(user, events))
        return self.said[-1]


def run_case(folder: Path, case: Case) -> None:
    """Let two messages meet a fault, heal Slack, and see what arrives; raises what is not right."""
    with FakeSlack() as site:
        wire = Wire(site.url)
        collector_env = CollectorEnv(folder, slack=wire)
        collector_env.subscribe(BOB)
        collector_env.run({"alice": 99})
        site.fail(case.fault)
        collector_env.run({"alice": 100})
        collector_env.run({"alice": 0})
        if sum(wire.naps) > 2 * 2 * PATIENCE.total_seconds():
            raise LostError(f"two passes slept for {sum(wire.naps)} s")
        site.heal()
        for _ in range(MOST_PASSES):
            if not collector_env.state.outbox:
                break
            collector_env.run({"alice": 0})
        judge(case, [message.text for message in site.sent], collector_env)


def judge(case: Case, texts: list[str], collector_env: CollectorEnv) -> None:
    """Raise where something else arrived than has to."""
    kinds = ["hit" if "has been reached" in text else "reset" for text in texts]
    dropped = collector_env.state.waiting.dropped
    if collector_env.state.outbox:
        raise LostError(f"still waits: {collector_env.state.outbox}")
    if case.end == "gone":
        assert (kinds, dropped) == ([], 2), f"{kinds}, {dropped} dropped"
        return
    if list(dict.fromkeys(kinds)) != ["hit", "reset"] or dropped:
        raise LostError(f"{kinds} arrived, {dropped} dropped")
    if len(kinds) > 2 and (case.end != "twice" or kinds != sorted(kinds)):
        raise LostError(f"{kinds} arrived")


def run_tls_case(folder: Path, way: str) -> None:
    """Let Slack's place be taken by a server without a certificate for it."""
    with TlsSite(way) as site:
        wire = Wire(f"{site.url}/api/")
        collector_env = CollectorEnv(folder, slack=wire)
        collector_env.subscribe(BOB)
        collector_env.run({"alice": 99})
        collector_env.run({"alice": 100})
        if TOKEN.encode() in site.heard:
            raise LetInError("the token was told")
        [result] = wire.said
        assert result.status is DeliveryStatus.LATER, result
        assert [message.unsure for message in collector_env.state.outbox] == [0]


def flood(folder: Path, users: int, passes: int, begin: datetime = NOON) -> CollectorEnv:
    """Let Slack be down while more messages fall due than are kept."""
    collector_env = CollectorEnv(folder, slack=fakes.FakeSlack(), clock=Clock(begin))
    collector_env.subscribe(*(f"U{number:04}" for number in range(users)))
    for number in range(passes):
        assert collector_env.slack
        collector_env.slack.results.append(
            DeliveryResult(DeliveryStatus.LATER, "Slack is down", halt=True)
        )
        collector_env.run({"alice": 0 if number % 2 == 0 else 100})
    return collector_env


def run_cases(folder: Path) -> Iterator[Result]:
    """Yield the counts of each class."""
    yield run_class("Slack: errors, statuses, waits, lost answers", [*cases()], folder / "cases")
    yield run_class("Slack: hanging and slow answers", [*slow_cases()], folder / "slow")
    result = Result("Slack: untrusted or interrupted TLS")
    for way in (*UNTRUSTED, *BROKEN):
        with result.case(way):
            run_tls_case(folder / "tls" / way, way)
    yield result
    result = Result("Slack: down while 1,200 messages become due; the newest 1,000 arrive in order")
    with result.case("flood"):
        check_delivered(flood(folder / "flood", 20, 61))
    yield result


def run_class(name: str, chosen: Collection[Case], folder: Path) -> Result:
    """Try each case."""
    result = Result(name)
    for number, case in enumerate(chosen):
        with result.case(case.name):
            run_case(folder / f"{number}", case)
    return result


def check_delivered(collector_env: CollectorEnv) -> None:
    """Let Slack take all that waits after a flood: to each person the newest, in order."""
    assert collector_env.slack
    waiting = [(m.user, m.event) for m in collector_env.state.outbox]
    assert (len(waiting), collector_env.state.waiting.dropped) == (1_000, 200)
    collector_env.slack.sent.clear()
    collector_env.slack.results.clear()
    collector_env.run({"alice": 0})
    by_user = sorted(waiting, key=lambda each: [user for user, _ in waiting].index(each[0]))
    if collector_env.slack.sent != by_user or collector_env.state.outbox:
        raise LostError(f"{len(collector_env.slack.sent)} arrived")
