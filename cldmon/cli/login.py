"""`cldmon login`: a new session key for an account."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cldmon.cli.complete import complete_labels
from cldmon.cli.output import print_message
from cldmon.domain.key_age import KEY_LIFE
from cldmon.domain.secret import Secret, unwrap_session_key
from cldmon.errors import LoginError, UsageError

if TYPE_CHECKING:
    from cldmon.app.app import App
    from cldmon.claude.login import SignIn

LONGEST_LINE = 1 << 16
_HOW_TO_SIGN_IN = """\
By e-mail: enter the six-digit code that you receive. It is valid for ten minutes; wait before you
request another. Google may refuse a new browser for 48 hours."""


@click.command("login")
@click.argument("label", shell_complete=complete_labels)
@click.option("--paste", is_flag=True, help="Read the key from stdin; on a terminal, without echo.")
@click.option("--add", is_flag=True, help="Add the account if the configuration lacks it.")
@click.option("--no-check", is_flag=True, help="Store the key without trying it first.")
@click.pass_obj
def command(app: App, label: str, paste: bool, add: bool, no_check: bool) -> None:
    """Get a session key for account LABEL and store it where the configuration says.

    Opens a browser window at claude.ai and waits until you have signed in, for example by e-mail
    with the six-digit code, which is valid for ten minutes. If that is impossible (no display, or
    Google refuses the new browser, for up to 48 hours), sign in with any browser, copy the value of
    claude.ai's cookie sessionKey, and use --paste.
    """
    if label not in app.outline.labels and not add:
        _ask_to_add(app, label)
    from cldmon.claude.cookie_store import CookieStore
    from cldmon.config.write import find_key_place

    place = find_key_place(app.read_config(), app.config_path, label, app.env)
    found = _read_pasted_key(label) if paste else _open_sign_in(app, label)
    plan = "" if no_check else _check_key(app, label, found)
    place.store(found.key)
    if found.clearance:
        # With these, passes get past Cloudflare's challenges as the person's browser did.
        CookieStore(app.data_dir / "browser", label, found.key).save(found.clearance)
    until = (app.now() + KEY_LIFE).astimezone()
    click.echo(f"{f'{label} ({plan})' if plan else label}: key stored in {place.path}")
    click.echo(
        f"A key may stop working {KEY_LIFE.days} days after the sign-in:"
        f" if that was now, from {until:%d %b %Y}.",
        err=True,
    )


def _ask_to_add(app: App, label: str) -> None:
    if not sys.stdin.isatty():
        known = ", ".join(app.outline.labels) or "none"
        raise UsageError(f"no account {label!r} in the config (it has: {known}); --add adds it")
    if not click.confirm(f"{app.config_path} has no account {label!r}. Add it?", err=True):
        raise LoginError("no account was added")


def _read_pasted_key(label: str) -> SignIn:
    from cldmon.claude.login import SignIn

    if sys.stdin.isatty():
        text = click.prompt(f"Session key of {label} (not shown)", hide_input=True, err=True)
    else:
        text = sys.stdin.buffer.readline(LONGEST_LINE).decode(errors="replace")
    return SignIn(_parse_key(text.strip(), "what was pasted"))


def _open_sign_in(app: App, label: str) -> SignIn:
    from cldmon.claude.login import sign_in

    def on_open() -> None:
        click.echo(f"Sign in to claude.ai as {label} in the window that opened.", err=True)
        click.echo(_HOW_TO_SIGN_IN, err=True)

    config = app.read_config()
    found = sign_in(app.build_browser_settings(config), config.claude_url, app.env, on_open)
    return replace(found, key=_parse_key(found.key.reveal(), "what the service gave"))


def _parse_key(text: str, what: str) -> Secret:
    from cldmon.config.secrets import find_key_problem

    key = unwrap_session_key(text)
    if problem := find_key_problem(key) if key else "is empty: nothing was stored":
        raise LoginError(f"{what} {problem}")
    return Secret(key)


def _check_key(app: App, label: str, found: SignIn) -> str:
    """Return the plan of the account that the key opens; raise LoginError if it opens none.

    If the service can't be reached, only warn.
    """
    import tempfile

    from cldmon.claude.cookie_store import CookieStore
    from cldmon.claude.login import check_key
    from cldmon.domain.model import Failure, FailureKind
    from cldmon.domain.ports import ReadRequest
    from cldmon.terminal.times import format_failure

    config = app.read_config()
    account = config.account(label)
    request = ReadRequest(label, found.key, account.organization if account else None)
    # Use a separate cookie folder and browser: a pass may be running.
    with tempfile.TemporaryDirectory(prefix="cldmon-login-") as folder:
        CookieStore(Path(folder), label, found.key).save(found.clearance)
        result = check_key(app.build_source(config, Path(folder)), request, app.new_key_pauses)
    if not isinstance(result, Failure):
        return result.organization.plan
    if result.kind in (FailureKind.KEY_EXPIRED, FailureKind.WRONG_ORGANIZATION):
        raise LoginError(f"not stored: {result.message} (--no-check stores it anyway)")
    print_message(f"the key could not be checked: {format_failure(result, app.now(), None)}")
    return ""
