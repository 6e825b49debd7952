"""The doctor on session keys."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon import files
from cldmon.doctor import keys, setup
from cldmon.doctor.check import Verdict
from cldmon.domain.model import Account, Failure, FailureKind, Reading, Snapshot
from cldmon.domain.ports import Organization, ReadResult
from cldmon.domain.secret import Secret
from cldmon.store.state import AccountState, KeyFingerprint, State
from cldmon.terminal.times import format_clock
from tests.doctor.ward import KEY
from tests.fakes import NOON

if TYPE_CHECKING:
    from tests.doctor.ward import Ward

OURS = Secret(KEY)


def mark(age: timedelta) -> KeyFingerprint:
    return KeyFingerprint(OURS.fingerprint(), NOON - age)


@pytest.mark.parametrize(
    ("days", "verdict", "words"),
    [
        (0, Verdict.OK, "in use since 2026-11-22 (0 days)"),
        (20.9, Verdict.OK, "in use since 2026-11-01 (20 days)"),
        (21, Verdict.UNSURE, "(21 days): from 2026-11-29 on it may stop working any day"),
        (27.9, Verdict.UNSURE, "(27 days): from 2026-11-22 on it may stop working any day"),
        (28, Verdict.UNSURE, "(28 days): it may stop working any day"),
        (39, Verdict.UNSURE, "(39 days): it may stop working any day"),
    ],
)
def test_from_day_21_on_a_key_is_warned_of(days: float, verdict: Verdict, words: str) -> None:
    check = keys.age("key of al", OURS, mark(timedelta(days=days)), NOON, "do so")
    assert check.verdict is verdict
    assert check.detail.endswith(words)
    assert ("do so" in check.remedy) is (verdict is Verdict.UNSURE)


def test_the_age_of_the_key_before_says_nothing_of_this_one() -> None:
    other = KeyFingerprint(Secret("another").fingerprint(), NOON - timedelta(days=27))
    check = keys.age("key", OURS, other, NOON, "")
    assert (check.verdict, check.detail) == (Verdict.UNSURE, "well-formed; no pass has used it yet")
    assert check.remedy == "run: cldmon fetch"


REFUSED = Failure(FailureKind.KEY_EXPIRED, "session key expired or revoked")
DOWN = Failure(FailureKind.SERVICE_DOWN, "it was down")
READ = Reading(NOON, {})


@pytest.mark.parametrize(
    ("account", "looked_up", "verdict"),
    [
        (Account("alice", READ), True, Verdict.OK),
        (Account("alice", READ), False, Verdict.OK),
        (Account("alice", READ, DOWN), True, Verdict.OK),
        (Account("alice", READ, REFUSED), False, Verdict.UNSURE),
        (Account("alice", None, REFUSED), False, Verdict.UNSURE),
        (Account("alice", None, DOWN), False, Verdict.UNSURE),
    ],
    ids=["read", "read by an older cldmon", "down now", "new and refused", "refused", "down"],
)
def test_a_key_is_ticked_only_once_the_service_has_accepted_it(
    ward: Ward, account: Account, looked_up: bool, verdict: Verdict
) -> None:
    memory = AccountState(key=mark(timedelta(days=1)), organization_at=NOON if looked_up else None)
    ward.passed(State(Snapshot(NOON, (account,)), {"alice": memory}))
    [check] = keys.present(ward.installation())
    assert check.verdict is verdict
    assert ("has not accepted it" in check.detail) is (verdict is Verdict.UNSURE)


GIVEN = "LoadCredential=alice:/etc/credstore/cldmon-alice"
KEYLESS = '[[accounts]]\nlabel = "alice"\n'


def by_credential(ward: Ward, account: Account | None, key: KeyFingerprint | None = None) -> None:
    """Let systemd give the key to the service alone, and a pass have ended."""
    ward.write(accounts=KEYLESS)
    ward.schedule(GIVEN)
    memory = AccountState(key=key, organization_at=NOON if account and account.reading else None)
    accounts = (account,) if account else ()
    ward.passed(State(Snapshot(NOON, accounts), {"alice": memory}))


def test_a_key_that_systemd_gives_to_the_service_is_as_the_service_found_it(ward: Ward) -> None:
    by_credential(ward, Account("alice", READ), mark(timedelta(days=1)))
    installation = ward.installation(offline=False)
    [check] = keys.present(installation)
    assert check.verdict is Verdict.OK
    assert "systemd" in check.detail
    assert "in use since 2026-11-21" in check.detail
    assert list(keys.validity(installation)) == []
    [config] = setup.configuration(installation)
    assert config.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("account", "key", "verdicts"),
    [
        (None, None, [Verdict.UNSURE]),
        (Account("alice", READ), mark(timedelta(days=22)), [Verdict.UNSURE]),
        (Account("alice", None, REFUSED), mark(timedelta(0)), [Verdict.UNSURE, Verdict.FAILED]),
        (
            Account("alice", None, Failure(FailureKind.KEY_MISSING, "no session key")),
            None,
            [Verdict.UNSURE, Verdict.FAILED],
        ),
    ],
    ids=["no pass yet", "old", "refused", "not there"],
)
@pytest.mark.parametrize("offline", [True, False])
def test_what_the_service_met_with_such_a_key_is_told(
    ward: Ward,
    account: Account | None,
    key: KeyFingerprint | None,
    verdicts: list[Verdict],
    offline: bool,
) -> None:
    by_credential(ward, account, key)
    installation = ward.installation(offline=offline)
    checks = [*keys.present(installation), *keys.validity(installation)]
    assert [check.verdict for check in checks] == verdicts
    if Verdict.FAILED in verdicts:
        assert "/etc/credstore/cldmon-alice" in checks[-1].remedy


def test_a_key_that_nobody_gives_stays_a_cross(ward: Ward) -> None:
    """A credential of another account, or of another configuration's service, is none of ours."""
    ward.write(accounts=KEYLESS)
    ward.schedule("LoadCredential=bob:/etc/credstore/bob")
    ward.schedule(GIVEN, name="cldmon-b-fetch", config=ward.folder / "b.toml")
    [check] = keys.present(ward.installation())
    assert check.verdict is Verdict.FAILED
    [config] = setup.configuration(ward.installation())
    assert config.verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("line", "words", "remedy"),
    [
        ('session_key_file = "nowhere.key"', "cannot be read", ": cldmon login alice"),
        ('session_key_env = "NOT_SET"', "is not set", "into that variable"),
        ('session_key_command = ["false"]', "could not be started", "cookie sessionKey there"),
        ('session_key = "MARKER"', "is not a session key", ": cldmon login alice"),
    ],
)
def test_a_key_that_is_not_to_be_had_is_a_cross(
    ward: Ward, line: str, words: str, remedy: str
) -> None:
    """`cldmon login` is named where it can store a key."""
    ward.write(accounts=f'[[accounts]]\nlabel = "alice"\n{line}\n')
    [check] = keys.present(ward.installation())
    assert (check.verdict, words in check.detail) == (Verdict.FAILED, True)
    assert check.remedy.endswith(remedy)
    assert "MARKER" not in str(check)


def test_two_accounts_with_one_key_are_a_cross(ward: Ward) -> None:
    accounts = [f'[[accounts]]\nlabel = "{x}"\nsession_key = "{KEY}"\n' for x in ("alice", "bob")]
    ward.write(accounts="".join(accounts))
    [check] = keys.find_duplicates(ward.installation())
    assert "alice and bob have the same key" in check.detail
    assert "MARKER" not in str(check)


def test_one_key_for_two_organizations_is_fine(ward: Ward) -> None:
    """Whatever the last pass, made before they were configured, found."""
    uuids = ("00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b")
    accounts = [
        f'[[accounts]]\nlabel = "{label}"\nsession_key = "{KEY}"\norganization = "{uuid}"\n'
        for label, uuid in zip(("alice", "bob"), uuids, strict=True)
    ]
    ward.write(accounts="".join(accounts))
    before = AccountState(organization=Organization(uuids[0].upper(), "Team"))
    ward.passed(State(account_states={"alice": before, "bob": before}))
    assert [*keys.find_duplicates(ward.installation()), *keys.validity(ward.installation())] == []


def test_two_accounts_of_one_organization_are_a_question_mark() -> None:
    [check] = keys.sharing({"alice": "1", "bob": "2", "carol": "1"})
    assert (check.verdict, "alice and carol" in check.detail) == (Verdict.UNSURE, True)


def test_a_good_answer_is_a_tick_with_the_plan() -> None:
    check = keys.access(
        "alice", ReadResult(Reading(NOON, {}), Organization("1", "Max 5x")), "", NOON
    )
    assert check.detail == "the key is good: Max 5x, 0 window(s)"


@pytest.mark.parametrize("kind", FailureKind)
def test_every_failure_is_told_with_what_mends_it(kind: FailureKind) -> None:
    check = keys.access("alice", Failure(kind, "the words of the pass"), "do so", NOON)
    assert (check.verdict, check.detail) == (Verdict.FAILED, "the words of the pass")
    assert check.remedy


def test_without_a_browser_all_accounts_are_one_cross(ward: Ward) -> None:
    accounts = [f'[[accounts]]\nlabel = "{x}"\nsession_key = "{KEY}"\n' for x in ("alice", "bob")]
    ward.write('browser.executable = "/nonexistent"', accounts="".join(accounts))
    [check] = keys.validity(ward.installation(offline=False))
    assert (check.name, check.verdict) == ("access of alice, bob", Verdict.FAILED)
    assert "/nonexistent" in check.detail
    assert "cldmon doctor" not in check.detail


def test_offline_the_last_pass_is_witness(ward: Ward) -> None:
    down = Failure(FailureKind.SERVICE_DOWN, "it was down")
    ward.passed(State(Snapshot(NOON, (Account("alice", None, down),))))
    [check] = keys.validity(ward.installation())
    assert (check.verdict, check.detail) == (Verdict.FAILED, "it was down")


def test_an_account_that_is_to_be_left_alone_is_not_asked(ward: Ward) -> None:
    """Neither a browser nor the service is needed for this answer."""
    ward.write('browser.executable = "/nonexistent"')
    until = NOON + timedelta(hours=1)
    ward.passed(State(account_states={"alice": AccountState(retry_at=until)}))
    [check] = keys.validity(ward.installation(offline=False))
    when = format_clock(until, NOON, None)
    assert (check.verdict, f"rate limited until {when}," in check.detail) == (Verdict.UNSURE, True)


def test_while_a_pass_runs_no_key_is_tried(ward: Ward) -> None:
    ward.passed()
    with files.lock(ward.data / "fetch.lock", wait=0):
        [check] = keys.validity(ward.installation(offline=False))
    assert (check.verdict, "another pass is running" in check.detail) == (Verdict.UNSURE, True)


def test_without_a_challenge_there_is_nothing_to_say(ward: Ward) -> None:
    ward.passed()
    assert [*keys.challenges(ward.installation())] == []


@pytest.mark.parametrize(
    ("in_a_row", "verdict", "words"),
    [
        (0, Verdict.OK, "7 so far; the browser passed 5 of them by itself"),
        (2, Verdict.UNSURE, "asked in every third pass: alice (2 in a row)"),
    ],
)
def test_challenges_are_counted(ward: Ward, in_a_row: int, verdict: Verdict, words: str) -> None:
    counters = {"challenges.passed": 5, "challenges.failed": 2}
    account_states = {
        "alice": AccountState(challenges=in_a_row),
        "gone": AccountState(challenges=9),
    }
    ward.passed(State(account_states=account_states, counters=counters))
    [check] = keys.challenges(ward.installation())
    assert (check.verdict, words in check.detail) == (verdict, True)
    assert "gone" not in check.detail
