"""Secrets: values that must not be shown."""

from __future__ import annotations

import re
from typing import NoReturn, final

REPORT_TOKEN = "cldmon-report-"  # noqa: S105 - what a token begins with
"""How a token for `POST /api/report` begins."""

_BARE = r"sid\d\d-(?![\w-])"
_LOOKS_SECRET = re.compile(
    rf"sk-ant-(?!{_BARE})[\w-]+|xox[a-z](?:\.xox[a-z])?-[\w.-]+|xapp-[\w-]+"
    rf"|{REPORT_TOKEN}[\w-]{{32,}}"
)
"""A prefix with nothing after it is not a secret: advice mentions it."""
_COOKIE = re.compile(
    r"""(?:sessionKey(?:V3)?\s*[=:]\s*)?["']?(sk-ant-[\w-]+)["']?\s*;?""", re.ASCII
)

_WRONG_TOKENS = {
    "xoxp-": "is a user token (xoxp-)",
    "xapp-": "is an app-level token (xapp-)",
    "xoxe": "is a token of an app with token rotation (xoxe), which expires",
    "http://": "is a URL",
    "https://": "is a URL, for example of a webhook",
}


@final
class Secret:
    """A key, token or password: equal by value, masked wherever it is printed.

    It can't be pickled or written as JSON; only `reveal` returns its text.
    """

    __slots__ = ("_text",)
    _text: str

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)

    def reveal(self) -> str:
        """Return the secret text itself."""
        return self._text

    def mask_in(self, text: str) -> str:
        """Return a text from outside, which may quote this secret, with it masked."""
        return text.replace(self._text, str(self))

    def fingerprint(self) -> str:
        """Return 16 hex digits that identify this secret without revealing it."""
        import hashlib

        return hashlib.sha256(self._text.encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __str__(self) -> str:
        return "**********"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret is frozen")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret is frozen")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret can't be pickled or copied")


def unwrap_session_key(text: str) -> str:
    """Return the session key in a text that someone copied; the text itself if there is none.

    Browsers show it with the name of its cookie, `sessionKey=…` or `sessionKeyV3=…`.
    """
    found = _COOKIE.fullmatch(text.strip())
    return found[1] if found else text.strip()


def find_wrong_token(token: str) -> str | None:
    """Return what other kind of Slack credential a text is than a bot token, or None."""
    for prefix, kind in _WRONG_TOKENS.items():
        if token.startswith(prefix):
            return (
                f"{kind}, not a bot token: copy the Bot User OAuth Token, which begins with"
                " xoxb-, from OAuth & Permissions of the Slack app"
            )
    return None


def looks_secret(text: str) -> bool:
    """Return whether a text contains something that looks like a key or token."""
    return _LOOKS_SECRET.search(text) is not None


def mask_secrets(text: str) -> str:
    """Return a text in which everything that looks like a key or token is masked."""
    return _LOOKS_SECRET.sub("**********", text)
