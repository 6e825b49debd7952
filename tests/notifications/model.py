"""What the contract says of alerts, as a person with pen and paper would do it: none of our code.

Fed with what was read of each account, it says what has happened; fed with what each channel was
handed and answered, it objects to what should not have been sent, or should have been and was not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DURATIONS = {"fiveHour": 5 * HOUR, "sevenDay": 7 * DAY}
OWNERS = ("key_expiring", "account_failed", "account_recovered", "saved_reset_ending")
LASTING = ("limit_changed", "saved_reset_ending")
OPPOSITES = {"usage_reset": "limit_hit", "account_recovered": "account_failed"}
DIRECT = "slack-dm"


class Shown(NamedTuple):
    """What the service shows of a window."""

    percent: int
    resets_at: datetime | None


class Happened(NamedTuple):
    """An event; `crossed` are all thresholds passed, `ends` is the window's or saved reset's."""

    kind: str
    label: str
    window: str | None
    at: datetime
    crossed: tuple[int, ...] = ()
    ends: datetime | None = None
    days: int | None = None


@dataclass
class Wish:
    """What one person wants of one account."""

    kinds: frozenset[str] = frozenset()
    thresholds: tuple[int, ...] = ()
    windows: tuple[str, ...] | None = None


@dataclass
class Reader:
    """What one person has said: `quiet` are minutes of the day, in a zone so far from UTC."""

    wishes: dict[str, Wish] = field(default_factory=dict)
    quiet: tuple[int, int] | None = None
    offset: timedelta = timedelta()
    paused_until: datetime | None = None

    def is_quiet(self, now: datetime) -> bool:
        if self.paused_until and now < self.paused_until:
            return True
        if self.quiet is None:
            return False
        minute, (first, end) = ((now + self.offset) - datetime.min.replace(tzinfo=now.tzinfo)) \
            % DAY // MINUTE, self.quiet  # fmt: skip
        return minute in (range(first, end) if first < end else {*range(first, 1440), *range(end)})


@dataclass
class ChannelWish(Wish):
    """What one channel gets; `labels` None: of all accounts."""

    labels: tuple[str, ...] | None = None


@dataclass
class WindowState:
    last: Shown
    low: Shown | None = None
    fired: set[int] = field(default_factory=set)
    early: int = 0
    early_fired: bool = False


@dataclass
class AccountModel:
    windows: dict[str, WindowState] = field(default_factory=dict)
    failures: list[datetime] = field(default_factory=list)
    is_out: bool = False
    key: str = ""
    key_since: datetime | None = None
    key_days: int = 0
    read_at: datetime | None = None
    seen: frozenset[str] = frozenset()
    grants: list[datetime] = field(default_factory=list)


@dataclass
class Waiting:
    """An event that one recipient has yet to get, or anybody while nobody knows who."""

    happened: Happened
    recipient: tuple[str, str | None] | None
    held: bool = False
    attempts: int = 0


@dataclass
class AlertModel:
    """`by_window`: the reset rule. `owners`: label → person."""

    by_window: bool
    channels: Mapping[str, ChannelWish]
    owners: Mapping[str, str]
    accounts: dict[str, AccountModel] = field(default_factory=dict)
    readers: dict[str, Reader] = field(default_factory=dict)
    happened: list[Happened] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    rests: dict[str, datetime] = field(default_factory=dict)
    sent: int = 0

    def see(
        self,
        now: datetime,
        label: str,
        key: str,
        seen: Mapping[str, Shown] | str,
        saved: Iterable[datetime],
        full: Mapping[str, datetime | None],
        *,
        readable: bool,
    ) -> list[Happened]:
        """Return what a pass sees of an account: its windows, or the kind of a failure."""
        account = self.accounts.setdefault(label, AccountModel())
        found: list[Happened] = []
        if account.key != key:
            account.key, account.key_since, account.key_days = key, now, 0
        assert account.key_since
        account.key_since = min(account.key_since, now)
        due = [days for days in (21, 26, 28) if now - account.key_since >= days * DAY]
        if due and due[-1] > account.key_days:
            account.key_days = due[-1]
            found.append(Happened("key_expiring", label, None, now, days=due[-1]))
        if isinstance(seen, str):
            return [*found, *self._fail(account, label, seen, now)]
        if account.is_out:
            found.append(Happened("account_recovered", label, None, now))
        account.failures, account.is_out = [], False
        account.read_at, account.seen = now, frozenset(seen)
        is_known = bool(account.windows)
        for name, new in seen.items():
            found += self._watch(account, label, name, new, now, full.get(name), readable=readable)
        for end in sorted(saved):
            known = any(abs(end - grant) <= 2 * MINUTE for grant in account.grants)
            if now < end <= now + 3 * DAY and not known:
                account.grants.append(end)
                if is_known:
                    found.append(Happened("saved_reset_ending", label, None, now, ends=end))
        return found

    def _fail(self, account: AccountModel, label: str, kind: str, now: datetime) -> list[Happened]:
        if kind == "rate_limited":
            return []
        account.failures = [*(min(at, now) for at in account.failures), now]
        patience = 60 * MINUTE if kind in ("service_down", "timeout") else 30 * MINUTE
        lasted = now - account.failures[0]
        if account.is_out or len(account.failures) < 3 or lasted < patience:
            return []
        account.is_out = True
        return [Happened("account_failed", label, None, now)]

    def _watch(
        self,
        account: AccountModel,
        label: str,
        name: str,
        new: Shown,
        now: datetime,
        full_at: datetime | None,
        *,
        readable: bool,
    ) -> list[Happened]:
        if name not in account.windows:
            account.windows[name] = WindowState(new)
            if early_enough(name, new, full_at):
                account.windows[name].early = 1
            return []
        window = account.windows[name]
        old, low, window.low = window.last, window.low, None
        if low is None and new.percent < old.percent and old.resets_at and (
            old.resets_at > now + HOUR
        ):  # fmt: skip
            window.low = new
            return []
        if low and new.percent >= old.percent - 5:
            low, new = None, Shown(max(old.percent, new.percent), new.resets_at)
        steps = [low, new] if low else [new]

        kinds = []
        if old.percent == 100 and any(self._is_reset(old, step) for step in steps):
            kinds = ["usage_reset"]
        else:
            if old.percent < 100 and new.percent == 100:
                kinds.append("limit_hit")
            if is_changed(old, new, now):
                kinds.append("limit_changed")

        crossed: set[int] = set()
        watched = self._thresholds(label, readable=readable)
        before = old
        for step in steps:
            if is_new_instance(before, step, now) or is_new_instance(old, step, now):
                window.fired, window.early, window.early_fired = set(), 0, False
            window.fired = {n for n in window.fired if step.percent > n - 10}
            risen = {n for n in watched if before.percent < n <= step.percent}
            crossed |= risen - window.fired
            window.fired |= risen
            before = step
        window.last = new

        def event(kind: str, *thresholds: int) -> Happened:
            return Happened(kind, label, name, now, thresholds, new.resets_at)

        found = [event(kind) for kind in kinds]
        if crossed:
            found.append(event("threshold", *sorted(crossed)))
        window.early = window.early + 1 if early_enough(name, new, full_at) else 0
        if window.early >= 2 and not window.early_fired:
            window.early_fired = True
            found.append(event("run_out"))
        return found

    def _is_reset(self, old: Shown, new: Shown) -> bool:
        return new.percent == 0 or (
            self.by_window and new.percent < 100 and is_later(old.resets_at, new.resets_at)
        )

    def _thresholds(self, label: str, *, readable: bool) -> set[int]:
        if not readable:
            return {*range(1, 100)}
        people = [reader.wishes.get(label, Wish()) for reader in self.readers.values()]
        channels = [c for c in self.channels.values() if c.labels is None or label in c.labels]
        return {n for wish in (*people, *channels) for n in wish.thresholds}

    def commit(self, now: datetime, found: Sequence[Happened], *, readable: bool) -> None:
        """Note what has happened in a pass, and who is to get it."""
        self.happened += found
        waiting = [each for each in self.waiting if now - each.happened.at <= 7 * DAY]
        self.waiting = []
        for each in waiting:
            self.waiting += self._still_wanted(each, readable=readable)
        for event in found:
            for name, wish in self.channels.items():
                if wish.labels is None or event.label in wish.labels:
                    self.waiting += tailor(event, wish, (name, None))
            self.waiting += self._to_people(event, readable=readable)
        if readable:
            self._keep_quiet(now)

    def _to_people(self, event: Happened, *, readable: bool) -> list[Waiting]:
        if not readable:
            return [Waiting(event, None)]
        users = {**self.readers, self.owners.get(event.label, "nobody"): None}
        return [message for user in users for message in self._to_person(event, user)]

    def _to_person(self, event: Happened, user: str) -> list[Waiting]:
        if event.kind in OWNERS and self.owners.get(event.label) == user:
            return [Waiting(event, (DIRECT, user))]
        wish = self.readers.get(user, Reader()).wishes.get(event.label, Wish())
        if wish.windows is not None and event.window not in (None, *wish.windows):
            return []
        return tailor(event, wish, (DIRECT, user))

    def _still_wanted(self, each: Waiting, *, readable: bool) -> list[Waiting]:
        if not readable:
            return [each]
        if each.recipient is None:
            return self._to_people(each.happened, readable=True)
        channel, user = each.recipient
        wanted = channel != DIRECT or self._to_person(each.happened, user or "")
        return [each] if wanted else []

    def _keep_quiet(self, now: datetime) -> None:
        for user in {each.recipient[1] for each in self.waiting if each.recipient}:
            if user is None:
                continue
            theirs = [e for e in self.waiting if e.recipient == (DIRECT, user)]
            if self.readers.get(user, Reader()).is_quiet(now):
                for each in theirs:
                    each.held = True
                continue
            held = [each for each in theirs if each.held]
            kept = self._true_after_quiet(held, now)
            self.waiting = [e for e in self.waiting if e not in held or any(e is k for k in kept)]
            for each in kept:
                each.held = False

    def _true_after_quiet(self, held: list[Waiting], now: datetime) -> list[Waiting]:
        kept: list[Waiting] = []
        for each in held:
            event = each.happened
            begun = [
                k
                for k in kept
                if k.happened.kind == OPPOSITES.get(event.kind)
                and (k.happened.label, k.happened.window) == (event.label, event.window)
            ]
            if begun:
                kept = [k for k in kept if k is not begun[0]]
            else:
                kept.append(each)
        return [
            each
            for number, each in enumerate(kept)
            if self._is_true(each.happened, now)
            and not any(says_the_same(each.happened, k.happened) for k in kept[number + 1 :])
        ]

    def _is_true(self, event: Happened, now: datetime) -> bool:
        account = self.accounts[event.label]
        state = account.windows.get(event.window or "")
        percent = state.last.percent if state else 0
        ends = state.last.resets_at if state else None
        read_at = account.read_at if event.window in account.seen else event.at
        is_known = not (read_at and ends and read_at < ends <= now)
        is_ahead = event.ends is None or event.ends > now
        return {
            "limit_hit": percent == 100 and is_known,
            "usage_reset": percent < 100,
            "threshold": is_known and percent >= max(event.crossed, default=0),
            "run_out": percent < 100 and is_ahead,
            "limit_changed": is_ahead,
            "saved_reset_ending": is_ahead,
            "key_expiring": event.days == account.key_days,
            "account_failed": account.is_out,
            "account_recovered": not account.is_out,
        }[event.kind]

    def may_deliver(self, channel: str, now: datetime) -> list[Waiting]:
        """Return what a channel has to be handed in a pass, unless it stops taking it."""
        until = self.rests.get(channel)
        if until and now < until <= now + DAY:
            return []
        return [e for e in self.waiting if e.recipient and e.recipient[0] == channel and not e.held]

    def answer(
        self,
        channel: str,
        user: str | None,
        events: Iterable[Happened],
        fate: str,
        pause: timedelta | None,
        now: datetime,
    ) -> None:
        """Note what a channel was handed, the recipient, and its answer; objects if it is wrong."""
        handed: list[Waiting] = []
        for event in events:
            due = [e for e in self.waiting if e.recipient == (channel, user) and not e.held]
            [match] = [e for e in due if e.happened == event]
            assert not any(match is other for other in handed), f"twice in one message: {event}"
            handed.append(match)
        attempts = {each.attempts for each in handed}
        assert len(attempts) == 1, "what may have arrived is mixed with what has not"
        if fate == "unsure":
            tried = attempts.pop()
            pause = pause or (10 * MINUTE * 2**tried if tried else None)
            for each in handed:
                each.attempts += 1
        self.rests.pop(channel, None)
        if pause:
            self.rests[channel] = now + pause
        if fate in ("delivered", "gone") or handed[0].attempts == 4:
            self.waiting = [e for e in self.waiting if not any(e is h for h in handed)]
            self.sent += len(handed)


def tailor(event: Happened, wish: Wish, recipient: tuple[str, str | None]) -> list[Waiting]:
    """Return an event as somebody gets it: with the highest of the thresholds that are theirs."""
    if event.kind == "threshold":
        own = [n for n in event.crossed if n in wish.thresholds]
        return [Waiting(event._replace(crossed=(max(own),)), recipient)] if own else []
    return [Waiting(event, recipient)] if event.kind in wish.kinds else []


def says_the_same(one: Happened, other: Happened) -> bool:
    return one.kind not in LASTING and (one.kind, one.label, one.window, one.crossed) == (
        other.kind, other.label, other.window, other.crossed
    )  # fmt: skip


def is_later(before: datetime | None, after: datetime | None) -> bool:
    if before is None or after is None:
        return before is not after
    return after > before + 2 * MINUTE


def is_new_instance(before: Shown, after: Shown, now: datetime) -> bool:
    if after.percent < before.percent:
        return is_later(before.resets_at, after.resets_at)
    has_ended = before.resets_at is None or before.resets_at <= now
    return has_ended and after.resets_at is not None and is_later(before.resets_at, after.resets_at)


def is_changed(old: Shown, new: Shown, now: datetime) -> bool:
    if old.resets_at is None or new.resets_at is None or old.resets_at <= now:
        return False
    moved = abs(new.resets_at - old.resets_at)
    fall = old.percent - new.percent
    return (fall >= 5 and moved <= 2 * MINUTE) or (fall <= 0 and moved > 10 * MINUTE)


def early_enough(name: str, shown: Shown, full_at: datetime | None) -> bool:
    if shown.resets_at is None or full_at is None:
        return False
    return full_at <= shown.resets_at - max(30 * MINUTE, DURATIONS[name] / 10)
