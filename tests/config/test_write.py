"""The first configuration: what is in it, and how it comes to disk."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from cldmon.cli.init import command
from cldmon.config import write
from cldmon.config.load import load, read
from cldmon.config.schema import AccountConfig, ChannelConfig, Config
from cldmon.config.secrets import PLACEHOLDER_KEY
from cldmon.domain.secret import Secret
from cldmon.errors import ConfigError, StoreError
from cldmon.notifications.rules import DEFAULT_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

SHIPPED = Path(__file__).parents[2] / "config.example.toml"


def test_the_shipped_example_is_the_one_in_the_package() -> None:
    assert SHIPPED.read_text("utf-8") == write.read_example()


def test_the_example_is_refused_for_a_pass_with_the_line_of_its_placeholder() -> None:
    """So that `init` and then `fetch` tells a newcomer what is still to be done."""
    line = write.read_example().splitlines().index(f'session_key = "{PLACEHOLDER_KEY}"') + 1
    with pytest.raises(ConfigError) as caught:
        load(SHIPPED, {})
    expected = f"{SHIPPED}:{line}: accounts[1].session_key: is still the placeholder;"
    assert str(caught.value).startswith(expected)


def test_the_example_with_a_key_in_it_is_a_config_of_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(write.read_example().replace(PLACEHOLDER_KEY, "sk-ant-sid01-abc"), "utf-8")
    config = load(path, {})
    assert config.model_copy(update={"accounts": ()}) == Config()
    assert [account.label for account in config.accounts] == ["alice"]


def test_every_key_is_explained_in_the_example() -> None:
    words = set(write.read_example().replace("#", " ").split())
    assert {name for name in names(Config) if name not in words} == set()


def names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from names(inner)
        elif name not in ("accounts", "channels"):
            yield name
    if model is Config:
        yield from names(AccountConfig)
        yield from names(ChannelConfig)


def test_every_default_in_the_example_may_be_uncommented(tmp_path: Path) -> None:
    """What stands behind a single comment sign is TOML that loads, one key at a time."""
    path = tmp_path / "config.toml"
    lines = write.read_example().splitlines()
    end = lines.index("[[accounts]]")
    for number, line in enumerate(lines[:end]):
        key, equals, value = line.removeprefix("# ").partition(" = ")
        if equals and key.isidentifier() and value not in ('""', '"xoxb-…"'):
            path.write_text("\n".join([*lines[:number], f"{key} = {value}", *lines[number + 1 :]]))
            assert isinstance(read(path), Config), line


def test_the_initial_config_has_a_secret_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    write.create(path, write.make_initial(Secret("generated")))
    secret = read(path).session_secret
    assert secret is not None
    assert secret.get_secret_value() == "generated"


def test_the_initial_config_has_the_better_reset_rule(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    write.create(path, write.make_initial(Secret("generated")))
    assert read(path).notifications.reset_rule == "window"


def test_the_channel_of_the_example_may_be_uncommented(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    before, head, block = write.read_example().partition("# [[notifications.channels]]\n")
    path.write_text(before + head[2:] + "".join(f"{line[2:]}\n" for line in block.splitlines()))
    [channel] = read(path).notifications.channels
    assert (channel.slack, channel.thresholds, channel.digest) == ("C0123456789", (80, 95), True)
    assert channel.events is not None
    assert set(channel.events) == DEFAULT_EVENTS


def test_a_new_config_is_private_and_so_are_the_folders_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "config.toml"
    write.create(path, "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_exists_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("mine")
    dangling = tmp_path / "link.toml"
    dangling.symlink_to(tmp_path / "nowhere")
    for taken in (path, dangling):
        with pytest.raises(ConfigError, match="exists already and is left as it is"):
            write.create(taken, "x")
    assert path.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory; name a file in it"):
        write.create(tmp_path, "x")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot make the folder"):
        write.create(tmp_path / "file" / "config.toml", "x")


class Options:
    """The global options, as the command line hands them on."""

    def __init__(self, config: Path | None = None, **env: str) -> None:
        self.config_path_option = config
        self.env = env


def test_init_writes_to_the_given_path_and_says_what_comes_next(tmp_path: Path) -> None:
    given = tmp_path / "given.toml"
    wanted = [
        (given, [str(given)], Options(tmp_path / "o.toml")),
        (tmp_path / "option.toml", [], Options(tmp_path / "option.toml", CLDMON_CONFIG="x")),
        (tmp_path / "env.toml", [], Options(CLDMON_CONFIG=str(tmp_path / "env.toml"))),
    ]
    for path, arguments, options in wanted:
        result = CliRunner().invoke(command, arguments, obj=options, catch_exceptions=False)
        assert result.stdout == f"{path}\n"
        assert result.stderr.endswith(f"2. run: cldmon --config {path} fetch\n")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_init_writes_into_the_current_folder_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, [], obj=Options(), catch_exceptions=False)
    assert result.stdout == "config.toml\n"
    assert "run: cldmon fetch\n" in result.stderr
    assert read(tmp_path / "config.toml").session_secret is not None


def test_after_init_a_pass_says_that_the_key_is_still_to_come(tmp_path: Path) -> None:
    """By the real command line: exit code 2, and the line to edit."""
    path = tmp_path / "config.toml"
    for arguments, code in ((["init"], 0), (["init"], 2), (["fetch"], 2)):
        run = subprocess.run(
            [sys.executable, "-m", "cldmon", "--config", path, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == code
    assert run.stderr.startswith(f"cldmon: {path}:")
    assert "session_key: is still the placeholder" in run.stderr
    assert run.stderr.count("\n") == 1


def test_each_init_makes_another_secret(tmp_path: Path) -> None:
    for name in ("a", "b"):
        CliRunner().invoke(command, [str(tmp_path / name)], obj=Options(), catch_exceptions=False)
    one, other = (read(tmp_path / name).session_secret for name in ("a", "b"))
    assert one is not None
    assert other is not None
    assert len(one.get_secret_value()) >= 32
    assert one != other
    assert one.get_secret_value() not in (tmp_path / "b").read_text()
