"""What cldmon wrote is known again; what was changed since, or is another's, is too."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cldmon.schedule.checksum import Origin, origin, with_checksum


@given(st.text())
def test_what_was_sealed_is_ours(text: str) -> None:
    assert origin(with_checksum(text)) is Origin.OURS


@given(st.text(), st.text(min_size=1))
def test_what_was_changed_since_is_not_ours_any_more(text: str, more: str) -> None:
    assert origin(with_checksum(text) + more) is Origin.CHANGED


@given(st.text())
def test_what_has_no_seal_is_foreign(text: str) -> None:
    assert origin(text) is Origin.FOREIGN
