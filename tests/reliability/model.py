"""What a person with pen and paper would expect of cldmon: its promises, and none of its code.

Fed with what the service showed and what Slack answered, it says what has to be in the history,
in the state, and on whose screen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

WEEK = timedelta(days=7)
MOST_MESSAGES = 1_000
MOST_EVENTS = 45
"""Events in one message."""
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Seen:
    """What the service showed of an account: each window's percent and when it resets."""

    organization: str
    windows: Mapping[str, tuple[float, datetime | None]]


@dataclass(frozen=True)
class Trouble:
    """Why the service showed nothing; until `rest` the account is not to be asked again."""

    kind: str
    rest: datetime | None = None


@dataclass(frozen=True)
class News:
    """Something that a person asked to be told of; `user` is None while nobody knows who asked."""

    user: str | None
    kind: str
    label: str
    window: str
    at: datetime


@dataclass
class Known:
    """What is to be remembered of an account."""

    organization: str | None = None
    last: dict[str, tuple[int, datetime | None]] = field(default_factory=dict)
    doubted: dict[str, tuple[int, datetime | None]] = field(default_factory=dict)
    shown: dict[str, int] | None = None
    trouble: Trouble | None = None
    key: str = ""
    challenged: bool = False
    skips: int = 0


@dataclass
class Model:
    """All of it. `by_window` is the rule `window`, else it is `zero`."""

    by_window: bool = False
    known: dict[str, Known] = field(default_factory=dict)
    days: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    pending: list[News] = field(default_factory=list)
    attempts: Counter[News] = field(default_factory=Counter)
    counters: Counter[str] = field(default_factory=Counter)
    slack_rest: datetime | None = None

    def configure(self, labels: Collection[str]) -> None:
        """Forget accounts that are not in the configuration any more, and what was to be told."""
        self.known = {label: self.known.get(label, Known()) for label in labels}
        self.pending = [news for news in self.pending if news.label in labels]

    def is_to_be_asked(
        self, label: str, now: datetime, *, key: str = "", by_hand: bool = False
    ) -> bool:
        """Return whether a pass asks for an account, or leaves it alone."""
        known = self.known.get(label, Known())
        skipped = known.skips and known.key == key and not by_hand
        return not (skipped or self._is_backing_off(known, now))

    def _is_backing_off(self, known: Known, now: datetime) -> bool:
        return _is_ahead(known.trouble.rest if known.trouble else None, now)

    def commit(
        self,
        now: datetime,
        found: Mapping[str, Seen | Trouble],
        wishes: Mapping[str, Mapping[str, Collection[str]]] | None,
        keys: Mapping[str, str],
    ) -> None:
        """Write down a pass: what was found of each account that was asked.

        `wishes` maps users to labels to the kinds of news they want; None if nobody can know;
        `keys` the labels that the pass was over to their keys.
        """
        line = []
        owed = list(self.pending)
        for label in keys.keys() - found.keys():
            if not self._is_backing_off(self.known[label], now):
                self.known[label].skips -= 1
        for label, what in found.items():
            known = self.known[label]
            known.key = keys[label]
            self._note_challenge(known, what)
            if isinstance(what, Trouble):
                known.trouble = what
                self.counters[f"errors.{what.kind}"] += 1
                continue
            owed += [
                News(None, kind, label, name, now) for kind, name in self._see(known, what, now)
            ]
            line.append({"label": label, **nest_windows(known.shown or {})})
        day = f"{now.astimezone(UTC):%Y-%m-%d}"
        stamp = round(now.timestamp() * 1000)
        self.days.setdefault(day, []).append({"timestamp": stamp, "accounts": line})
        self._post(owed, wishes, now)

    def _note_challenge(self, known: Known, what: Seen | Trouble) -> None:
        """In every third pass, until the service itself is heard of."""
        kind = what.kind if isinstance(what, Trouble) else ""
        if kind == "challenged":
            known.challenged = True
            self.counters["challenges.failed"] += 1
        elif kind not in ("service_down", "timeout", "no_browser"):
            known.challenged = False
        known.skips = 2 * known.challenged

    def _see(self, known: Known, seen: Seen, at: datetime) -> list[tuple[str, str]]:
        if known.organization not in (None, seen.organization):
            known.last, known.doubted = {}, {}
        now = {name: (round_percent(percent), at) for name, (percent, at) in seen.windows.items()}
        news = [(kind, n) for n in now if (kind := self._weigh(known, n, now[n], at))]
        known.organization, known.trouble = seen.organization, None
        known.shown = {name: percent for name, (percent, _) in now.items()}
        return news

    def _weigh(
        self, known: Known, name: str, new: tuple[int, datetime | None], at: datetime
    ) -> str | None:
        """Believe a fall that comes over an hour too early only if the next reading is low, too."""
        old, low = known.last.get(name), known.doubted.pop(name, None)
        if low is None and old and old[1] and new[0] < old[0] and old[1] > at + 60 * MINUTE:
            known.doubted[name] = new
            return None
        if low and old and new[0] >= old[0] - 5:
            known.last[name] = (max(old[0], new[0]), new[1])
            return self._change(old, known.last[name])
        known.last[name] = new
        return (low and self._change(old, low)) or self._change(old, new)

    def _change(
        self, before: tuple[int, datetime | None] | None, after: tuple[int, datetime | None]
    ) -> str | None:
        if before is None:
            return None
        if before[0] < 100:
            return "limit_hit" if after[0] == 100 else None
        if after[0] == 0 or (self.by_window and after[0] < 100 and _is_later(before[1], after[1])):
            return "usage_reset"
        return None

    def _post(
        self,
        owed: list[News],
        wishes: Mapping[str, Mapping[str, Collection[str]]] | None,
        now: datetime,
    ) -> None:
        fresh = [news for news in owed if now - news.at <= WEEK]
        kept: list[News] = []
        for news in fresh:
            if wishes is None:
                kept.append(news)
                continue
            readers = [u for u, wanted in wishes.items() if news.kind in wanted.get(news.label, ())]
            if news.user is not None:
                kept += [news] * (news.user in readers)
                continue
            kept += [News(user, news.kind, news.label, news.window, news.at) for user in readers]
        addressed, others = ([n for n in kept if (n.user is None) is is_open]
                             for is_open in (False, True))  # fmt: skip
        newest = {*map(id, addressed[-MOST_MESSAGES:]), *map(id, others[-MOST_MESSAGES:])}
        self.pending = [news for news in kept if id(news) in newest]
        dropped = len(owed) - len(fresh) + len(kept) - len(self.pending)
        self.counters["messagesDropped"] += dropped

    def may_be_told(self, now: datetime) -> list[list[News]]:
        """What a pass tries to tell, message by message, as long as Slack takes it.

        All that is for one person is one message, but that what may have arrived before is not
        mixed with what surely has not.
        """
        if _is_ahead(self.slack_rest, now):
            return []
        messages: dict[tuple[str, int], list[News]] = {}
        for news in self.pending:
            if news.user is not None:
                messages.setdefault((news.user, self.attempts[news]), []).append(news)
        return [
            theirs[start : start + MOST_EVENTS]
            for theirs in messages.values()
            for start in range(0, len(theirs), MOST_EVENTS)
        ]

    def record_delivery(
        self, message: list[News], fate: str, pause: timedelta | None, now: datetime
    ) -> None:
        """Write down what Slack answered: `delivered`, `gone`, `later` or `unsure`."""
        if fate == "unsure":
            self.attempts.update(message)
            # Tried again at once, then after 20 and 40 minutes, then given up.
            times = self.attempts[message[0]]
            pause = [None, 20 * MINUTE, 40 * MINUTE, 80 * MINUTE][times - 1]
        self.slack_rest = now + pause if pause else None
        for news in message:
            if fate == "delivered":
                self.counters[f"alertsSent.{news.kind}.slack-dm"] += 1
            elif fate == "gone" or self.attempts[news] == 4:
                self.counters["messagesDropped"] += 1
            else:
                continue
            self.pending.remove(news)
            del self.attempts[news]


def round_percent(percent: float) -> int:
    """Return a percentage as people see it."""
    return min(100, int(percent + 0.5))


def nest_windows(windows: Mapping[str, int]) -> dict[str, Any]:
    """Return windows as a line of the history has them: those of models below `models`."""
    flat: dict[str, Any] = {n: p for n, p in windows.items() if not n.startswith("models.")}
    models = {n.removeprefix("models."): p for n, p in windows.items() if n not in flat}
    return {**flat, "models": models} if models else flat


def _is_later(before: datetime | None, after: datetime | None) -> bool:
    if before is None or after is None:
        return before is not after
    return after - before > 2 * MINUTE


def _is_ahead(until: datetime | None, now: datetime) -> bool:
    # Nothing rests for longer than a day: then it is the clock that was wrong.
    return until is not None and now < until <= now + timedelta(days=1)
