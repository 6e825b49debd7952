"""The Prometheus series of the last pass, for `GET /metrics` and the textfile.

Numbers that are not current (account in error, reading stale, reset due) are left out: a series
that ends is honest, one that stands still is not. The only home of prometheus_client.

Source: https://prometheus.io/docs/practices/naming/ and the contract, "One pass".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cldmon import __version__
from cldmon.domain.events import OCCURRENCES
from cldmon.domain.freshness import build_views
from cldmon.domain.model import FailureKind
from cldmon.domain.summary import summarize
from cldmon.domain.windows import FULL
from cldmon.store.state import CHALLENGES, DIRECT_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from prometheus_client.metrics_core import Metric

    from cldmon.domain.freshness import AccountView
    from cldmon.domain.model import Credits, Pool
    from cldmon.store.state import State

    Labels = Mapping[str, str]
    Samples = Sequence[tuple[Labels, float]]

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def render(state: State, now: datetime, channels: Collection[str] = ()) -> bytes:
    """Return every series as it is at `now` (UTC), in Prometheus' text format.

    `channels` names those of the configuration.
    """
    return generate_latest(_StateCollector(state, now, channels))


@dataclass(frozen=True, slots=True)
class _StateCollector(Collector):
    state: State
    now: datetime
    channels: Collection[str]

    def collect(self) -> Iterator[Metric]:
        """Yield the series, as prometheus_client asks for them."""
        accounts, state = build_views(self.state.snapshot, self.now), self.state
        yield _build_gauge("build_info", "Version of cldmon.", [({"version": __version__}, 1)])
        yield from _collect_windows(accounts)
        limited = summarize(accounts, self.now).limited
        yield _build_gauge(
            "account_limited_until_seconds",
            "When the account, now at a limit, has room again; absent while that is not known.",
            [({"account": each.label}, each.until.timestamp()) for each in limited if each.until],
        )
        yield from _collect_money(accounts)
        yield from _collect_accounts(accounts, state)
        yield from _collect_passes(state)
        yield from _collect_counters(state.counters, state.waiting.dropped, self.channels)


def _collect_windows(accounts: Sequence[AccountView]) -> Iterator[Metric]:
    live = [
        ({"account": account.label, "window": window.name}, window)
        for account in accounts
        if account.live
        for window in account.windows
    ]
    yield _build_gauge(
        "window_utilization_ratio",
        "How much of the window is used, 0 to 1; absent while that is not known.",
        [(labels, w.utilization / FULL) for labels, w in live if not w.due],
    )
    yield _build_gauge(
        "window_reset_timestamp_seconds",
        "When the running window resets; absent while none runs.",
        [(labels, w.resets_at.timestamp()) for labels, w in live if w.resets_at],
    )
    yield _build_gauge(
        "window_reset_overdue",
        "1 while the service still reports a window whose reset time has passed.",
        [(labels, w.overdue) for labels, w in live],
    )


def _collect_money(accounts: Sequence[AccountView]) -> Iterator[Metric]:
    live = [({"account": a.label}, a.reading) for a in accounts if a.live and a.reading]
    money = [(labels, r.credits) for labels, r in live if r.credits]
    pools = [({**labels, "pool": pool.name}, pool) for labels, r in live for pool in r.pools]
    saved = [(labels, r.saved_resets) for labels, r in live if r.saved_resets]
    scoped = [({**x, "scope": "organization" if m.shared else "account"}, m) for x, m in money]
    yield from _collect_sums("credits", "the usage credits", scoped)
    yield _build_gauge(
        "credits_enabled",
        "Whether usage credits are switched on.",
        [(labels, each.enabled) for labels, each in money],
    )
    yield from _collect_sums("pool", "the credit pool", pools)
    yield _build_gauge(
        "pool_utilization_ratio",
        "How much of the credit pool is used, 0 to 1.",
        [(labels, p.utilization / FULL) for labels, p in pools if p.utilization is not None],
    )
    yield _build_gauge(
        "pool_expiry_timestamp_seconds",
        "When the credit pool expires.",
        [(labels, p.expires_at.timestamp()) for labels, p in pools if p.expires_at],
    )
    yield _build_gauge(
        "saved_resets",
        "Saved limit resets that are left to use.",
        [(labels, each.left) for labels, each in saved],
    )
    yield _build_gauge(
        "saved_resets_end_timestamp_seconds",
        "When the soonest of the saved limit resets ends.",
        [(labels, each.ends_at.timestamp()) for labels, each in saved if each.ends_at],
    )


def _collect_sums(
    name: str, of: str, known: Sequence[tuple[Labels, Credits | Pool]]
) -> Iterator[Metric]:
    """Yield what is used and what is granted, in whole units of the currency."""
    for which, verb in (("used", "is spent"), ("limit", "can be spent")):
        yield _build_gauge(
            f"{name}_{which}",
            f"How much of {of} {verb}, in whole units of `currency`.",
            [
                ({**labels, "currency": money.currency}, amount / 10**money.exponent)
                for labels, money in known
                if (amount := getattr(money, which)) is not None
            ],
        )


def _collect_accounts(accounts: Sequence[AccountView], state: State) -> Iterator[Metric]:
    labelled = [({"account": account.label}, account) for account in accounts]
    yield _build_gauge(
        "account_up",
        "Whether the account could be read by a pass that is not long ago.",
        [(labels, a.live) for labels, a in labelled],
    )
    yield _build_gauge(
        "account_source",
        "1 for where the account's numbers come from: the service, or a person's own machine.",
        [({**labels, "source": a.source}, 1) for labels, a in labelled],
    )
    yield _build_gauge(
        "account_error",
        "1 for the reason why the account could not be read by the last pass.",
        [({**labels, "kind": a.failure.kind}, 1) for labels, a in labelled if a.failure],
    )
    yield _build_gauge(
        "account_last_success_timestamp_seconds",
        "When the account could be read last.",
        [(labels, a.read_at.timestamp()) for labels, a in labelled if a.read_at],
    )
    states = state.account_states
    keys = [(x, states[a.label].key) for x, a in labelled if a.label in states]
    yield _build_gauge(
        "session_key_first_used_timestamp_seconds",
        "When the account's session key was used first; after 28 days it may stop working any day.",
        [(labels, key.since.timestamp()) for labels, key in keys if key],
    )


def _collect_passes(state: State) -> Iterator[Metric]:
    last, seconds, waiting = state.snapshot.fetched_at, state.pass_seconds, state.waiting
    yield _build_gauge(
        "last_pass_timestamp_seconds",
        "When the last pass ended.",
        [({}, last.timestamp())] if last else [],
    )
    yield _build_gauge(
        "last_pass_duration_seconds",
        "How long the last pass took.",
        [({}, seconds)] if seconds is not None else [],
    )
    yield _build_gauge(
        "outbox_messages", "Alerts that wait to be delivered.", [({}, waiting.count)]
    )
    yield _build_gauge(
        "outbox_oldest_timestamp_seconds",
        "When that happened which the oldest waiting message tells; absent while none waits.",
        [({}, waiting.since.timestamp())] if waiting.since else [],
    )


def _collect_counters(
    counts: Mapping[str, int], dropped: int, channels: Collection[str]
) -> Iterator[Metric]:
    """Yield the counters of state.json; each kind stands there from the start, for `rate()`."""
    yield _build_counter(
        "account_errors",
        "Attempts to read an account that failed, by reason.",
        [({"kind": kind}, counts.get(f"errors.{kind}", 0)) for kind in FailureKind],
    )
    yield _build_counter(
        "challenges",
        "Challenges of Cloudflare's, by whether they let the browser pass.",
        [({"outcome": x.partition(".")[2]}, counts.get(x, 0)) for x in CHALLENGES.values()],
    )
    yield _build_counter(
        "alerts_sent",
        "Alerts delivered, by event and channel.",
        [
            ({"event": event, "channel": channel}, count)
            for (event, channel), count in _count_alerts(counts, channels).items()
        ],
    )
    yield _build_counter("messages_dropped", "Alerts given up.", [({}, dropped)])


def _count_alerts(
    counters: Mapping[str, int], channels: Collection[str]
) -> dict[tuple[str, str], int]:
    """Return how many alerts were delivered, by event and channel.

    An older version counted direct messages only, without a channel.
    """
    counts = {(kind.value, channel): 0 for channel in channels for kind in OCCURRENCES}
    for name, count in counters.items():
        prefix, _, rest = name.partition(".")
        if prefix == "alertsSent":
            event, _, channel = rest.partition(".")
            key = event, channel or DIRECT_MESSAGES
            counts[key] = counts.get(key, 0) + count
    return counts


def _build_family(
    kind: type[GaugeMetricFamily | CounterMetricFamily], name: str, meaning: str, samples: Samples
) -> Metric:
    names = [*samples[0][0]] if samples else []
    family = kind(f"cldmon_{name}", meaning, labels=names)
    for labels, value in samples:
        family.add_metric([*labels.values()], value)
    return family


_build_gauge = partial(_build_family, GaugeMetricFamily)
_build_counter = partial(_build_family, CounterMetricFamily)
