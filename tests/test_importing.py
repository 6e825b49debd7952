"""From a Node cldmon to this one: what is taken, what is named, and that nothing is harmed."""

from __future__ import annotations

import gzip
import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon import files
from cldmon.config.document import Document
from cldmon.config.load import find_problems, load, read
from cldmon.errors import BusyError, ImportFailedError, StoreError
from cldmon.importing.migrate import migrate
from cldmon.importing.settings import translate
from cldmon.store.subscriptions import SubscriptionsFile
from tests.limits import limit_file_size

CLDMON = str(Path(sys.executable).with_name("cldmon"))
KEY = "sk-ant-sid02-alicealicealice"
FULL: dict[str, Any] = {
    "sessionSecret": "a-long-random-secret",
    "host": "0.0.0.0",
    "port": 3100,
    "fetchIntervalMinutes": 5,
    "notifications": {
        "slack": {"enabled": True, "botToken": "xoxb-12-ab", "memberChannelId": "C0123456789"}
    },
    "accounts": [
        {"label": "alice", "sessionKey": KEY},
        {"label": "Bob “B” \\ Builder", "sessionKey": f" sessionKeyV3={KEY};\n"},
    ],
}
LINE = b'{"timestamp":1773283635095,"accounts":[{"label":"alice","fiveHour":17,"sevenDay":45}]}\n'
NEXT_DAY = LINE.replace(b"1773283635095", b"1773373635095")


IMPORT = """
import sys; from pathlib import Path; from cldmon.importing.migrate import migrate
migrate(*map(Path, sys.argv[1:]), {})
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
"""Prints how many kB the process had resident at most."""


@dataclass
class Move:
    """A Node program's folder, an empty destination, and what the import reports and logs."""

    node: Path
    home: Path
    log: pytest.LogCaptureFixture
    told: list[str] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.home / "config.toml"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def warned(self) -> list[str]:
        return self.log.messages

    def configure(self, body: object) -> None:
        (self.node / "config.json").write_text(json.dumps(body), encoding="utf-8")

    def put(self, name: str, content: bytes) -> Path:
        path = self.node / "data" / name
        path.write_bytes(content)
        return path

    def go(self, source: Path | None = None) -> None:
        self.told += migrate(source or self.node, self.config, self.data, {})


@pytest.fixture
def move(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Move:
    node = tmp_path / "node"
    (node / "data").mkdir(parents=True)
    made = Move(node, tmp_path / "home", caplog)
    made.configure(FULL)
    return made


def contents(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return every file's content, mode and time of change."""
    return {
        str(path): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_known_setting_is_taken(move: Move) -> None:
    move.go()
    config = load(move.config, {})
    assert move.warned == []
    assert config.session_secret
    assert config.session_secret.get_secret_value() == "a-long-random-secret"
    assert (config.host, config.port) == ("0.0.0.0", 3100)
    assert config.fetch_interval_minutes == 5
    slack = config.notifications.slack
    assert slack.enabled
    assert slack.bot_token
    assert slack.bot_token.get_secret_value() == "xoxb-12-ab"
    assert slack.member_channel_id == "C0123456789"
    assert [a.label for a in config.accounts] == ["alice", "Bob “B” \\ Builder"]
    keys = [a.session_key.get_secret_value() for a in config.accounts if a.session_key]
    assert keys == [KEY, KEY]
    assert config.data_dir == str(move.data)


def test_the_configuration_is_for_its_owner_only(move: Move) -> None:
    move.go()
    assert stat.S_IMODE(move.config.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "secret",
    [
        "cldmon-secret-change-me",
        "replace-with-a-long-random-string",
        "random-secret-string",
    ],
)
def test_a_secret_that_the_node_program_published_is_not_taken(move: Move, secret: str) -> None:
    move.configure({**FULL, "sessionSecret": secret})
    move.go()
    assert load(move.config, {}).session_secret is None
    assert "sessionSecret: not imported: it is public" in move.warned[0]


def test_without_a_host_the_file_explains_who_can_reach_the_server(move: Move) -> None:
    """The Node program listened on every address unless it was told otherwise."""
    move.configure({"accounts": FULL["accounts"]})
    move.go()
    assert load(move.config, {}).host == "127.0.0.1"
    assert '# host = "0.0.0.0"' in move.config.read_text()


@pytest.mark.parametrize("host", ["not a host", 5, {"a": 1}])
def test_a_host_that_is_none_is_named(move: Move, host: object) -> None:
    move.configure({**FULL, "host": host})
    move.go()
    assert load(move.config, {}).host == "127.0.0.1"
    assert [line for line in move.warned if "config.json: host: not imported: " in line]


def test_what_only_the_node_program_had_a_use_for_is_named_with_the_reason(move: Move) -> None:
    move.configure(
        {
            **FULL,
            "_sessionSecretHint": "a comment",
            "appName": "usage",
            "password": "MARKER",
            "notifications": {"slack": {"channelId": "C1", "mention": "<!here>"}},
        }
    )
    move.go()
    said = "\n".join(move.warned)
    for key, why in (
        ("appName", "pm2"),
        ("password", "api_token"),
        ("notifications.slack.channelId", "cldmon subscribe"),
        ("notifications.slack.mention", "cldmon subscribe"),
    ):
        assert re.search(f"json: {re.escape(key)}: not imported: .*{why}", said), said
    assert "MARKER" not in said
    assert "_sessionSecretHint" not in said


def test_empty_settings_have_their_defaults_and_are_not_mentioned(move: Move) -> None:
    slack = {"enabled": False, "botToken": "", "memberChannelId": ""}
    move.configure({"accounts": FULL["accounts"], "notifications": {"slack": slack}})
    move.go()
    assert load(move.config, {}).notifications.slack.bot_token is None
    assert move.warned == []


def test_unknown_and_invalid_settings_are_named(move: Move) -> None:
    move.configure(
        {
            "port": 70000,
            "debug": True,
            "notifications": {"mail": {}, "slack": {"enabled": True, "botToken": "two words"}},
            "accounts": [
                {"label": "alice", "sessionKey": KEY, "color": "red"},
                {"label": "alice", "sessionKey": KEY},
                {"label": "bob", "sessionKey": "sk-ant-sid02-..."},
                {"label": "\u0007", "sessionKey": KEY},
                {"sessionKey": KEY},
                "carol",
            ],
        }
    )
    move.go()
    named = {line.removeprefix(f"{move.node}/config.json: ").split(": ")[0] for line in move.warned}
    assert named >= {
        "debug",
        "port",
        "notifications.mail",
        "notifications.slack.botToken",
        "notifications.slack.enabled",
        "accounts[1].color",
        "accounts[2]",
        "accounts[3].sessionKey",
        "accounts[4].label",
        "accounts[5]",
        "accounts[6]",
    }
    config = load(move.config, {})
    assert [a.label for a in config.accounts] == ["alice"]
    assert not config.notifications.slack.enabled


def test_an_account_without_a_usable_key_is_commented_out(move: Move) -> None:
    move.configure({"accounts": [{"label": "bob", "sessionKey": "no-key"}]})
    move.go()
    assert '# label = "bob"' in move.config.read_text()
    assert "no-key" not in move.config.read_text() + "".join(move.warned)
    assert read(move.config).accounts == ()


def test_no_secret_is_printed(move: Move) -> None:
    move.configure({**FULL, "extra": KEY, KEY: 1})
    move.go()
    assert "alicealice" not in "".join(move.told + move.warned)


@pytest.mark.parametrize("content", ["{", "[]", "\udcff", '{"a":' * 100_000, ""])
def test_a_config_json_that_is_none_is_named_and_the_data_taken(move: Move, content: str) -> None:
    (move.node / "config.json").write_text(content, encoding="utf-8", errors="surrogateescape")
    move.put("health.log", b"fine\n")
    move.go()
    assert "config.json" in move.warned[0]
    assert not move.config.exists()
    assert (move.data / "health.log").read_bytes() == b"fine\n"


def test_data_files_are_taken_byte_for_byte_and_private(move: Move) -> None:
    taken = {
        "history-2026-03-12.jsonl": LINE + b'{"timest',
        "history-2026-03-11.jsonl.gz": gzip.compress(LINE),
        "subscriptions.json": b'{"users":{"U1":{"accounts":{"alice":{"limitHit":true}}}},"x":1}',
        "health.log": b"[2026-03-12T02:54:43Z] OK\r\n\xff",
    }
    for name, content in taken.items():
        move.put(name, content).chmod(0o644)
    move.go()
    for name, content in taken.items():
        assert (move.data / name).read_bytes() == content
        assert stat.S_IMODE((move.data / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(move.data.stat().st_mode) == 0o700
    assert SubscriptionsFile(move.data).load().of("U1", "alice").limit_hit


def test_nothing_of_the_source_is_changed(move: Move) -> None:
    move.put("history-2026-03-12.jsonl", LINE)
    move.put("history.jsonl", LINE)
    before = contents(move.node)
    move.go()
    assert contents(move.node) == before


def test_twice_does_no_harm(move: Move) -> None:
    move.put("history-2026-03-12.jsonl", LINE)
    move.put("history.jsonl", NEXT_DAY)
    move.go()
    before = contents(move.home)
    move.go()
    after = contents(move.home)
    del before[str(move.data / "fetch.lock")], after[str(move.data / "fetch.lock")]
    assert after == before
    assert move.warned == []
    assert move.told[-2:] == [
        f"{move.config}: already there",
        f"{move.data}: 2 day files: already there",
    ]


def test_what_differs_is_left_alone_and_named(move: Move) -> None:
    move.put("history-2026-03-12.jsonl", LINE)
    move.data.mkdir(parents=True)
    (move.data / "history-2026-03-12.jsonl").write_bytes(NEXT_DAY)
    move.config.write_text('[[accounts]]\nlabel = "alice"\nsession_key = "sk-ant-sid01-x"\n')
    move.go()
    assert (move.data / "history-2026-03-12.jsonl").read_bytes() == NEXT_DAY
    assert "sk-ant-sid01-x" in move.config.read_text()
    config, day = move.warned
    assert "was not changed; it lacks the account(s) Bob “B” \\ Builder" in config
    assert "history-2026-03-12.jsonl exists and differs" in day


def test_an_existing_configuration_says_where_the_data_goes(move: Move) -> None:
    move.home.mkdir()
    move.config.write_text('data_dir = "elsewhere"\n')
    move.put("health.log", b"x\n")
    migrate(move.node, move.config, None, {})
    assert (move.home / "elsewhere" / "health.log").exists()


def test_the_one_history_of_old_is_split_into_utc_days(move: Move) -> None:
    move.put("history.jsonl", LINE + NEXT_DAY + b"torn\n" + LINE.replace(b"17", b"18", 1)[:-1])
    move.go()
    assert (move.data / "history-2026-03-12.jsonl").read_bytes().startswith(LINE)
    assert (move.data / "history-2026-03-13.jsonl").read_bytes() == NEXT_DAY
    assert not (move.data / "history.jsonl").exists()
    assert any("1 line(s) are damaged" in line for line in move.warned)


def test_a_day_that_has_a_file_is_not_mixed_with_the_history_of_old(move: Move) -> None:
    """What both have is taken from the day file; what only the old one has is named."""
    move.put("history-2026-03-12.jsonl", LINE)
    move.put("history.jsonl", LINE + LINE.replace(b"45", b"46", 1))
    move.go()
    assert (move.data / "history-2026-03-12.jsonl").read_bytes() == LINE
    assert any("1 line(s) of 2026-03-12" in line for line in move.warned)


def test_foreign_and_torn_files_are_named(move: Move) -> None:
    move.put("notes.txt", b"")
    move.put("history-2026-02-30.jsonl", LINE)
    move.put("subscriptions.json", b'{"users":')
    move.put("history-2026-03-10.jsonl.gz", gzip.compress(LINE)[:-9])
    (move.node / "data" / "sessions").mkdir()
    move.go()
    named = {Path(line.partition(": ")[0]).name for line in move.warned}
    assert named == {
        "notes.txt",
        "history-2026-02-30.jsonl",
        "subscriptions.json",
        "history-2026-03-10.jsonl.gz",
        "sessions",
    }
    assert not (move.data / "subscriptions.json").exists()
    assert (move.data / "history-2026-03-10.jsonl.gz").exists()


SHAPES = {
    "alerts of accounts, as its first version had them": {"accounts": {"alice": {"reset": True}}},
    "people at the top": {"U1": {"accounts": {"alice": {"limitHit": True}}}},
    "a list of people": {"users": [{"id": "U1"}]},
    "a number for a person": {"users": {"U1": 5}},
    "a word for an account": {"users": {"U1": {"accounts": {"alice": "all"}}}},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_subscriptions_of_another_shape_are_named_and_not_taken(move: Move, shape: object) -> None:
    """They would count as nobody's, and nobody would hear of it."""
    move.put("subscriptions.json", json.dumps(shape).encode())
    move.go()
    [line] = move.warned
    assert "subscriptions.json: " in line
    assert "cldmon subscribe" in line
    assert not (move.data / "subscriptions.json").exists()


def test_people_without_alerts_for_any_account_are_counted(move: Move) -> None:
    """The alerts of such a person stand where no program looks for them."""
    move.put(
        "subscriptions.json",
        b'{"users":{"U1":{"alice":{"limitHit":true}},"U2":{"accounts":{"alice":{"reset":true}}}}}',
    )
    move.go()
    assert [line.partition(": ")[2] for line in move.warned] == [
        "1 of 2 people have no alerts for any account: imported as it is"
    ]


@pytest.mark.parametrize("content", [b"{}", b'{"users":{}}'])
def test_empty_subscriptions_are_not_mentioned(move: Move, content: bytes) -> None:
    move.put("subscriptions.json", content)
    move.go()
    assert move.warned == []


def test_the_list_of_slacks_people_is_known_and_not_needed(move: Move) -> None:
    move.put("slack-users-cache.json", b'{"fetchedAt":1773283635095,"users":[]}')
    move.go()
    assert move.warned == []
    assert not (move.data / "slack-users-cache.json").exists()
    assert any("slack-users-cache.json" in line for line in move.told)


def test_the_data_dir_itself_as_source_stays_as_it_is(move: Move) -> None:
    move.put("notes.txt", b"")
    migrate(move.node, move.config, move.node / "data", {})
    assert [path.name for path in (move.node / "data").iterdir()] == ["notes.txt"]


def test_it_waits_for_no_pass(move: Move) -> None:
    move.data.mkdir(parents=True)
    move.put("health.log", b"x\n")
    with files.lock(move.data / "fetch.lock", wait=0), pytest.raises(BusyError):
        move.go()
    assert not move.config.exists()


def test_data_that_cannot_be_written_leaves_nothing_behind(move: Move) -> None:
    """Not even what was written before; the next import takes all of it."""
    move.put("health.log", b"x\n")
    move.put("history-2026-03-12.jsonl", LINE * 100)
    with limit_file_size(1000), pytest.raises(StoreError, match="File too large"):
        move.go()
    assert not move.config.exists()
    assert [path.name for path in move.data.iterdir()] == ["fetch.lock"]
    assert move.told == []
    move.go()
    assert move.config.exists()
    assert (move.data / "history-2026-03-12.jsonl").read_bytes() == LINE * 100


def test_a_configuration_that_cannot_be_written_leaves_no_data_behind(move: Move) -> None:
    move.put("health.log", b"x\n")
    move.home.write_text("a file, where the folder of the configuration would be")
    elsewhere = move.node.with_name("elsewhere")
    with pytest.raises(StoreError, match="cannot make the folder"):
        migrate(move.node, move.config, elsewhere, {})
    assert [path.name for path in elsewhere.iterdir()] == ["fetch.lock"]


def test_what_a_killed_import_left_does_no_harm(move: Move) -> None:
    move.put("health.log", b"x\n")
    (move.data / ".import" / "days").mkdir(parents=True)
    (move.data / ".import" / "days" / "history-2026-03-11.jsonl").write_bytes(LINE)
    (move.data / ".import" / "subscriptions.json").write_bytes(b"{}")
    move.go()
    assert {path.name for path in move.data.iterdir()} == {"fetch.lock", "health.log"}


@pytest.mark.parametrize("name", ["history-2026-03-12.jsonl.gz", "history.jsonl"])
def test_a_large_history_fills_no_memory(move: Move, name: str) -> None:
    """Packed it unpacks to a gigabyte; it is taken as it is, or split by day."""
    if name.endswith(".gz"):
        move.put(name, gzip.compress(LINE * 12_000, 9) * 1_000)
    else:
        move.put(name, LINE * 400_000)
    argv = [sys.executable, "-c", IMPORT, *map(str, (move.node, move.config, move.data))]
    ran = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert int(ran.stdout) * 1024 < 90_000_000
    if name.endswith(".gz"):
        assert (move.data / name).read_bytes() == (move.node / "data" / name).read_bytes()
        assert "holds more than a day ever does: imported as it is" in ran.stderr
    else:
        assert (move.data / "history-2026-03-12.jsonl").read_bytes() == LINE * 400_000


def test_an_empty_folder_is_nothing_to_take(move: Move, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ImportFailedError, match="nothing to import"):
        move.go(empty)
    assert not move.home.exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
TEXTS = st.sampled_from(["", "x", KEY, "xoxb-1", "alice", "\ud800", "a\nb"]) | st.text()
VALUES = TEXTS | JSON
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "sessionSecret": VALUES,
        "host": st.sampled_from(["0.0.0.0", "::", "localhost", "a b"]) | VALUES,
        "port": st.integers(0, 70000) | VALUES,
        "fetchIntervalMinutes": st.integers(-1, 20000) | VALUES,
        "notifications": VALUES
        | st.fixed_dictionaries(
            {},
            optional={
                "slack": VALUES
                | st.fixed_dictionaries(
                    {"enabled": st.booleans() | VALUES},
                    optional={"botToken": VALUES, "memberChannelId": VALUES},
                ),
            },
        ),
        "accounts": VALUES
        | st.lists(
            st.fixed_dictionaries({"label": VALUES, "sessionKey": VALUES}) | VALUES, max_size=4
        ),
        "other": VALUES,
    },
)


@given(CONFIGS)
def test_any_config_json_results_in_a_valid_config(body: dict[str, Any]) -> None:
    """Only that no account is left may keep a pass from it."""
    translation = translate(body)
    data = tomllib.loads(translation.text)
    assert [key for key, _ in find_problems(Document(Path(), "", data), {})] in (
        [],
        [("accounts",)],
    )
    assert tuple(a["label"] for a in data.get("accounts", [])) == translation.labels


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHONUTF8": "1"}
    return subprocess.run(
        [CLDMON, *arguments], env=env, cwd=cwd, capture_output=True, text=True, check=False
    )


def test_the_command_writes_config_toml_here_and_data_where_cldmon_looks(
    move: Move, tmp_path: Path
) -> None:
    move.put("history-2026-03-12.jsonl", LINE)
    ran = run("import", move.node / "config.json", cwd=tmp_path)
    state = tmp_path / ".local/state/cldmon"
    assert ran.returncode == 0
    assert ran.stderr.startswith("Next: cldmon fetch\n")
    assert 'reset_rule = "window"' in ran.stderr.splitlines()[-1]
    config = tmp_path / "config.toml"
    text = config.read_text()
    assert load(config, {}).notifications.reset_rule == "zero"
    config.write_text(text.replace("# notifications.reset_rule", "notifications.reset_rule"))
    assert load(config, {}).notifications.reset_rule == "window"
    assert ran.stdout == f"config.toml: 2 accounts\n{state}: 1 day file\n"
    assert run("status", cwd=tmp_path).returncode == 0


def test_the_command_names_what_it_left_and_succeeds(move: Move, tmp_path: Path) -> None:
    move.configure({**FULL, "debug": 1})
    ran = run("import", move.node, "--to", "new/c.toml", "--data-dir", "kept", cwd=tmp_path)
    assert ran.returncode == 0
    assert "config.json: debug: not imported" in ran.stderr
    assert load(tmp_path / "new/c.toml", {}).data_dir == str(tmp_path / "kept")


def test_the_command_fails_where_there_is_nothing(tmp_path: Path) -> None:
    ran = run("import", tmp_path, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.splitlines()[-1].startswith("cldmon: nothing to import in")
