"""The session keys: whether each is there, how old it is, and whether the service takes it."""

from __future__ import annotations

import os
import shlex
import tempfile
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.doctor.check import fail, ok, warn
from cldmon.doctor.chromium import POINTER
from cldmon.domain.key_age import WARN_AGE, describe_key_age
from cldmon.domain.model import Failure, FailureKind
from cldmon.domain.ports import ReadRequest, ReadResult, lookup_of
from cldmon.domain.secret import Secret
from cldmon.errors import BusyError, CldmonError
from cldmon.store import pass_lock
from cldmon.store.state import CHALLENGES, AccountState
from cldmon.terminal.times import format_clock, format_failure

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping
    from datetime import datetime

    from cldmon.config.installed import Credential
    from cldmon.config.schema import Config
    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation
    from cldmon.store.state import KeyFingerprint

_REMEDIES = {
    FailureKind.KEY_MISSING: "put a key there: {renewal}",
    FailureKind.KEY_EXPIRED: "get a new key: {renewal}",
    FailureKind.WRONG_ORGANIZATION: "if it lasts: {renewal}",
    FailureKind.REFUSED: "look at claude.ai in a browser, as this account and from this machine's"
    " address: it says there what it wants",
    FailureKind.CHALLENGED: "sign in on this machine, which keeps the clearance: {renewal}; or set"
    " browser.headless = false (under Xvfb), or ask from another address",
    FailureKind.RATE_LIMITED: "wait; a longer fetch_interval_minutes helps if it lasts",
    FailureKind.SERVICE_DOWN: "look whether claude.ai opens from this machine (network, proxy)",
    FailureKind.NOT_UNDERSTOOD: "look for a newer cldmon",
    FailureKind.TIMEOUT: "look at the network; raise browser.timeout_seconds if it is slow",
    FailureKind.NO_BROWSER: "fix that first: nothing can be read without a browser",
    FailureKind.UNEXPECTED: "run `cldmon --debug fetch` and report what it says; look for a newer"
    " cldmon",
}


def present(installation: Installation) -> Iterator[Check]:
    """Look whether each key is there, well-formed and not near its end."""
    now = installation.app.now()
    for label, key in installation.keys.items():
        name, again = f"key of {label}", renewal(installation, label)
        mark, accepted = _memory(installation, label).key, _is_accepted(installation, label)
        if isinstance(key, Secret):
            yield age(name, key, mark, now, again, accepted=accepted)
        elif given := _given(installation, label):
            where = f"systemd gives it to the passes alone ({given})"
            yield _aged(name, where, mark, now, again, accepted=accepted)
        else:
            yield fail(name, key.message, _REMEDIES[key.kind].format(renewal=again))


def age(
    name: str,
    key: Secret,
    mark: KeyFingerprint | None,
    now: datetime,
    renewal: str,
    *,
    accepted: bool = True,
) -> Check:
    """Return what is known of a key; `mark` is that of the key that was used last.

    `accepted` says whether the service has accepted that one.
    """
    used = mark if mark and mark.fingerprint == key.fingerprint() else None
    return _aged(name, "well-formed", used, now, renewal, accepted=accepted)


def _aged(
    name: str,
    what: str,
    mark: KeyFingerprint | None,
    now: datetime,
    renewal: str,
    *,
    accepted: bool,
) -> Check:
    if mark is None:
        return warn(name, f"{what}; no pass has used it yet", "run: cldmon fetch")
    detail = f"{what}; {describe_key_age(mark.since, now)}"
    if not accepted:
        return warn(name, f"{detail}; the service has not accepted it", f"a new one: {renewal}")
    if now - mark.since < WARN_AGE:
        return ok(name, detail)
    return warn(name, detail, f"get a new key in time: {renewal}")


def _is_accepted(installation: Installation, label: str) -> bool:
    """Return whether the service is known to have accepted the key that was used last."""
    # The organization is looked up again with each new key.
    if _memory(installation, label).organization_at:
        return True
    accounts = installation.state.snapshot.accounts
    return any(each.label == label and each.reading and not each.failure for each in accounts)


def _memory(installation: Installation, label: str) -> AccountState:
    return installation.state.account_states.get(label, AccountState())


def _given(installation: Installation, label: str) -> Credential | None:
    """Return how systemd gives an account's key to the passes alone, or None."""
    account = installation.config.account(label) if installation.config else None
    return installation.credential(account.sources()) if account else None


def find_duplicates(installation: Installation) -> Iterator[Check]:
    """Check whether two accounts have the same key for the same organization."""
    accounts = installation.config.accounts if installation.config else ()
    asked = {
        account.label: (key, account.organization)
        for account in accounts
        if isinstance(key := installation.keys[account.label], Secret)
    }
    for one, other in combinations(asked, 2):
        if asked[one] == asked[other]:
            detail = f"{one} and {other} have the same key: they show the same usage"
            remedy = (
                f"give {other} its own key: {renewal(installation, other)}; or, if the key opens"
                " several organizations, set `organization` of each"
            )
            yield fail("accounts", detail, remedy)


def validity(installation: Installation) -> Iterator[Check]:
    """Ask the service with each key, once, and store nothing; offline: say how it was last."""
    if installation.config is None:
        return
    if installation.offline:
        yield from _as_it_was(installation, installation.keys)
        yield from sharing(_organizations(installation, {}))
        return
    yield from _as_it_was(
        installation, [label for label in installation.keys if _given(installation, label)]
    )
    resting = dict(_resting(installation))
    for label, until in resting.items():
        when = format_clock(until, installation.app.now(), None)
        detail = f"rate limited until {when}, so it is not asked"
        yield warn(f"access of {label}", detail, _REMEDIES[FailureKind.RATE_LIMITED])
    questions = [
        ReadRequest(account.label, key, account.organization)
        for account in installation.config.accounts
        if isinstance(key := installation.keys[account.label], Secret)
        and account.label not in resting
    ]
    if questions:
        yield from _asked(installation, installation.config, questions)


def _asked(
    installation: Installation, config: Config, questions: list[ReadRequest]
) -> Iterator[Check]:
    lookups = {question.label: lookup_of(question) for question in questions}
    try:
        with _folder(installation.data_dir) as folder:
            answers = installation.app.source(config, folder).read(lookups, lambda _label: None)
    except BusyError as error:
        yield warn("access", f"{error}, so no key was tried", "run cldmon doctor again after it")
        return
    yield from _without_browser(answers)
    for question in questions:
        answer = answers[question.label]
        if not _lacks_browser(answer):
            again = renewal(installation, question.label)
            yield access(question.label, answer, again, installation.app.now())
    yield from sharing(_organizations(installation, answers))


def challenges(installation: Installation) -> Iterator[Check]:
    """Say how often Cloudflare challenged the browser, and who is left alone because of it."""
    counts, account_states = installation.state.counters, installation.state.account_states
    passed, not_passed = counts.get(CHALLENGES[True], 0), counts.get(CHALLENGES[False], 0)
    if not passed + not_passed:
        return
    detail = f"{passed + not_passed} so far; the browser passed {passed} of them by itself"
    waiting = [
        f"{label} ({account_states[label].challenges} in a row)"
        for label in installation.keys
        if label in account_states and account_states[label].challenges
    ]
    if not waiting:
        yield ok("challenges", detail)
        return
    remedy = _REMEDIES[FailureKind.CHALLENGED].format(renewal="cldmon login LABEL")
    yield warn("challenges", f"{detail}; asked in every third pass: {', '.join(waiting)}", remedy)


def access(label: str, answer: ReadResult | Failure, renewal: str, now: datetime) -> Check:
    """Return what an answer of the service means for the account's key."""
    name = f"access of {label}"
    if isinstance(answer, ReadResult):
        windows = len(answer.reading.windows)
        return ok(name, f"the key is good: {answer.organization.plan}, {windows} window(s)")
    why = format_failure(answer, now, None)
    return fail(name, why, _REMEDIES[answer.kind].format(renewal=renewal))


def sharing(organizations: Mapping[str, str]) -> Iterator[Check]:
    """Yield the pairs of accounts that are one organization; label → uuid."""
    for one, other in combinations(organizations, 2):
        if organizations[one] == organizations[other]:
            detail = f"{one} and {other} are one organization: they show the same usage"
            yield warn("accounts", detail, "remove one, or set its `organization` to another")


@contextmanager
def _folder(data_dir: Path | None) -> Iterator[Path]:
    """Give the browser the place that passes use, while none runs: it keeps their clearance.

    Not that of another user, whose passes could not use what we would leave there.
    """
    if data_dir and data_dir.is_dir() and data_dir.stat().st_uid == os.geteuid():
        with pass_lock(data_dir):
            yield data_dir / "browser"
    else:
        with tempfile.TemporaryDirectory(prefix="cldmon-doctor-") as folder:
            yield Path(folder)


def _without_browser(answers: Mapping[str, ReadResult | Failure]) -> Iterator[Check]:
    """Say once of all accounts what kept the browser from asking."""
    labels: dict[str, list[str]] = {}
    for label, answer in answers.items():
        if isinstance(answer, Failure) and _lacks_browser(answer):
            labels.setdefault(answer.message, []).append(label)
    for message, those in labels.items():
        why = message.removesuffix(POINTER)
        yield fail(f"access of {', '.join(those)}", why, _REMEDIES[FailureKind.NO_BROWSER])


def _lacks_browser(answer: ReadResult | Failure) -> bool:
    return isinstance(answer, Failure) and answer.kind is FailureKind.NO_BROWSER


def _resting(installation: Installation) -> Iterator[tuple[str, datetime]]:
    for label in installation.keys:
        memory = installation.state.account_states.get(label, AccountState())
        if memory.retry_at and memory.is_backing_off(installation.app.now()):
            yield label, memory.retry_at


def _as_it_was(installation: Installation, labels: Container[str]) -> Iterator[Check]:
    """Say of accounts what the last pass met."""
    now = installation.app.now()
    for account in installation.state.snapshot.accounts:
        if account.label in labels and account.failure:
            yield access(account.label, account.failure, renewal(installation, account.label), now)


def _organizations(
    installation: Installation, answers: Mapping[str, ReadResult | Failure]
) -> dict[str, str]:
    """Return each account's organization: as the service answered, as configured, or as it was."""
    accounts = installation.config.accounts if installation.config else ()
    remembered = {
        label: memory.organization.normalized_uuid
        for label, memory in installation.state.account_states.items()
        if memory.organization
    }
    configured = {each.label: each.organization for each in accounts if each.organization}
    answered = {
        label: answer.organization.normalized_uuid
        for label, answer in answers.items()
        if isinstance(answer, ReadResult)
    }
    found = {**remembered, **configured, **answered}
    return {label: found[label] for label in installation.keys if label in found}


def renewal(installation: Installation, label: str) -> str:
    """Return how an account gets another key: by `cldmon login`, or by hand where that cannot."""
    try:
        installation.app.key_place(label)
    except CldmonError as error:
        return str(error)
    return f"cldmon login {shlex.quote(label)}"
