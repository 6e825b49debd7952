"""The doctor on the channels of the configuration, and its test messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cldmon.demo.server import json_response
from cldmon.demo.slack import TOKEN
from cldmon.doctor import channels, setup
from cldmon.doctor.check import Verdict
from tests.simulation.faults import instead
from tests.simulation.slack import FakeSlack, error

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.doctor.check import Check
    from tests.doctor.env import DoctorEnv

POST = '[[notifications.channels]]\nslack = "{}"\n'
RUN = '[[notifications.channels]]\ncommand = ["{}"]\n'


def use(env: DoctorEnv, slack: FakeSlack, table: str, token: str = TOKEN) -> None:
    bot = f'[notifications.slack]\nbot_token = "{token}"\n'
    env.write_config(f'slack_url = "{slack.url}"', table + bot)


def check(env: DoctorEnv, *, offline: bool = False) -> Check:
    [found] = channels.check_channels(env.installation(offline=offline))
    return found


def send(env: DoctorEnv) -> list[Check]:
    return list(channels.send_tests(env.installation(offline=False)))


def test_without_channels_there_is_nothing_to_check(env: DoctorEnv) -> None:
    assert list(channels.check_channels(env.installation())) == []
    [found] = send(env)
    assert (found.verdict, found.detail) == (Verdict.UNSURE, "no channel is configured")


def test_a_slack_channel_is_looked_up(env: DoctorEnv, fake_slack: FakeSlack) -> None:
    use(env, fake_slack, POST.format("C01TEAM"))
    found = check(env)
    assert (found.name, found.verdict) == ("channel slack", Verdict.OK)
    assert found.detail == "posts to #team (C01TEAM)"
    assert fake_slack.sent == []


def test_offline_no_channel_is_looked_up(env: DoctorEnv, fake_slack: FakeSlack) -> None:
    use(env, fake_slack, POST.format("C01TEAM"))
    assert check(env, offline=True).verdict is Verdict.OK
    assert fake_slack.requests == []


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"is_member": True, "is_archived": True}, "#team (C01TEAM) is archived"),
        ({"is_member": False, "is_archived": False}, "the app is not in #team (C01TEAM)"),
    ],
)
def test_a_slack_channel_that_takes_no_posts_fails_its_check(
    env: DoctorEnv, fake_slack: FakeSlack, shown: dict[str, bool], words: str
) -> None:
    use(env, fake_slack, POST.format("C01TEAM"))
    answer = json_response({"ok": True, "channel": {"name": "team", **shown}})
    fake_slack.fail(instead(answer, "info").on("conversations.info"))
    found = check(env)
    assert (found.verdict, found.detail) == (Verdict.FAILED, words)
    assert found.remedy


@pytest.mark.parametrize(
    ("scopes", "verdict", "words"),
    [
        (("chat:write", "channels:read", "groups:read"), Verdict.FAILED, "invite the app"),
        (("chat:write", "channels:read"), Verdict.UNSURE, "lacks the scope groups:read"),
        (("chat:write",), Verdict.OK, "cannot look up without the scope channels:read"),
        (("users:read",), Verdict.FAILED, "lacks the scope chat:write"),
    ],
)
def test_an_unknown_slack_channel_fails_its_check_if_the_app_may_look(
    env: DoctorEnv, scopes: tuple[str, ...], verdict: Verdict, words: str
) -> None:
    with FakeSlack(scopes=scopes) as slack:
        use(env, slack, POST.format("C99"))
        found = check(env)
    assert (found.verdict, words in found.detail) == (verdict, True)


def test_a_refused_or_missing_token_fails_its_check_without_the_token(
    env: DoctorEnv, fake_slack: FakeSlack
) -> None:
    use(env, fake_slack, POST.format("C01TEAM"), token="xoxb-MARKER")
    refused = check(env)
    env.write_config("", POST.format("C01TEAM"))
    missing = check(env)
    assert [refused.verdict, missing.verdict] == [Verdict.FAILED, Verdict.FAILED]
    assert "invalid_auth" in refused.detail
    assert "MARKER" not in str(refused)
    assert "set bot_token in the configuration" in missing.detail


def test_a_token_that_systemd_gives_to_the_service_cannot_be_seen(env: DoctorEnv) -> None:
    env.write_config("", POST.format("C01TEAM"))
    env.add_unit("LoadCredential=slack-bot-token:/etc/credstore/cldmon-slack")
    assert [each.verdict for each in (check(env), *send(env))] == [Verdict.UNSURE] * 2


def test_the_program_of_a_command_is_found_or_said_to_be_missing(env: DoctorEnv) -> None:
    env.data.mkdir()
    program = env.add_program("notify", "exit 0")
    for name in ("notify", str(program), "../bin/notify"):
        env.write_config("", RUN.format(name))
        assert check(env).verdict is Verdict.OK
    env.write_config("", RUN.format(program))
    program.write_bytes(b"#! /bin/sh\r\nexit 0\r\n")
    found = check(env)
    assert found.verdict is Verdict.FAILED
    assert found.detail == f"{program} is a script for '/bin/sh\\r', which was not found"
    program.chmod(0o644)
    found = check(env)
    assert (found.detail, found.remedy) == (f"{program} is not executable", f"chmod +x {program}")
    env.write_config("", RUN.format("/nonexistent/notify"))
    found = check(env)
    assert (found.verdict, found.detail) == (Verdict.FAILED, "/nonexistent/notify was not found")


def test_an_apprise_url_is_understood_or_a_cross_without_it(env: DoctorEnv) -> None:
    table = '[[notifications.channels]]\nname = "hook"\nurl_file = "hook-url"\n'
    env.write_config("", table)
    file = env.folder / "hook-url"
    found = []
    for url in ("json://127.0.0.1:9/MARKER", "nosuchservice://MARKER", "MARKER"):
        file.write_text(url)
        found.append(check(env))
    assert [each.verdict for each in found] == [Verdict.OK, Verdict.FAILED, Verdict.FAILED]
    assert found[0].name == "channel hook"
    assert "Apprise cannot use nosuchservice://" in found[1].detail
    assert "is not an Apprise URL" in found[2].detail
    assert "MARKER" not in str(found)


def test_a_file_of_a_url_that_others_can_read_fails_its_check(env: DoctorEnv) -> None:
    env.write_config("", '[[notifications.channels]]\nurl_file = "hook-url"\n')
    file = env.folder / "hook-url"
    file.write_text("json://x/")
    file.chmod(0o644)
    [found] = setup.check_permissions(env.installation())
    assert (found.verdict, str(file) in found.detail) == (Verdict.FAILED, True)


def test_an_owner_without_direct_messages_is_a_warning(env: DoctorEnv) -> None:
    env.config.write_text(env.config.read_text() + 'owner = "U0123"\n')
    found = check(env)
    assert (found.name, found.verdict) == ("owners", Verdict.UNSURE)
    assert "the owner of alice gets no warnings" in found.detail


def test_a_test_message_reaches_each_channel(
    env: DoctorEnv, fake_slack: FakeSlack, tmp_path: Path
) -> None:
    env.data.mkdir()
    program = env.add_program("notify", 'IFS= read -r line; printf %s "$line" >got.json')
    use(
        env,
        fake_slack,
        POST.format("C01TEAM") + RUN.format(program) + RUN.format("/nonexistent/notify"),
    )
    found = {each.name.removeprefix("test message to "): each for each in send(env)}
    assert {name: each.verdict for name, each in found.items()} == {
        "slack": Verdict.OK,
        "command": Verdict.OK,
        "command-2": Verdict.FAILED,
    }
    assert "/nonexistent/notify was not found" in found["command-2"].detail
    [sent] = fake_slack.sent
    assert sent.text.startswith("cldmon's alerts arrive here.")
    assert json.loads((env.data / "got.json").read_text())["event"] == "test"


def test_a_test_message_that_fails_says_why(env: DoctorEnv, fake_slack: FakeSlack) -> None:
    use(env, fake_slack, POST.format("C01TEAM"))
    fake_slack.fail(error("not_in_channel"))
    [found] = send(env)
    assert (found.verdict, "invite it" in found.detail) == (Verdict.FAILED, True)
    env.write_config("", RUN.format("/bin/true"))
    [found] = send(env)
    assert (found.verdict, found.remedy) == (Verdict.FAILED, "cldmon fetch")
