"""`cldmon login`: a new session key for an account."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cldmon.cli import complain
from cldmon.cli.complete import account_labels
from cldmon.domain.key_age import KEY_LIFE
from cldmon.domain.secret import Secret, unwrap_session_key
from cldmon.errors import LoginError, UsageError

if TYPE_CHECKING:
    from cldmon.app import App
    from cldmon.claude.login import SignIn
    from cldmon.config.edit import KeyPlace

LONGEST_LINE = 1 << 16
_HOW_TO_SIGN_IN = """\
By e-mail, type the six-digit code that you are sent. It is valid for ten minutes; another one
is sent only after a pause. In a new browser the Google button may be refused for 48 hours."""


@click.command("login")
@click.argument("label", shell_complete=account_labels)
@click.option("--paste", is_flag=True, help="Read the key from stdin; on a terminal without echo.")
@click.option("--add", is_flag=True, help="Add the account if the configuration lacks it.")
@click.option("--no-check", is_flag=True, help="Store the key without asking the service with it.")
@click.pass_obj
def command(app: App, label: str, paste: bool, add: bool, no_check: bool) -> None:
    """Get a session key for account LABEL and store it where the configuration says.

    Opens a browser window at claude.ai and waits until somebody has signed in there, for example by
    e-mail with the six-digit code, which is valid for ten minutes. Where that is not possible (no
    display, or a sign-in that refuses this window, as Google's may for 48 hours), sign in with any
    browser, copy the value of the cookie sessionKey of claude.ai, and use --paste.
    """
    if label not in app.outline.labels and not add:
        _ask_to_add(app, label)
    place = app.key_place(label)
    found = _pasted(label) if paste else _signed_in(app, label)
    plan = "" if no_check else _checked(app, label, found)
    place.store(found.key)
    app.keep_clearance(label, found)
    _report(app, place, plan)


def _ask_to_add(app: App, label: str) -> None:
    if not sys.stdin.isatty():
        known = ", ".join(app.outline.labels) or "none"
        raise UsageError(f"no account {label!r} in the config (it has: {known}); --add adds it")
    if not click.confirm(f"{app.config_path} has no account {label!r}. Add it?", err=True):
        raise LoginError("no account was added")


def _pasted(label: str) -> SignIn:
    from cldmon.claude.login import SignIn

    if sys.stdin.isatty():
        text = click.prompt(f"Session key of {label} (is not shown)", hide_input=True, err=True)
    else:
        text = sys.stdin.buffer.readline(LONGEST_LINE).decode(errors="replace")
    return SignIn(_shaped(text.strip(), "what was pasted"))


def _signed_in(app: App, label: str) -> SignIn:
    opened = f"Sign in to claude.ai as {label} in the window that opened.\n{_HOW_TO_SIGN_IN}"
    found = app.sign_in(lambda: _tell(opened))
    return replace(found, key=_shaped(found.key.reveal(), "what the service gave"))


def _shaped(text: str, what: str) -> Secret:
    from cldmon.config.secrets import key_problem

    key = unwrap_session_key(text)
    if problem := key_problem(key) if key else "is empty: nothing is stored":
        raise LoginError(f"{what} {problem}")
    return Secret(key)


def _checked(app: App, label: str, found: SignIn) -> str:
    """Return the plan that the key opens; raises LoginError if it is no good.

    Where the service cannot be asked now, the key is stored and that is said.
    """
    from cldmon.domain.model import Failure, FailureKind
    from cldmon.terminal.times import format_failure

    answer = app.check_key(label, found)
    if not isinstance(answer, Failure):
        return answer.organization.plan
    if answer.kind in (FailureKind.KEY_EXPIRED, FailureKind.WRONG_ORGANIZATION):
        raise LoginError(f"not stored: {answer.message} (--no-check stores it all the same)")
    complain(f"the key could not be checked: {format_failure(answer, app.now(), None)}")
    return ""


def _report(app: App, place: KeyPlace, plan: str) -> None:
    until = (app.now() + KEY_LIFE).astimezone()
    who = f"{place.label} ({plan})" if plan else place.label
    click.echo(f"{who}: key stored in {place.path}")
    _tell(
        "From 28 days after the sign-in on it may stop working any day:"
        f" if that was now, from {until:%d %b %Y}."
    )


def _tell(line: str) -> None:
    click.echo(line, err=True)
