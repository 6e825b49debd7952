"""cldmon recognizes its own files, and whether they were edited."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cldmon.schedule.checksum import Origin, add_checksum, get_origin

OF_AN_OLDER_VERSION = """\
# Written by `cldmon schedule` (sha256 a9ecc257fd84cf5e). A changed one is left alone.
[Unit]
Description=A pass of cldmon every 10 minutes

[Timer]
OnCalendar=*:0/10
Persistent=true
# Not all machines of the world at the same second; this one always at the same.
RandomizedDelaySec=60s
FixedRandomDelay=true
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


@given(st.text())
def test_a_text_with_its_checksum_is_ours(text: str) -> None:
    assert get_origin(add_checksum(text)) is Origin.OURS


@given(st.text(), st.text(min_size=1))
def test_an_edited_text_is_not_ours_any_more(text: str, more: str) -> None:
    assert get_origin(add_checksum(text) + more) is Origin.CHANGED


@given(st.text())
def test_a_text_without_a_checksum_is_foreign(text: str) -> None:
    assert get_origin(text) is Origin.FOREIGN


def test_a_text_of_an_older_version_is_ours_unless_it_was_edited() -> None:
    assert get_origin(OF_AN_OLDER_VERSION) is Origin.OURS
    assert get_origin(OF_AN_OLDER_VERSION.replace("0/10", "0/15")) is Origin.CHANGED
