"""The session keys: whether each exists, how old it is, and whether the service accepts it."""

from __future__ import annotations

import os
import shlex
import tempfile
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.config.write import find_key_place
from cldmon.doctor.browser import strip_hint
from cldmon.doctor.check import fail, ok, warn
from cldmon.domain.instants import format_clock
from cldmon.domain.key_age import WARN_AGE, describe_key_age
from cldmon.domain.model import Failure, FailureKind
from cldmon.domain.ports import ReadRequest, ReadResult, make_lookup
from cldmon.domain.secret import Secret
from cldmon.errors import BusyError, CldmonError
from cldmon.store.data_dir import pass_lock
from cldmon.store.state import CHALLENGES, AccountState
from cldmon.terminal.times import format_failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from cldmon.config.installed import Credential
    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation

_REMEDIES = {
    FailureKind.KEY_MISSING: "put a key there: {renewal}",
    FailureKind.KEY_EXPIRED: "get a new key: {renewal}",
    FailureKind.WRONG_ORGANIZATION: "if it persists, get a new key: {renewal}",
    FailureKind.REFUSED: "open claude.ai in a browser, as this account and from this machine's"
    " address, and follow its instructions",
    FailureKind.CHALLENGED: "sign in on this machine, which keeps the clearance: {renewal}; or set"
    " browser.headless = false (under Xvfb), or use another address",
    FailureKind.RATE_LIMITED: "wait; if it persists, raise fetch_interval_minutes",
    FailureKind.SERVICE_DOWN: "check whether claude.ai opens from this machine (network, proxy)",
    FailureKind.NOT_UNDERSTOOD: "look for a newer cldmon",
    FailureKind.TIMEOUT: "check the network; if it is slow, raise browser.timeout_seconds",
    FailureKind.NO_BROWSER: "fix this first: no account can be read without a browser",
    FailureKind.UNEXPECTED: "run `cldmon --debug fetch` and report its output; look for a newer"
    " cldmon",
}


def check_keys(installation: Installation) -> Iterator[Check]:
    """Check that each key exists, is well-formed and is not about to expire."""
    now, accounts = installation.app.now(), installation.state.snapshot.accounts
    read = {each.label for each in accounts if each.reading and not each.failure}
    for label, key in installation.keys.items():
        name, renewal = f"key of {label}", get_renewal(installation, label)
        state = installation.state.account_states.get(label, AccountState())
        detail, last = "well-formed", state.key
        if isinstance(key, Secret):
            if last and last.fingerprint != key.fingerprint():
                last = None
        elif given := _find_credential(installation, label):
            detail = f"systemd passes it to the services only ({given})"
        else:
            yield fail(name, key.message, _REMEDIES[key.kind].format(renewal=renewal))
            continue
        if not installation.knows_state:
            yield ok(name, detail)
            continue
        if last is None:
            yield warn(name, f"{detail}; no pass has used it yet", "run: cldmon fetch")
            continue
        detail += f"; {describe_key_age(last.since, now)}"
        # A pass looks up the organization again for each new key.
        if not state.organization_at and label not in read:
            detail += "; the service has not accepted it"
            yield warn(name, detail, f"get a new key: {renewal}")
        elif now - last.since >= WARN_AGE:
            yield warn(name, detail, f"get a new key in time: {renewal}")
        else:
            yield ok(name, detail)


def check_duplicates(installation: Installation) -> Iterator[Check]:
    """Check that no two accounts use the same key for the same organization."""
    accounts = installation.config.accounts if installation.config else ()
    used = {
        account.label: (key, account.organization)
        for account in accounts
        if isinstance(key := installation.keys.get(account.label), Secret)
    }
    for one, other in combinations(used, 2):
        if used[one] == used[other]:
            detail = f"{one} and {other} have the same key: they show the same usage"
            remedy = (
                f"give {other} its own key: {get_renewal(installation, other)}; or, if the key"
                " gives access to several organizations, set `organization` for each account"
            )
            yield fail("accounts", detail, remedy)


def check_access(installation: Installation) -> Iterator[Check]:
    """Try each key once and store nothing; if a key can't be tried, report the last pass."""
    if installation.config is None:
        return
    now = installation.app.now()
    for account in installation.state.snapshot.accounts:
        label, failure = account.label, account.failure
        reported = installation.offline or _find_credential(installation, label)
        if failure and reported and label in installation.keys:
            yield check_result(label, failure, get_renewal(installation, label), now)
    requests = {}
    for each in () if installation.offline else installation.config.accounts:
        state = installation.state.account_states.get(each.label, AccountState())
        if state.retry_at and state.is_backing_off(now):
            detail = f"rate limited until {format_clock(state.retry_at, now, None)}, so not tried"
            remedy = _REMEDIES[FailureKind.RATE_LIMITED]
            yield warn(f"access of {each.label}", detail, remedy)
        elif isinstance(key := installation.keys.get(each.label), Secret):
            requests[each.label] = make_lookup(ReadRequest(each.label, key, each.organization))
    results: Mapping[str, ReadResult | Failure] = {}
    if requests:
        try:
            with _use_browser_folder(installation.data_dir) as folder:
                source = installation.app.build_source(installation.config, folder)
                results = source.read(requests, lambda _label: None)
        except BusyError as error:
            yield warn("access", f"{error}, so no key was tried", "run cldmon doctor again later")
            return
    without_browser: dict[str, list[str]] = {}
    for label, result in results.items():
        if isinstance(result, Failure) and result.kind is FailureKind.NO_BROWSER:
            without_browser.setdefault(strip_hint(result.message), []).append(label)
        else:
            yield check_result(label, result, get_renewal(installation, label), now)
    for message, labels in without_browser.items():
        remedy = _REMEDIES[FailureKind.NO_BROWSER]
        yield fail(f"access of {', '.join(labels)}", message, remedy)
    if installation.offline or requests:
        yield from check_organizations(_list_organizations(installation, results))


def check_result(label: str, result: ReadResult | Failure, renewal: str, now: datetime) -> Check:
    """Report the result of reading an account."""
    name = f"access of {label}"
    if isinstance(result, ReadResult):
        windows = len(result.reading.windows)
        return ok(name, f"the key is good: {result.organization.plan}, {windows} window(s)")
    remedy = _REMEDIES[result.kind].format(renewal=renewal)
    return fail(name, format_failure(result, now, None), remedy)


def check_organizations(organizations: Mapping[str, str]) -> Iterator[Check]:
    """Check that no two accounts are the same organization; label → uuid."""
    for one, other in combinations(organizations, 2):
        if organizations[one] == organizations[other]:
            detail = f"{one} and {other} are the same organization: they show the same usage"
            yield warn("accounts", detail, "remove one, or set its `organization` to another")


def check_challenges(installation: Installation) -> Iterator[Check]:
    """Report how often Cloudflare challenged the browser, and which accounts that slows down."""
    counters, states = installation.state.counters, installation.state.account_states
    passed, failed = counters.get(CHALLENGES[True], 0), counters.get(CHALLENGES[False], 0)
    if not passed + failed:
        return
    detail = f"{passed + failed} so far; the browser passed {passed} of them"
    challenged = [
        f"{label} ({states[label].challenges} in a row)"
        for label in installation.keys
        if label in states and states[label].challenges
    ]
    if challenged:
        detail += f"; read only in every third pass: {', '.join(challenged)}"
        remedy = _REMEDIES[FailureKind.CHALLENGED].format(renewal="cldmon login LABEL")
        yield warn("challenges", detail, remedy)
    else:
        yield ok("challenges", detail)


@contextmanager
def _use_browser_folder(data_dir: Path | None) -> Iterator[Path]:
    """Lock and yield the browser folder of the passes, which has their Cloudflare clearance.

    If it belongs to another user, yield a temporary one: their passes could not use our files.
    """
    if data_dir and data_dir.is_dir() and data_dir.stat().st_uid == os.geteuid():
        with pass_lock(data_dir):
            yield data_dir / "browser"
    else:
        with tempfile.TemporaryDirectory(prefix="cldmon-doctor-") as folder:
            yield Path(folder)


def _list_organizations(
    installation: Installation, results: Mapping[str, ReadResult | Failure]
) -> dict[str, str]:
    """Return each account's organization: as just read, else as configured, else as remembered."""
    organizations = {
        label: state.organization.normalized_uuid
        for label, state in installation.state.account_states.items()
        if state.organization
    }
    for account in installation.config.accounts if installation.config else ():
        if account.organization:
            organizations[account.label] = account.organization
    for label, result in results.items():
        if isinstance(result, ReadResult):
            organizations[label] = result.organization.normalized_uuid
    return {label: organizations[label] for label in installation.keys if label in organizations}


def _find_credential(installation: Installation, label: str) -> Credential | None:
    """Return how systemd passes an account's key to the services only, or None."""
    account = installation.config.account(label) if installation.config else None
    return installation.credential(account.sources()) if account else None


def get_renewal(installation: Installation, label: str) -> str:
    """Return how to renew an account's key: with `cldmon login` or, if that can't, by hand."""
    try:
        app = installation.app
        find_key_place(app.read_config(), app.config_path, label, app.env)
    except CldmonError as error:
        return str(error)
    return f"cldmon login {shlex.quote(label)}"
