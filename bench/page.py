"""`docs/performance.md`, written from the results: nothing in it is edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.fleet import INTERVAL, POLITE, reckoned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.found import Listed, Results, Row

HEAD = ("what", "reference in the same run", "measured", "ratio", "must reach", "holds")

TITLE = """# What cldmon costs

<!-- Written by scripts/bench from bench/results.json; the words are in bench/page.py. -->

`scripts/bench` measures all of this, in about a quarter of an hour on a quiet machine, and writes
this page; `scripts/bench PART…` measures these parts alone: {parts}. Times depend on the machine,
ratios hardly: each is to a reference that was measured in the same run, as the median of paired
rounds. A figure of a pass counts the whole tree of processes: cldmon, Playwright's driver, and
every process of the browser. Its memory is PSS, so what processes share counts once.
"""

PASSES = """
In a round a bare Playwright script (`bench/bare_pass.py`), a pass that looks the organizations up,
as it does each day, and one that knows them follow each other; the simulated service takes 150 ms
for an answer. The first of the passes asks two questions of each account, as the script does, the
second asks one. The three figures are seconds, CPU seconds and memory, each with its bound: a
question less saves time, but a page takes the same memory for one as for two. With TLS the service
has a certificate that only the browser of the bench takes (`bench/tls.py`): cldmon has no switch
for that. A pass does what the script does not: it reads and checks a configuration, lets no
request leave for another place, keeps cookies, and stores what it saw so that a loss of power costs
none.
"""

IMPORTS = """
## What each command imports

By `python -X importtime`, in one run each: the modules, how long they took together, and the
packages that took longest.
"""

PROFILE = """
## Where a pass spends its time

A pass over one account whose organization is known, looked at each millisecond
(`bench/sampled.py`); whatever takes {shown} ms or more has a line.
"""

PROCESSES = """
A pass over a hundred accounts is another thing: there the processor is what is waited for. Whose it
is, in CPU seconds:
"""

FLEET = """
## Ten thousand accounts

Reckoned (`bench/fleet.py`), with what a pass takes according to the table above: machines of two
cores and 4 GiB, a pass each {minutes:.0f} minutes, passes spread over a minute as
`RandomizedDelaySec` does, and one Prometheus that reads every textfile. How much the service bears
is not known. The assumption is {polite:g} request a second from one address on average: what a few
people with the usage page open would send.
"""

FLEETS = """
What limits a machine is the service's patience with its address, long before its own strength: the
processor idles at nine tenths in each polite fleet. So accounts are spread for politeness, and a
small machine will do. A pass asks as fast as it can while it lasts; several configurations on one
machine (each with a data_dir and a timer of its own) spread the same questions over the interval:
"""

WHOLE = """
However it is spread, all of it is, a day:
"""


def rendered(results: Results, parts: Sequence[str]) -> str:
    """Return the page; `parts` are the names of all parts, in order."""
    known = [(name, results.parts[name]) for name in parts if name in results.parts]
    rows = [row for _, found in known for row in found.rows]
    lists = {key: listed for _, found in known for key, listed in found.lists.items()}
    lists |= reckoned(results.figures).lists
    blocks = [
        TITLE.format(parts=", ".join(f"`{name}`" for name in parts)),
        table([["machine", ""], *map(list, results.machine.items())]),
        "\n## The table\n",
        _verdict(rows),
        table([list(HEAD), *map(_cells, rows)]),
        PASSES,
        "Measured (UTC): " + "; ".join(f"{n} {results.measured[n]}" for n, _ in known) + ".\n",
        IMPORTS,
        table(lists.get("imports", [])),
        PROFILE.format(shown=10),
        table(lists.get("profile", [])),
        PROCESSES,
        table(lists.get("processes", [])),
        FLEET.format(minutes=INTERVAL / 60, polite=POLITE),
        table(lists["limits"]),
        FLEETS,
        table(lists["fleets"]),
        WHOLE,
        table(lists["whole"]),
    ]
    return "\n".join(block.strip("\n") + "\n" for block in blocks if block)


def table(listed: Listed) -> str:
    """Return a Markdown table, its first row the head; nothing of nothing."""
    if not listed:
        return ""
    head, *rows = (_line(map(_escaped, row)) for row in listed)
    return "\n".join([head, _line("---" for _ in listed[0]), *rows]) + "\n"


def parsed(page: str) -> list[list[str]]:
    """Return the rows of the tables of a page, heads included: what `table` has written."""
    lines = (line for line in page.splitlines() if line.startswith("| "))
    rows = ([cell.strip().replace("\\|", "|") for cell in _cut(line)] for line in lines)
    return [row for row in rows if set(row) != {"---"}]


def _cut(line: str) -> list[str]:
    return (
        line.strip("| ").replace("\\|", "\0").replace(" | ", "\1").replace("\0", "\\|").split("\1")
    )


def _verdict(rows: Sequence[Row]) -> str:
    missed = [row.what for row in rows if not row.holds]
    if not missed:
        return f"All {len(rows)} hold.\n"
    return f"{len(rows) - len(missed)} of {len(rows)} hold; not: {'; '.join(missed)}.\n"


def _cells(row: Row) -> list[str]:
    return [
        row.what,
        row.reference,
        row.measured,
        row.ratio,
        row.must,
        "yes" if row.holds else "**no**",
    ]


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
