from __future__ import annotations

import pytest

from cldmon.domain.labels import select_labels
from cldmon.errors import UsageError

KNOWN = ["bob", "alice", "carol"]


def test_accounts_come_in_their_own_order_and_once() -> None:
    assert select_labels(["carol", "bob", "carol"], KNOWN) == ["bob", "carol"]


def test_all_are_selected_if_none_is_named() -> None:
    assert select_labels([], KNOWN) == KNOWN


@pytest.mark.parametrize(("known", "there"), [(KNOWN, "bob, alice, carol"), ([], "none")])
def test_an_unknown_account_is_refused_with_the_known_ones(known: list[str], there: str) -> None:
    with pytest.raises(UsageError, match=rf"^no account 'dora' in the config; it has: {there}$"):
        select_labels(["bob", "dora"] if known else ["dora"], known)
