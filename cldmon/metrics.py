"""The readings as Prometheus series. Pure.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.view import view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from cldmon.domain.model import Snapshot
    from cldmon.domain.view import AccountView

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def text(snapshot: Snapshot, now: datetime) -> str:
    """Return every series as it is at `now` (UTC); what is not known has no sample."""
    return "".join(_families(snapshot, view(snapshot, now)))


def _families(snapshot: Snapshot, views: Sequence[AccountView]) -> Iterator[str]:
    at = snapshot.fetched_at
    passed = [({}, at.timestamp())] if at else []
    yield _family("last_pass_timestamp_seconds", "When the last pass ended.", passed)
    yield _family(
        "account_up",
        "Whether the last pass could read the account.",
        [({"account": v.label}, float(v.failure is None)) for v in views],
    )
    yield _family(
        "account_error",
        "Why the account could not be read: 1 for the kind of error.",
        [({"account": v.label, "kind": v.failure.kind}, 1) for v in views if v.failure],
    )
    yield _family(
        "reading_age_seconds",
        "How old the account's last good reading is.",
        [({"account": v.label}, v.age.total_seconds()) for v in views if v.age is not None],
    )
    windows = [({"account": v.label, "window": w.name}, w) for v in views for w in v.windows]
    yield _family(
        "window_utilization_percent",
        "How much of the window is used; none once its reset is due.",
        [(labels, w.utilization) for labels, w in windows if not w.due],
    )
    yield _family(
        "window_reset_timestamp_seconds",
        "When the window resets.",
        [(labels, w.resets_at.timestamp()) for labels, w in windows if w.resets_at],
    )


def _family(name: str, meaning: str, samples: Iterable[tuple[dict[str, str], float]]) -> str:
    name = f"cldmon_{name}"
    lines = "".join(f"{name}{_labels(labels)} {value}\n" for labels, value in samples)
    return f"# HELP {name} {meaning}\n# TYPE {name} gauge\n{lines}"


def _labels(labels: dict[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
