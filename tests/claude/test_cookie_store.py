"""The store: what a browser set for one account and one key, whatever the file has come to hold."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.claude.cookie_store import CookieStore, remove_idle
from cldmon.domain.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = Secret("sk-ant-sid02-alice")
COOKIE: dict[str, Any] = {
    "name": "cf_clearance",
    "value": "abc",
    "domain": "claude.ai",
    "path": "/",
    "expires": -1,
    "httpOnly": True,
    "secure": True,
    "sameSite": "None",
}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.fixture
def store(tmp_path: Path) -> CookieStore:
    return CookieStore(tmp_path, "alice", KEY)


def only_file(folder: Path) -> Path:
    [path] = folder.iterdir()
    return path


def test_what_is_kept_comes_back(store: CookieStore, tmp_path: Path) -> None:
    bound = {**COOKIE, "partitionKey": "https://claude.ai", "_crHasCrossSiteAncestor": False}
    store.save([COOKIE, bound])
    assert store.load(NOON) == [COOKIE, bound]
    assert stat.S_IMODE(only_file(tmp_path).stat().st_mode) == 0o600


def test_cookies_that_no_pass_has_kept_for_a_month_go(store: CookieStore, tmp_path: Path) -> None:
    """Those of an account that was removed; where no pass was ever made, there are none."""
    store.save([COOKIE])
    kept = only_file(tmp_path)
    written = NOON.timestamp()
    os.utime(kept, (written, written))
    remove_idle(tmp_path, NOON + timedelta(days=29))
    assert only_file(tmp_path) == kept
    remove_idle(tmp_path, NOON + timedelta(days=31))
    assert not list(tmp_path.iterdir())
    remove_idle(tmp_path / "missing", NOON)
    (tmp_path / "file").touch()
    remove_idle(tmp_path / "file", NOON)  # as a folder that cannot be listed


@pytest.mark.parametrize("name", ["sessionKey", "sessionKeyV3", "another"])
def test_no_session_key_is_kept(store: CookieStore, tmp_path: Path, name: str) -> None:
    store.save([{**COOKIE, "name": name, "value": "sk-ant-sid02-new"}])
    assert store.load(NOON) == []
    assert "sk-ant" not in only_file(tmp_path).read_text()


def test_of_hundreds_of_cookies_what_fits_into_a_request_is_kept(store: CookieStore) -> None:
    """Cloudflare's first: a head that is too long would be refused in every pass from then on."""
    many = [{**COOKIE, "name": f"c{number}", "value": "x" * 90} for number in range(300)]
    store.save([*many, {**COOKIE, "name": "__cf_bm"}, COOKIE])
    kept = store.load(NOON)
    assert [cookie["name"] for cookie in kept[:3]] == ["__cf_bm", "cf_clearance", "c0"]
    assert 7_000 < sum(len(f"{c['name']}={c['value']}; ") for c in kept) <= 8_000


def test_the_file_shows_neither_label_nor_key(store: CookieStore, tmp_path: Path) -> None:
    store.save([COOKIE])
    path = only_file(tmp_path)
    assert "alice" not in path.name + path.read_text()


@pytest.mark.parametrize(
    ("expires", "lives"),
    [(-1, True), (0, False), (1, False), (1e10, True), (1e30, False), (float("nan"), False)],
)
def test_only_cookies_that_live_come_back(store: CookieStore, expires: float, lives: bool) -> None:
    store.save([{**COOKIE, "expires": expires}])
    assert bool(store.load(NOON)) is lives


def test_another_key_or_label_finds_nothing(store: CookieStore, tmp_path: Path) -> None:
    store.save([COOKIE])
    assert CookieStore(tmp_path, "alice", Secret("sk-ant-sid02-other")).load(NOON) == []
    assert CookieStore(tmp_path, "bob", KEY).load(NOON) == []


def test_an_empty_cookie_store_stays_empty(store: CookieStore) -> None:
    store.save([COOKIE])
    store.clear()
    store.clear()
    assert store.load(NOON) == []


def test_a_cookie_store_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = CookieStore(tmp_path / "file" / "browser", "alice", KEY)
    store.save([COOKIE])
    store.clear()
    assert store.load(NOON) == []


@given(ANY_JSON, st.sampled_from(["all", "cookies", "cookie", *COOKIE]))
def test_a_file_with_anything_in_it_is_no_error(
    tmp_path_factory: pytest.TempPathFactory, found: Any, where: str
) -> None:
    """Only whole cookies come back."""
    folder = tmp_path_factory.mktemp("store")
    store = CookieStore(folder, "alice", KEY)
    store.save([COOKIE])
    path = only_file(folder)
    body = json.loads(path.read_text())
    if where == "all":
        body = found
    elif where == "cookies":
        body["cookies"] = found
    else:
        body["cookies"] = [found if where == "cookie" else {**COOKIE, where: found}]
    path.write_text(json.dumps(body))
    for cookie in store.load(NOON):
        texts = [cookie[name] for name in ("name", "value", "domain", "path")]
        assert all(isinstance(text, str) for text in texts)


@given(st.binary())
def test_a_file_of_any_bytes_is_no_error(
    tmp_path_factory: pytest.TempPathFactory, found: bytes
) -> None:
    folder = tmp_path_factory.mktemp("store")
    store = CookieStore(folder, "alice", KEY)
    store.save([COOKIE])
    only_file(folder).write_bytes(found)
    assert store.load(NOON) == []
