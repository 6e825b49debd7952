"""Where the configuration and the data are looked for, and what the readers take from it."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.config import locate
from cldmon.config.outline import Outline, read_outline
from cldmon.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path("/srv/conf")

DATA_PLACES = (
    ("option", Path("/from/option")),
    ("CLDMON_DATA_DIR", Path("/from/env")),
    ("configured", Path("/from/config")),
    ("STATE_DIRECTORY", Path("/from/systemd")),
    ("XDG_STATE_HOME", Path("/from/xdg/cldmon")),
    ("HOME", Path("/from/home/.local/state/cldmon")),
)


@given(st.sets(st.sampled_from([name for name, _ in DATA_PLACES[:-1]])))
def test_data_dir_is_the_first_place_that_is_named(named: set[str]) -> None:
    values = {
        "CLDMON_DATA_DIR": "/from/env",
        "STATE_DIRECTORY": "/from/systemd:/other",
        "XDG_STATE_HOME": "/from/xdg",
    }
    env = {name: value for name, value in values.items() if name in named} | {"HOME": "/from/home"}
    option = Path("/from/option") if "option" in named else None
    configured = "/from/config" if "configured" in named else None
    expected = next(path for name, path in DATA_PLACES if name in named | {"HOME"})
    assert locate.find_data_dir(configured, FOLDER / "config.toml", option, env) == expected


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ("data", FOLDER / "data"),
        ("../data", FOLDER / "../data"),
        ("~/data", Path("/home/me/data")),
        ("~", Path("/home/me")),
        ("/abs", Path("/abs")),
    ],
)
def test_a_configured_data_dir_counts_from_the_configs_folder(
    configured: str, expected: Path
) -> None:
    env = {"HOME": "/home/me"}
    assert locate.find_data_dir(configured, FOLDER / "config.toml", None, env) == expected


@pytest.mark.parametrize("configured", [None, "/from/config"])
def test_the_systems_configuration_has_one_data_folder_for_all_who_read_it(
    configured: str | None,
) -> None:
    """The service and whoever looks by hand; only what somebody named is another."""
    env = {"HOME": "/home/me", "XDG_STATE_HOME": "/from/xdg"}
    found = locate.find_data_dir(configured, locate.SYSTEM_CONFIG, None, env)
    assert found == Path("/from/config" if configured else "/var/lib/cldmon")
    roundabout = Path("/etc/x/../cldmon/config.toml")
    assert locate.find_data_dir(configured, roundabout, None, env) == found


def test_a_data_dir_named_by_hand_counts_from_where_one_stands() -> None:
    assert locate.find_data_dir(None, FOLDER / "c", Path("here"), {}) == Path.cwd() / "here"
    assert (
        locate.find_data_dir(None, FOLDER / "c", None, {"CLDMON_DATA_DIR": "x"}) == Path.cwd() / "x"
    )


def test_empty_and_relative_variables_count_as_unset() -> None:
    """The XDG rules say so of their variables; empty ones are what unit files leave behind."""
    env = {
        "HOME": "/h",
        "XDG_STATE_HOME": "relative",
        "CLDMON_DATA_DIR": "",
        "STATE_DIRECTORY": "",
    }
    assert locate.find_data_dir(None, FOLDER / "c", None, env) == Path("/h/.local/state/cldmon")


@given(st.sets(st.sampled_from(["option", "env", "cwd", "xdg"]), min_size=1))
def test_the_config_is_the_first_place_that_has_one(
    tmp_path_factory: pytest.TempPathFactory, there: set[str]
) -> None:
    root = tmp_path_factory.mktemp("places")
    places = {
        "option": root / "option.toml",
        "env": root / "env.toml",
        "cwd": root / "cwd" / "config.toml",
        "xdg": root / "xdg" / "cldmon" / "config.toml",
    }
    for name in there:
        places[name].parent.mkdir(parents=True, exist_ok=True)
        places[name].touch()
    env = {"XDG_CONFIG_HOME": str(root / "xdg")}
    if "env" in there:
        env["CLDMON_CONFIG"] = str(places["env"])
    option = places["option"] if "option" in there else None
    first = next(name for name in places if name in there)
    assert locate.find_config(option, env, root / "cwd") == places[first]


def test_a_config_named_by_hand_is_taken_even_if_it_is_not_there(tmp_path: Path) -> None:
    """Another one in its stead would be a surprise."""
    (tmp_path / "config.toml").touch()
    found = locate.find_config(Path("missing.toml"), {}, tmp_path)
    assert found == tmp_path / "missing.toml"
    assert locate.find_config(None, {"CLDMON_CONFIG": "m"}, tmp_path) == tmp_path / "m"


def test_without_a_config_the_error_lists_the_places_and_the_fix(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cldmon init") as caught:
        locate.find_config(None, {"HOME": str(tmp_path / "home")}, tmp_path)
    for place in (tmp_path, tmp_path / "home" / ".config" / "cldmon", "/etc/cldmon"):
        assert f"{place}/config.toml" in str(caught.value)


def test_the_working_folders_config_is_not_taken_from_a_stranger(tmp_path: Path) -> None:
    """It names programs that are run, and nobody has asked for it by name."""
    path = tmp_path / "config.toml"
    path.touch()
    owner = path.stat().st_uid
    for me, env in ((owner, {}), (owner + 1, {"SUDO_UID": str(owner)})):
        assert locate.is_trusted(owner, me, env)
    assert locate.is_trusted(0, 1000, {})
    assert not locate.is_trusted(1000, 0, {})
    assert not locate.is_trusted(1000, 1001, {"SUDO_UID": "1001"})


def test_a_folder_called_config_toml_is_no_config(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(ConfigError, match="no configuration found"):
        locate.find_config(None, {"HOME": str(tmp_path)}, tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def to_file(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text, "utf-8")
        return path

    return to_file


def test_the_outline_holds_what_readers_need(write: Callable[[str], Path]) -> None:
    path = write(
        'fetch_interval_minutes = 2.5\ndata_dir = "data"\n'
        "[notifications.slack]\nenabled = true\n"
        '[[accounts]]\nlabel = "alice"\n[[accounts]]\nlabel = "🐙 \\"b\\""\n'
    )
    assert read_outline(path, None, {}) == Outline(
        data_dir=path.parent / "data",
        interval=timedelta(minutes=2, seconds=30),
        labels=("alice", '🐙 "b"'),
        slack_enabled=True,
    )


def test_the_outline_of_an_empty_config_has_the_defaults(write: Callable[[str], Path]) -> None:
    found = read_outline(write(""), None, {"HOME": "/h"})
    assert (found.interval, found.labels) == (timedelta(minutes=10), ())
    assert not found.slack_enabled


def test_the_outline_does_not_judge_what_it_does_not_need(write: Callable[[str], Path]) -> None:
    """A reader still shows what is stored while somebody edits the rest."""
    text = 'unknown = 1\nport = "x"\n[[accounts]]\nlabel = "a"\nsession_key = 5\n'
    assert read_outline(write(text), None, {}).labels == ("a",)
    assert not read_outline(write("[notifications.slack]\nenabled = 1"), None, {}).slack_enabled


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nfetch_interval_minutes = 0", ":2: fetch_interval_minutes: expected a number of min"),
        ("fetch_interval_minutes = '5'", ":1: fetch_interval_minutes: expected a number"),
        ("fetch_interval_minutes = nan", ":1: fetch_interval_minutes: expected a number"),
        ("fetch_interval_minutes = 1e300", ":1: fetch_interval_minutes: expected a number"),
        ("data_dir = 5", ":1: data_dir: expected a string"),
        ('data_dir = "a\\u0000b"', ":1: data_dir: holds a control character"),
        ("accounts = 5", ":1: accounts: expected [[accounts]] tables"),
        ("accounts = [5]", ":1: accounts[1]: expected a table"),
        ("[[accounts]]\n[[accounts]]\nlabel = 5", ":1: accounts[1].label: is missing"),
        ('[[accounts]]\nlabel = "a\\u001b[31m"', ":2: accounts[1].label: holds a control char"),
        ("notifications = 5", ":1: notifications: expected a table"),
        ("[notifications]\nslack = 5", ":2: notifications.slack: expected a table"),
        ("a = 1\n[b", ":2: is not valid TOML"),
    ],
)
def test_a_value_that_readers_cannot_use_is_an_error_of_the_schema(
    write: Callable[[str], Path], text: str, said: str
) -> None:
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        read_outline(path, None, {})
    assert str(caught.value).startswith(f"{path}{said}")


def test_the_outline_is_read_without_heavy_imports(write: Callable[[str], Path]) -> None:
    """`status` and shell completion start through here."""
    code = (
        "import sys; from pathlib import Path; from cldmon.config.outline import read_outline;"
        "read_outline(Path(sys.argv[1]), None, {});"
        "print(*sys.modules)"
    )
    path = write('[[accounts]]\nlabel = "a"\n')
    run = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    heavy = {"pydantic", "click", "slack_sdk", "playwright", "hashlib", "http"}
    assert not heavy & set(run.stdout.split())
