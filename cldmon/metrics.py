"""The Prometheus series of the last pass, for `GET /metrics` and the textfile.

Numbers that are not current (account in error, reading stale, reset due) are left out: a series
that ends is honest, one that stands still is not. The only home of prometheus_client.

Source: https://prometheus.io/docs/practices/naming/ and the contract, "One pass".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cldmon import __version__
from cldmon.domain.events import EventKind
from cldmon.domain.freshness import build_views
from cldmon.domain.model import FailureKind
from cldmon.domain.summary import summarize
from cldmon.domain.windows import FULL
from cldmon.store.state import CHALLENGES, DIRECT_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from prometheus_client.metrics_core import Metric

    from cldmon.domain.freshness import AccountView
    from cldmon.domain.model import Credits, Pool
    from cldmon.store.state import State

    Samples = Iterable[tuple[Sequence[str], float]]

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def render(state: State, now: datetime) -> bytes:
    """Return every series as it is at `now` (UTC), in Prometheus' text format."""
    return generate_latest(_StateCollector(state, now))


@dataclass(frozen=True, slots=True)
class _StateCollector(Collector):
    state: State
    now: datetime

    def collect(self) -> Iterator[Metric]:
        """Yield the series, as prometheus_client asks for them."""
        accounts, state = build_views(self.state.snapshot, self.now), self.state
        yield _build_gauge("build_info", "Version of cldmon.", ["version"], [([__version__], 1)])
        yield from _collect_windows(accounts)
        limited = summarize(accounts, self.now).limited
        yield _build_gauge(
            "account_limited_until_seconds",
            "When the account, now at a limit, has room again; absent while that is not known.",
            ["account"],
            [([each.label], each.until.timestamp()) for each in limited if each.until],
        )
        yield from _collect_money(accounts)
        yield from _collect_accounts(accounts, state)
        yield from _collect_passes(state)
        yield from _collect_counters(state.counters, state.waiting.dropped)


def _collect_windows(accounts: Sequence[AccountView]) -> Iterator[Metric]:
    live = [(a.label, w) for a in accounts if a.live for w in a.windows]
    labels = ["account", "window"]
    yield _build_gauge(
        "window_utilization_ratio",
        "How much of the window is used, 0 to 1; absent while that is not known.",
        labels,
        [([label, w.name], w.utilization / FULL) for label, w in live if not w.due],
    )
    yield _build_gauge(
        "window_reset_timestamp_seconds",
        "When the running window resets; absent while none runs.",
        labels,
        [([label, w.name], w.resets_at.timestamp()) for label, w in live if w.resets_at],
    )
    yield _build_gauge(
        "window_reset_overdue",
        "1 while the service still reports a window whose reset time has passed.",
        labels,
        [([label, w.name], w.overdue) for label, w in live],
    )


def _collect_money(accounts: Sequence[AccountView]) -> Iterator[Metric]:
    live = [(a.label, a.reading) for a in accounts if a.live and a.reading]
    money = [(label, r.credits) for label, r in live if r.credits]
    pools = [(label, pool) for label, r in live for pool in r.pools]
    saved = [(label, r.saved_resets) for label, r in live if r.saved_resets]
    scoped = [([x, "organization" if m.shared else "account"], m) for x, m in money]
    yield from _collect_sums("credits", "the usage credits", ["account", "scope"], scoped)
    yield _build_gauge(
        "credits_enabled",
        "Whether usage credits are switched on.",
        ["account"],
        [([label], each.enabled) for label, each in money],
    )
    labels = ["account", "pool"]
    yield from _collect_sums(
        "pool", "the credit pool", labels, [([x, p.name], p) for x, p in pools]
    )
    yield _build_gauge(
        "pool_utilization_ratio",
        "How much of the credit pool is used, 0 to 1.",
        labels,
        [([x, p.name], p.utilization / FULL) for x, p in pools if p.utilization is not None],
    )
    yield _build_gauge(
        "pool_expiry_timestamp_seconds",
        "When the credit pool expires.",
        labels,
        [([x, p.name], p.expires_at.timestamp()) for x, p in pools if p.expires_at],
    )
    yield _build_gauge(
        "saved_resets",
        "Saved limit resets that are left to use.",
        ["account"],
        [([label], each.left) for label, each in saved],
    )
    yield _build_gauge(
        "saved_resets_end_timestamp_seconds",
        "When the soonest of the saved limit resets ends.",
        ["account"],
        [([label], each.ends_at.timestamp()) for label, each in saved if each.ends_at],
    )


def _collect_sums(
    name: str, of: str, labels: Sequence[str], known: Sequence[tuple[Sequence[str], Credits | Pool]]
) -> Iterator[Metric]:
    """Yield what is used and what is granted, in whole units of the currency."""
    for which, verb in (("used", "is spent"), ("limit", "can be spent")):
        yield _build_gauge(
            f"{name}_{which}",
            f"How much of {of} {verb}, in whole units of `currency`.",
            [*labels, "currency"],
            [
                ([*values, money.currency], amount / 10**money.exponent)
                for values, money in known
                if (amount := getattr(money, which)) is not None
            ],
        )


def _collect_accounts(accounts: Sequence[AccountView], state: State) -> Iterator[Metric]:
    yield _build_gauge(
        "account_up",
        "Whether the account could be read by a pass that is not long ago.",
        ["account"],
        [([a.label], a.live) for a in accounts],
    )
    yield _build_gauge(
        "account_source",
        "1 for where the account's numbers come from: the service, or a person's own machine.",
        ["account", "source"],
        [([a.label, a.source], 1) for a in accounts],
    )
    yield _build_gauge(
        "account_error",
        "1 for the reason why the account could not be read by the last pass.",
        ["account", "kind"],
        [([a.label, a.failure.kind], 1) for a in accounts if a.failure],
    )
    yield _build_gauge(
        "account_last_success_timestamp_seconds",
        "When the account could be read last.",
        ["account"],
        [([a.label], a.read_at.timestamp()) for a in accounts if a.read_at],
    )
    known = {account.label for account in accounts}
    yield _build_gauge(
        "session_key_first_used_timestamp_seconds",
        "When the account's session key was used first; after 28 days it may stop working any day.",
        ["account"],
        [
            ([label], memory.key.since.timestamp())
            for label, memory in state.account_states.items()
            if memory.key and label in known
        ],
    )


def _collect_passes(state: State) -> Iterator[Metric]:
    last, seconds, waiting = state.snapshot.fetched_at, state.pass_seconds, state.waiting
    yield _build_gauge(
        "last_pass_timestamp_seconds",
        "When the last pass ended.",
        [],
        [([], last.timestamp())] if last else [],
    )
    yield _build_gauge(
        "last_pass_duration_seconds",
        "How long the last pass took.",
        [],
        [([], seconds)] if seconds is not None else [],
    )
    yield _build_gauge(
        "outbox_messages",
        "Alerts that wait to be delivered.",
        [],
        [([], waiting.count)],
    )
    yield _build_gauge(
        "outbox_oldest_timestamp_seconds",
        "When that happened which the oldest waiting message tells; absent while none waits.",
        [],
        [([], waiting.since.timestamp())] if waiting.since else [],
    )


def _collect_counters(counts: Mapping[str, int], dropped: int) -> Iterator[Metric]:
    """Yield the counters of state.json; each kind stands there from the start, for `rate()`."""
    yield _build_counter(
        "account_errors",
        "Attempts to read an account that failed, by reason.",
        ["kind"],
        [([kind], counts.get(f"errors.{kind}", 0)) for kind in FailureKind],
    )
    yield _build_counter(
        "challenges",
        "Challenges of Cloudflare's, by whether they let the browser pass.",
        ["outcome"],
        [([name.partition(".")[2]], counts.get(name, 0)) for name in CHALLENGES.values()],
    )
    yield _build_counter(
        "alerts_sent",
        "Alerts delivered, by event and channel.",
        ["event", "channel"],
        [([*key], value) for key, value in _count_alerts(counts).items()],
    )
    yield _build_counter(
        "messages_dropped",
        "Alerts given up.",
        [],
        [([], dropped)],
    )


def _count_alerts(counters: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """Return how many alerts were delivered, by event and channel.

    An older version counted direct messages only, without a channel.
    """
    known = (EventKind.LIMIT_HIT, EventKind.USAGE_RESET)
    counts = {(kind.value, DIRECT_MESSAGES): 0 for kind in known}
    for name, count in counters.items():
        prefix, _, rest = name.partition(".")
        if prefix == "alertsSent":
            event, _, channel = rest.partition(".")
            key = event, channel or DIRECT_MESSAGES
            counts[key] = counts.get(key, 0) + count
    return counts


def _build_gauge(name: str, meaning: str, labels: Sequence[str], samples: Samples) -> Metric:
    family = GaugeMetricFamily(f"cldmon_{name}", meaning, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _build_counter(name: str, meaning: str, labels: Sequence[str], samples: Samples) -> Metric:
    family = CounterMetricFamily(f"cldmon_{name}", meaning, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family
