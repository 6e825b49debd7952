"""The crontab line: how often it runs, how the shell parses it, and that other lines are kept."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.config.installed import parse_crontab
from cldmon.errors import ScheduleError
from cldmon.schedule import cron
from cldmon.schedule.checksum import Origin, get_origin
from tests.schedule.tools import JOB

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)
LINES = st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C"])), max_size=5)


def line(block: str) -> str:
    [found] = [each for each in block.splitlines() if not each.startswith("#")]
    return found


@pytest.mark.parametrize(
    ("minutes", "fields"),
    [
        (10, "*/10 * * * *"),
        (1, "* * * * *"),
        (0.5, "* * * * *"),
        (7, "*/10 * * * *"),
        (45, "0 * * * *"),
        (90, "0 */2 * * *"),
        (1440, "0 0 * * *"),
        (10_080, "0 0 * * 0"),
    ],
)
def test_passes_come_as_often_as_wished_or_less_but_never_more(minutes: float, fields: str) -> None:
    """`*/7` would start one at :56 and the next at :00."""
    block = cron.format_block(replace(JOB, interval=timedelta(minutes=minutes)))
    assert line(block).startswith(f"{fields} /usr/local/bin/cldmon ")


@given(st.lists(TEXT, min_size=1, max_size=2), TEXT, TEXT)
def test_the_shell_of_cron_gets_every_word_as_it_is(
    program: list[str], folder: str, value: str
) -> None:
    job = replace(
        JOB,
        program=tuple(program),
        data_dir=Path("/") / folder,
        variables=(("CLDMON_BROWSER", value),),
    )
    command = line(cron.format_block(job)).split(" ", 5)[5]
    assert "%" not in command.replace(r"\%", "")
    words = shlex.split(command.replace(r"\%", "%"))
    assert words == [f"CLDMON_BROWSER={value}", *job.command("fetch")]


def test_the_digest_comes_on_monday_after_a_pass_which_stays_the_first_line() -> None:
    job = replace(JOB, digest=True, variables=(("CLDMON_BROWSER", "/opt/50% off"),))
    block = cron.format_block(job)
    lines = [each for each in block.splitlines() if not each.startswith("#")]
    assert len(lines) == 2
    assert lines[0] == line(cron.format_block(replace(job, digest=False)))
    assert lines[1].startswith("5 9 * * 1 CLDMON_BROWSER=")
    words = shlex.split(lines[1].split(" ", 5)[5].replace(r"\%", "%"))
    assert words[1:] == [*job.command("digest", "--send")]
    assert len(parse_crontab(block)) == 1


@given(LINES, LINES)
def test_the_lines_of_others_stay_as_they_are(before: list[str], after: list[str]) -> None:
    head = "".join(f"{each}\n" for each in before)
    tail = "".join(f"{each}\n" for each in after)
    old = cron.add_markers(cron.format_block(replace(JOB, interval=timedelta(hours=1))))
    crontab = cron.replace_block(f"{head}{old}{tail}", cron.format_block(JOB))
    assert crontab == f"{head}{cron.add_markers(cron.format_block(JOB))}{tail}"
    assert cron.remove_block(crontab) == head + tail


def test_a_last_line_without_an_end_is_not_glued_to_the_block() -> None:
    crontab = cron.replace_block("0 0 * * * true", cron.format_block(JOB))
    assert crontab.startswith(f"0 0 * * * true\n{cron.BEGIN}\n")


def test_the_block_is_known_again() -> None:
    block = cron.split(cron.replace_block("", cron.format_block(JOB))).block
    assert block is not None
    assert get_origin(block) is Origin.OURS


@pytest.mark.parametrize(
    "marks", [[cron.BEGIN], [cron.END], [cron.END, cron.BEGIN], [cron.BEGIN, cron.END] * 2]
)
def test_markers_that_do_not_fit_are_left_to_a_person(marks: list[str]) -> None:
    with pytest.raises(ScheduleError, match="crontab -e"):
        cron.split("\n".join(marks) + "\n")
