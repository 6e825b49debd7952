"""A session key comes to its place in a person's own file: comments, layout and mode stay."""

from __future__ import annotations

import stat
import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.config import write
from cldmon.config.load import read
from cldmon.config.secrets import read_session_key
from cldmon.config.write import find_key_place, set_key
from cldmon.domain.secret import Secret
from cldmon.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-ant-sid01-new"
TWO = """\
# mine
port = 3001 # odd

[[accounts]] # the first
label = "alice"
session_key = "sk-ant-sid01-old" # from May

[[accounts]]
  label = 'bob'
  session_key = "sk-ant-sid01-bob"
[browser]
headless = true
# the end"""


def lines_changed(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the lines that are gone and those that are new."""
    old, new = before.splitlines(), after.splitlines()
    return [x for x in old if x not in new], [x for x in new if x not in old]


def test_only_the_key_of_the_account_changes() -> None:
    assert lines_changed(TWO, set_key(TWO, "alice", KEY)) == (
        ['session_key = "sk-ant-sid01-old" # from May'],
        [f'session_key = "{KEY}" # from May'],
    )


def test_the_placeholder_of_the_example_is_replaced() -> None:
    gone, new = lines_changed(write.read_example(), set_key(write.read_example(), "alice", KEY))
    assert gone == ['session_key = "sk-ant-sid01-REPLACE-ME"']
    assert new == [f'session_key = "{KEY}"']


def test_an_account_without_key_gets_it_below_its_label() -> None:
    text = '[[accounts]]\nlabel = "alice" # me\n\n# the end'
    expected = f'[[accounts]]\nlabel = "alice" # me\nsession_key = "{KEY}"\n\n# the end\n'
    assert set_key(text, "alice", KEY) == expected


def test_a_new_account_comes_last() -> None:
    assert set_key(TWO, "carol", KEY) == (
        f'{TWO}\n\n[[accounts]]\nlabel = "carol"\nsession_key = "{KEY}"\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        'accounts = [{label = "alice"}, {label = "bob", session_key = "x"}]\nport = 1\n',
        'accounts = [\n  {label = "bob"}, # him\n]\n',
        "accounts = []",
        '[[accounts]]\nlabel = "x"\n[[accounts]]\n"label" = \'alice\'\n[health]\n',
        'health = {ping_url = "x"}\naccounts = [{session_key = "x", label = """al\\\n  ice"""}]',
        '[[accounts]]\nsession_key = "x"\nlabel = "alice"\n[browser]\n[[accounts]]\nlabel = "z"',
    ],
)
def test_however_it_is_written_the_key_and_nothing_else_changes(text: str) -> None:
    before, after = tomllib.loads(text), tomllib.loads(set_key(text, "alice", KEY))
    accounts = {a["label"]: a for a in after.pop("accounts")}
    others = {a["label"]: a for a in before.pop("accounts", [])}
    assert accounts.pop("alice")["session_key"] == KEY
    others.pop("alice", None)
    assert (accounts, after) == (others, before)


LABELS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp")), min_size=1)


@given(LABELS)
def test_any_label_can_be_added_and_found_again(label: str) -> None:
    once = set_key(TWO, label, "sk-ant-sid01-first")
    assert tomllib.loads(set_key(once, label, KEY))["accounts"][-1] == {
        "label": label,
        "session_key": KEY,
    }


def config(folder: Path, entry: str) -> Path:
    path = folder / "config.toml"
    path.write_text(f'# mine\n[[accounts]]\nlabel = "alice"\n{entry}\n')
    path.chmod(0o600)
    return path


def store(path: Path, label: str = "alice") -> None:
    find_key_place(read(path), path, label, {}).store(Secret(KEY))


def read_stored(path: Path) -> str:
    [account] = read(path).accounts
    return read_session_key(account, {}, path.parent).reveal()


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_the_files_mode_stays(tmp_path: Path, mode: int) -> None:
    path = config(tmp_path, 'session_key = "x"')
    path.chmod(mode)
    store(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert read_stored(path) == KEY


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = config(tmp_path, 'session_key = "x"')
    link = tmp_path / "link" / "config.toml"
    link.parent.mkdir()
    link.symlink_to(real)
    store(link)
    assert link.is_symlink()
    assert read_stored(real) == KEY


def test_a_key_file_is_written_and_the_configuration_left_alone(tmp_path: Path) -> None:
    path = config(tmp_path, 'session_key_file = "keys/alice"')
    before = path.read_text()
    store(path)
    file = tmp_path / "keys" / "alice"
    assert (path.read_text(), read_stored(path)) == (before, KEY)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_file_that_others_could_read_is_private_afterwards(tmp_path: Path) -> None:
    path = config(tmp_path, 'session_key_file = "alice"')
    (tmp_path / "alice").write_text("old")
    (tmp_path / "alice").chmod(0o644)
    store(path)
    assert stat.S_IMODE((tmp_path / "alice").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "entry", ['session_key_env = "ALICE"', 'session_key_command = ["pass", "alice"]']
)
def test_a_key_that_comes_from_elsewhere_is_not_for_us_to_store(tmp_path: Path, entry: str) -> None:
    path = config(tmp_path, entry)
    with pytest.raises(ConfigError, match=r"where cldmon cannot store one: sign in with any"):
        store(path)


def test_a_systemd_credential_is_not_for_us_to_store(tmp_path: Path) -> None:
    path = config(tmp_path, "")
    (tmp_path / "alice").write_text("x")
    with pytest.raises(ConfigError, match="systemd"):
        find_key_place(read(path), path, "alice", {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def unit(folder: Path, config: Path, settings: str) -> dict[str, str]:
    """Write a unit of the user's own that makes passes; return the environment of that user."""
    place = folder / ".config/systemd/user/cldmon-fetch.service"
    place.parent.mkdir(parents=True)
    place.write_text(f"[Service]\nExecStart=/bin/cldmon --config {config} fetch\n{settings}\n")
    return {"HOME": str(folder)}


@pytest.mark.parametrize("label", ["alice", "new"])
def test_a_key_that_systemd_gives_to_the_service_belongs_into_its_file(
    tmp_path: Path, label: str
) -> None:
    """In the configuration it would be used instead, and be readable by more than root."""
    path = config(tmp_path, "")
    env = unit(tmp_path, path, f"LoadCredential={label}:/etc/credstore/cldmon-{label}")
    with pytest.raises(ConfigError) as caught:
        find_key_place(read(path), path, label, env)
    assert "cldmon-fetch.service" in str(caught.value)
    file = f"/etc/credstore/cldmon-{label}"
    assert f"sudo install -m 600 /dev/stdin {file}" in str(caught.value)


def test_a_credential_that_is_no_plain_file_is_named_without_its_value(tmp_path: Path) -> None:
    path = config(tmp_path, "")
    env = unit(tmp_path, path, "SetCredential=alice:sk-ant-sid01-MARKER")
    with pytest.raises(ConfigError, match=r"SetCredential in cldmon-fetch\.service") as caught:
        find_key_place(read(path), path, "alice", env)
    assert "MARKER" not in str(caught.value)


@pytest.mark.parametrize("entry", ['session_key = "x"', 'session_key_file = "alice.key"'])
def test_where_the_configuration_has_a_place_that_one_counts(tmp_path: Path, entry: str) -> None:
    path = config(tmp_path, entry)
    env = unit(tmp_path, path, "LoadCredential=alice:/etc/credstore/cldmon-alice")
    assert find_key_place(read(path), path, "alice", env).path.parent == tmp_path


def test_what_cannot_be_a_label_is_refused(tmp_path: Path) -> None:
    path = config(tmp_path, "")
    with pytest.raises(UsageError, match="control character"):
        store(path, "a\nb")


def test_an_edit_made_meanwhile_is_kept(tmp_path: Path) -> None:
    """Signing in takes minutes: the file is read when the key is there, not before."""
    path = config(tmp_path, 'session_key = "x"')
    place = find_key_place(read(path), path, "alice", {})
    path.write_text(path.read_text().replace("# mine", "# mine\nport = 3999"))
    place.store(Secret(KEY))
    assert read(path).port == 3999
    assert read_stored(path) == KEY
