"""`cldmon report` on the server: tokens for people's machines."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.reports.tokens import TokensFile
from tests.fakes import NOON

if TYPE_CHECKING:
    from tests.env import Env


@pytest.fixture
def env(env: Env) -> Env:
    """Alice's account takes reports, and bob's has a session key."""
    tables = '[[accounts]]\nlabel = "alice"\nsource = "report"\n'
    return env.write_config('public_url = "https://example.org/cldmon/"', tables, labels=["bob"])


def test_a_token_is_alone_on_stdout(env: Env) -> None:
    result = env.invoke("report", "--token", "alice", "--name", "laptop")
    assert result.exit_code == 0
    token = result.stdout.removesuffix("\n")
    assert token.startswith("cldmon-report-")
    assert token not in result.stderr
    [stored] = TokensFile(env.data).load().values()
    assert result.stderr == (
        "This token is not shown again. It can report the usage of alice, and nothing else.\n"
        "Send it to the person whose account that is. On their machine:\n"
        "  cldmon report --install --to https://example.org/cldmon/ --account alice\n"
        f"To revoke it: cldmon report --revoke {stored.id}\n"
    )
    assert (stored.account, stored.name, stored.created_at) == ("alice", "laptop", NOON)


def test_without_tokens_the_list_says_how_to_create_one(env: Env) -> None:
    result = env.invoke("report", "--tokens")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "cldmon: no tokens yet: cldmon report --token LABEL\n"
    assert json.loads(env.output("report", "--tokens", "--json")) == []


def test_the_list_shows_which_are_used(env: Env) -> None:
    for name in ("laptop", ""):
        env.invoke("report", "--token", "alice", "--name", name)
    first, second = TokensFile(env.data).load().values()
    TokensFile(env.data).mark_used({first.hash: NOON + timedelta(minutes=3)})
    lines = env.output("report", "--tokens").splitlines()
    assert lines == [
        "Id        Account    Name    Created           Last used",
        f"{first.id}  alice      laptop  2026-11-22 12:00  2026-11-22 12:03",
        f"{second.id}  alice      –       2026-11-22 12:00  never",
    ]
    listed = json.loads(env.output("report", "--tokens", "--json"))
    assert [(each["id"], each["name"]) for each in listed] == [
        (first.id, "laptop"),
        (second.id, ""),
    ]


def test_a_token_is_revoked_by_its_id(env: Env) -> None:
    env.invoke("report", "--token", "alice")
    [stored] = TokensFile(env.data).load().values()
    assert env.output("report", "--revoke", stored.id) == (
        f"{stored.id}: revoked; it was for alice\n"
    )
    assert TokensFile(env.data).load() == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--token", "dave"], "no account 'dave' in the config; it has: alice, bob"),
        (["--token", "bob"], 'takes no reports: add source = "report" below label = "bob" in '),
        (["--revoke", "12345678"], "no token '12345678': `cldmon report --tokens` lists them"),
        (["--tokens", "--revoke", "1"], "--token, --tokens and --revoke cannot be combined"),
        (["--tokens", "--name", "x"], "--name is for --token"),
    ],
)
def test_a_mistake_is_one_line(env: Env, words: list[str], message: str) -> None:
    env.data.mkdir()
    ran = env.run("report", *words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert message in ran.stderr
    assert ran.stderr.count("\n") == 1
