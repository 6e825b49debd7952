"""The doctor on session keys."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon import files
from cldmon.doctor import keys, setup
from cldmon.doctor.check import Verdict
from cldmon.domain.instants import format_clock
from cldmon.domain.model import Account, Failure, FailureKind, Reading, Snapshot
from cldmon.domain.ports import Organization, ReadResult
from cldmon.domain.secret import Secret
from cldmon.store.state import AccountState, KeyFingerprint, State
from tests.doctor.env import KEY
from tests.fakes import NOON

if TYPE_CHECKING:
    from tests.doctor.env import DoctorEnv

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
def test_from_day_21_on_a_key_is_warned_of(
    env: DoctorEnv, days: float, verdict: Verdict, words: str
) -> None:
    state = AccountState(key=mark(timedelta(days=days)), organization_at=NOON)
    env.save_state(State(account_states={"alice": state}))
    [check] = keys.check_keys(env.installation())
    assert check.verdict is verdict
    assert check.detail.endswith(words)
    assert ("cldmon login alice" in check.remedy) is (verdict is Verdict.UNSURE)


def test_the_age_of_the_previous_key_is_irrelevant(env: DoctorEnv) -> None:
    other = KeyFingerprint(Secret("another").fingerprint(), NOON - timedelta(days=27))
    env.save_state(State(account_states={"alice": AccountState(key=other)}))
    [check] = keys.check_keys(env.installation())
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
    env: DoctorEnv, account: Account, looked_up: bool, verdict: Verdict
) -> None:
    memory = AccountState(key=mark(timedelta(days=1)), organization_at=NOON if looked_up else None)
    env.save_state(State(Snapshot(NOON, (account,)), {"alice": memory}))
    [check] = keys.check_keys(env.installation())
    assert check.verdict is verdict
    assert ("has not accepted it" in check.detail) is (verdict is Verdict.UNSURE)


GIVEN = "LoadCredential=alice:/etc/credstore/cldmon-alice"
KEYLESS = '[[accounts]]\nlabel = "alice"\n'


def by_credential(
    env: DoctorEnv, account: Account | None, key: KeyFingerprint | None = None
) -> None:
    """Pass the key to the service only, as systemd does, and complete a pass."""
    env.write_config(labels=[], tables=KEYLESS)
    env.add_unit(GIVEN)
    memory = AccountState(key=key, organization_at=NOON if account and account.reading else None)
    accounts = (account,) if account else ()
    env.save_state(State(Snapshot(NOON, accounts), {"alice": memory}))


def test_a_key_that_systemd_gives_to_the_service_is_as_the_service_found_it(env: DoctorEnv) -> None:
    by_credential(env, Account("alice", READ), mark(timedelta(days=1)))
    installation = env.installation(offline=False)
    [check] = keys.check_keys(installation)
    assert check.verdict is Verdict.OK
    assert "systemd" in check.detail
    assert "in use since 2026-11-21" in check.detail
    assert list(keys.check_access(installation)) == []
    [config] = setup.check_config(installation)
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
def test_the_services_failure_with_such_a_key_is_reported(
    env: DoctorEnv,
    account: Account | None,
    key: KeyFingerprint | None,
    verdicts: list[Verdict],
    offline: bool,
) -> None:
    by_credential(env, account, key)
    installation = env.installation(offline=offline)
    checks = [*keys.check_keys(installation), *keys.check_access(installation)]
    assert [check.verdict for check in checks] == verdicts
    if Verdict.FAILED in verdicts:
        assert "/etc/credstore/cldmon-alice" in checks[-1].remedy


def test_a_key_that_is_nowhere_fails(env: DoctorEnv) -> None:
    """A credential of another account, or of another configuration's service, does not count."""
    env.write_config(labels=[], tables=KEYLESS)
    env.add_unit("LoadCredential=bob:/etc/credstore/bob")
    env.add_unit(GIVEN, name="cldmon-b-fetch", config=env.folder / "b.toml")
    [check] = keys.check_keys(env.installation())
    assert check.verdict is Verdict.FAILED
    [config] = setup.check_config(env.installation())
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
def test_an_unavailable_key_fails(env: DoctorEnv, line: str, words: str, remedy: str) -> None:
    """`cldmon login` is suggested if it can store a key."""
    env.write_config(labels=[], tables=f'[[accounts]]\nlabel = "alice"\n{line}\n')
    [check] = keys.check_keys(env.installation())
    assert (check.verdict, words in check.detail) == (Verdict.FAILED, True)
    assert check.remedy.endswith(remedy)
    assert "MARKER" not in str(check)


def test_two_accounts_with_one_key_fail_their_check(env: DoctorEnv) -> None:
    accounts = [f'[[accounts]]\nlabel = "{x}"\nsession_key = "{KEY}"\n' for x in ("alice", "bob")]
    env.write_config(labels=[], tables="".join(accounts))
    [check] = keys.check_duplicates(env.installation())
    assert "alice and bob have the same key" in check.detail
    assert "MARKER" not in str(check)


def test_one_key_for_two_organizations_is_fine(env: DoctorEnv) -> None:
    """Even if the last pass, before they were configured, found the same one."""
    uuids = ("00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b")
    accounts = [
        f'[[accounts]]\nlabel = "{label}"\nsession_key = "{KEY}"\norganization = "{uuid}"\n'
        for label, uuid in zip(("alice", "bob"), uuids, strict=True)
    ]
    env.write_config(labels=[], tables="".join(accounts))
    before = AccountState(organization=Organization(uuids[0].upper(), "Team"))
    env.save_state(State(account_states={"alice": before, "bob": before}))
    assert [
        *keys.check_duplicates(env.installation()),
        *keys.check_access(env.installation()),
    ] == []


def test_two_accounts_of_one_organization_are_a_warning() -> None:
    [check] = keys.check_organizations({"alice": "1", "bob": "2", "carol": "1"})
    assert (check.verdict, "alice and carol" in check.detail) == (Verdict.UNSURE, True)


def test_a_good_answer_passes_its_check_with_the_plan() -> None:
    check = keys.check_result(
        "alice", ReadResult(Reading(NOON, {}), Organization("1", "Max 5x")), "", NOON
    )
    assert check.detail == "the key is good: Max 5x, 0 window(s)"


@pytest.mark.parametrize("kind", FailureKind)
def test_every_failure_has_a_fix(kind: FailureKind) -> None:
    check = keys.check_result("alice", Failure(kind, "the words of the pass"), "do so", NOON)
    assert (check.verdict, check.detail) == (Verdict.FAILED, "the words of the pass")
    assert check.remedy


def test_without_a_browser_all_accounts_fail_one_check(env: DoctorEnv) -> None:
    accounts = [f'[[accounts]]\nlabel = "{x}"\nsession_key = "{KEY}"\n' for x in ("alice", "bob")]
    env.write_config('browser.executable = "/nonexistent"', labels=[], tables="".join(accounts))
    [check] = keys.check_access(env.installation(offline=False))
    assert (check.name, check.verdict) == ("access of alice, bob", Verdict.FAILED)
    assert "/nonexistent" in check.detail
    assert "cldmon doctor" not in check.detail


def test_offline_the_last_pass_is_witness(env: DoctorEnv) -> None:
    down = Failure(FailureKind.SERVICE_DOWN, "it was down")
    env.save_state(State(Snapshot(NOON, (Account("alice", None, down),))))
    [check] = keys.check_access(env.installation())
    assert (check.verdict, check.detail) == (Verdict.FAILED, "it was down")


def test_an_account_that_is_backing_off_is_not_read(env: DoctorEnv) -> None:
    """Neither a browser nor the service is needed for that."""
    env.write_config('browser.executable = "/nonexistent"')
    until = NOON + timedelta(hours=1)
    env.save_state(State(account_states={"alice": AccountState(retry_at=until)}))
    [check] = keys.check_access(env.installation(offline=False))
    when = format_clock(until, NOON, None)
    assert (check.verdict, f"rate limited until {when}," in check.detail) == (Verdict.UNSURE, True)


def test_while_a_pass_runs_no_key_is_tried(env: DoctorEnv) -> None:
    env.complete_pass()
    with files.lock(env.data / "fetch.lock", wait=0):
        [check] = keys.check_access(env.installation(offline=False))
    assert (check.verdict, "another pass is running" in check.detail) == (Verdict.UNSURE, True)


def test_without_a_challenge_there_is_nothing_to_say(env: DoctorEnv) -> None:
    env.complete_pass()
    assert [*keys.check_challenges(env.installation())] == []


@pytest.mark.parametrize(
    ("in_a_row", "verdict", "words"),
    [
        (0, Verdict.OK, "7 so far; the browser passed 5 of them"),
        (2, Verdict.UNSURE, "read only in every third pass: alice (2 in a row)"),
    ],
)
def test_challenges_are_counted(
    env: DoctorEnv, in_a_row: int, verdict: Verdict, words: str
) -> None:
    counters = {"challenges.passed": 5, "challenges.failed": 2}
    account_states = {
        "alice": AccountState(challenges=in_a_row),
        "gone": AccountState(challenges=9),
    }
    env.save_state(State(account_states=account_states, counters=counters))
    [check] = keys.check_challenges(env.installation())
    assert (check.verdict, words in check.detail) == (verdict, True)
    assert "gone" not in check.detail
