"""Cloudflare's challenges, simulated: pages that a browser passes by itself, or does not."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from cldmon.demo.server import html_response, make_response

if TYPE_CHECKING:
    from cldmon.demo.server import Request, Response

CHALLENGE_PAGE = """<!doctype html><html lang="en-US"><meta charset="utf-8">
<title>Just a moment...</title><h1>claude.ai</h1>
<p>Verify you are human by completing the action below.</p></html>"""
SCRIPTS = "/cdn-cgi/challenge-platform/h/g/orchestrate/chl_page/"
_COOKIE = "cf_clearance"
_RELOAD_MS = 100


class Challenge(StrEnum):
    """What is asked of a browser before its requests are let through.

    A page whose script sets the clearance and reloads; one that never lets anybody through; one
    that waits for a person's click.
    """

    SCRIPT = "script"
    NEVER = "never"
    PERSON = "person"


def challenge_page(key: str, kind: Challenge) -> Response:
    """Return what a request of an account without clearance is answered with."""
    script = f'<script src="{SCRIPTS}{_clearance(key)}/{kind}.js"></script>'
    page = CHALLENGE_PAGE.replace("</html>", f"<button>Verify</button>{script}</html>")
    return add_challenge_headers(html_response(page, 403))


def challenge_script(value: str, kind: str) -> Response:
    """Return the script of such a page."""
    clear = f"document.cookie = '{_cookie(value)}'; location.reload();"
    scripts = {
        Challenge.SCRIPT: f"setTimeout(() => {{ {clear} }}, {_RELOAD_MS});",
        Challenge.PERSON: f"document.querySelector('button').onclick = () => {{ {clear} }};",
        Challenge.NEVER: "",
    }
    return make_response(scripts[Challenge(kind)], "text/javascript")


def clearance_cookie(key: str) -> str:
    """Return the Set-Cookie value with an account's clearance, which its requests need."""
    return _cookie(_clearance(key))


def is_cleared(request: Request) -> bool:
    """Return whether a request comes with the clearance of its account."""
    return request.cookie(_COOKIE) == _clearance(request.key or "")


def add_challenge_headers(page: Response) -> Response:
    """Return a page with the header lines of a challenge."""
    return page.with_headers(("cf-mitigated", "challenge"), ("Server", "cloudflare"))


def _cookie(value: str) -> str:
    return f"{_COOKIE}={value}; Max-Age=86400; Path=/"


def _clearance(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:16]
