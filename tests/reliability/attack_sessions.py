"""Attacks on logins: cookies forged, fixed, replayed and guessed, codes and tokens guessed."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from itsdangerous import NoneAlgorithm, URLSafeSerializer, URLSafeTimedSerializer

from cldmon.web.one_time_codes import DIGITS
from cldmon.web.revocations import LIFETIME, Revocations
from cldmon.web.sessions import RENEW_AFTER, Sessions, load_session_secret
from tests.fakes import Clock
from tests.reliability.result import LetInError, Result
from tests.simulation.slack import PEOPLE, FakeSlack
from tests.web.in_process import API_TOKEN, COOKIE, SCOPE, InProcessServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.simulation.http_client import Got
    from tests.web.in_process import Client

ALICE, BOB = PEOPLE[0].id, PEOPLE[1].id
MINUTE = timedelta(minutes=1)
_LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
"""Of base64: the one 32 places on differs in the highest of its bits."""

MOST_GUESSES = 145
"""How many of a person's codes can be guessed within a day, from however many addresses."""


def run_cases(folder: Path, guesses: int) -> Iterator[Result]:
    """Make every attack, and so many guesses of each kind."""
    for number, attack in enumerate(ATTACKS):
        login: Literal["open", "code"] = "code" if attack is guess_codes else "open"
        with (
            FakeSlack() as slack,
            InProcessServer(folder / str(number), Clock(), slack=slack, login=login) as server,
        ):
            server.passed()
            yield attack(server, guesses)


def forge_cookies(server: InProcessServer, guesses: int) -> Result:
    """All but the altered ones say that Alice is logged in and has proved it, for a year."""
    result = Result("forged session cookies: no or another algorithm, salt, secret, name or port")
    for name, cookie in _forgeries(server):
        with result.case(name):
            _keep_out(_usage(server, f"{COOKIE}={cookie}"))
    real = _open_session(server).cookie.partition("=")[2]
    for at in range(len(real)):
        with result.case(f"a real one, its letter {at} changed"):
            other = _LETTERS[(_LETTERS.find(real[at]) + 32) % 64]
            _keep_out(_usage(server, f"{COOKIE}={real[:at]}{other}{real[at + 1 :]}"))
        with result.case(f"a real one, cut to {at}"):
            _keep_out(_usage(server, f"{COOKIE}={real[:at]}"))
    return result


def _forgeries(server: InProcessServer) -> Iterator[tuple[str, str]]:
    secret = load_session_secret(server.data_dir).reveal()
    body = [
        "u1",
        ALICE,
        "Alice",
        True,
        int((server.clock() + timedelta(days=365)).timestamp() * 1000),
    ]
    text = json.dumps(body, separators=(",", ":")).encode()
    payload = base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    packed = "." + base64.urlsafe_b64encode(zlib.compress(text)).rstrip(b"=").decode()
    for name, unsigned in (("", payload), ("packed", packed), ("of a bomb", _bomb())):
        for signature in ("", ".", ".none", ".null", "." + "A" * 43, ".=", "." + "A" * 5000):
            yield f"payload {name} with signature {signature[:8]!r}", unsigned + signature
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    yield "a JWT without an algorithm", f"{header}.{payload}."
    ours: dict[str, Any] = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    salt = f"cldmon session {COOKIE}"
    for name, key, salted, how in (
        ("no secret", "", salt, ours),
        ("the Node program's default", "cldmon-secret-change-me", salt, ours),
        ("the salt as the secret", salt, salt, ours),
        ("no algorithm", secret, salt, {**ours, "algorithm": NoneAlgorithm()}),
        ("SHA-1", secret, salt, {**ours, "digest_method": hashlib.sha1}),
        ("SHA-512", secret, salt, {**ours, "digest_method": hashlib.sha512}),
        ("the library's own derivation", secret, salt, {"digest_method": hashlib.sha256}),
        ("no derivation", secret, salt, {**ours, "key_derivation": "none"}),
        ("a concatenation", secret, salt, {**ours, "key_derivation": "concat"}),
        ("the library's own salt", secret, "itsdangerous", ours),
        ("no name in the salt", secret, "cldmon session", ours),
        ("another port", secret, "cldmon session cldmon-sid-3001", ours),
        ("a secret in upper case", secret.upper(), salt, ours),
    ):
        yield name, _text(URLSafeSerializer(key, salt=salted, signer_kwargs=how).dumps(body))
    timed = URLSafeTimedSerializer(secret, salt=salt, signer_kwargs=ours)
    yield "a time in it", _text(timed.dumps(body))
    signer = URLSafeSerializer(secret, salt=salt, signer_kwargs=ours)
    bodies: tuple[object, ...] = (
        [],
        {},
        None,
        body[:4],
        [*body, 1, 1],
        [*body[:4], "x"],
        [*body[:4], 1e400],
        [1, 2, 3, 4, []],
    )
    for odd in bodies:
        yield f"a body that is none: {odd}"[:60], _text(signer.dumps(odd))


def _bomb() -> str:
    return "." + base64.urlsafe_b64encode(zlib.compress(b" " * 3_000_000)).rstrip(b"=").decode()


def fix_sessions(server: InProcessServer, guesses: int) -> Result:
    """Who gives a victim a cookie, or learns the one they had, is not in after their login."""
    result = Result("session fixation before a login")
    guest = _open_session(server, "").cookie
    for name, planted in (
        ("a guest's", guest),
        ("made up", f"{COOKIE}=chosen"),
        ("twice", f"{guest}; {guest}"),
    ):
        with result.case(name):
            got = server.ask(
                "POST", "/api/auth", {"slackId": ALICE}, _from_anywhere({"Cookie": planted})
            )
            fresh = (got.header("Set-Cookie") or "").partition(";")[0]
            assert got.status == 200
            assert fresh not in planted
            if ALICE in _usage(server, planted).body.decode():
                raise LetInError(planted)
    return result


def replay_sessions(server: InProcessServer, guesses: int) -> Result:
    result = Result("cookies used after logout, restart, expiry or a changed secret")

    other = Sessions(
        load_session_secret(server.data_dir),
        Revocations(server.data_dir, server.clock),
        server.clock,
    )

    def logged_out(browser: Client) -> None:
        browser.post_json("/api/logout")

    def logged_out_after_a_renewal(browser: Client) -> None:
        server.clock.tick(2 * RENEW_AFTER)
        renewed = browser.get("/api/usage").header("Set-Cookie")
        assert renewed
        logged_out(browser)

    def restarted_since(browser: Client) -> None:
        logged_out(browser)
        server.restart()

    def set_back_since(browser: Client) -> None:
        logged_out(browser)
        server.clock.tick(-MINUTE)

    def ended_by_another_server(browser: Client) -> None:
        session = other.read(browser.cookie, SCOPE)
        assert session
        other.end(session)

    def expired(_: Client) -> None:
        server.clock.tick(LIFETIME)

    def signed_by_an_old_secret(_: Client) -> None:
        (server.data_dir / "session-secret").unlink()
        server.restart()

    for end in (
        logged_out,
        logged_out_after_a_renewal,
        restarted_since,
        set_back_since,
        ended_by_another_server,
        expired,
        signed_by_an_old_secret,
    ):
        browser = _open_session(server)
        cookie = browser.cookie
        assert _usage(server, cookie).status == 200
        end(browser)
        for way in (cookie, f"a=b; {cookie}; c=d", f"{cookie}; {cookie}", f"{COOKIE}=x; {cookie}"):
            with result.case(end.__name__):
                _keep_out(_usage(server, way))
    return result


def misspell(server: InProcessServer, guesses: int) -> Result:
    result = Result("cookies and tokens in other spellings, paths in other letter cases")
    cookie = _open_session(server).cookie
    name, _, value = cookie.partition("=")
    for odd in (
        f"{name.upper()}={value}",
        f"{name.title()}={value}",
        f'{name}="{value}"',
        f"{name} ={value}x",
        f"{name}={value.swapcase()}",
        f"{name}={value}!",
        f"{name}={value}.",
        f"{name}=%{value}",
        f"$Version=1; {name}1={value}",
        f"{name[:-1]}={value}",
        f"cldmon-sid-3001={value}",
        value,
        f"x{name}={value}",
        f"{name}[]={value}",
        f"{name},x={value}",
        f"__Host-{name}={value}",
    ):
        with result.case(odd[:40]):
            _keep_out(_usage(server, odd))
    for token in (
        API_TOKEN.upper(),
        API_TOKEN[:-1],
        API_TOKEN + "x",
        f'"{API_TOKEN}"',
        f"{API_TOKEN},x",
        "",
        f"x {API_TOKEN}",
        "null",
        "\u017f",
        API_TOKEN[::-1],
    ):
        with result.case(f"Bearer {token[:20]}"):
            headers = {"Authorization": f"Bearer {token}".encode().decode("latin-1")}
            _keep_out(server.ask("GET", "/api/usage", headers=headers))
    for path in (
        "/API/usage",
        "/api/Usage",
        "/api/usage/",
        "//api/usage",
        "/api//usage",
        "/api/usage.json",
        "/api/./usage",
        "/api/usage%20",
        "/api/usage?",
        "/metrics",
        "/api/history",
        "/METRICS",
    ):
        with result.case(path):
            assert server.ask("GET", path).status in (401, 404)
    return result


def overreach(server: InProcessServer, guesses: int) -> Result:
    result = Result("guests and users who try to reach another person's data")
    guest, alice = _open_session(server, ""), _open_session(server)
    wish = {"label": "alice", "key": "limitHit", "enabled": True}
    additions: tuple[dict[str, object], ...] = (
        {},
        {"user": BOB},
        {"slackId": BOB},
        {"users": {BOB: {}}},
        {"proved": True},
        {"__proto__": 1},
    )
    for more in additions:
        with result.case(f"a guest's subscription with {more}"):
            if guest.post_json("/api/subscriptions", {**wish, **more}).status != 403:
                raise LetInError(more)
        with result.case(f"another's subscription with {more}"):
            assert alice.post_json("/api/subscriptions", {**wish, **more}).status == 200
            if BOB in (server.data_dir / "subscriptions.json").read_text("utf-8"):
                raise LetInError(more)
    for label in (
        "../alice",
        "alice\0",
        "ALICE",
        "",
        " alice",
        "*",
        "__proto__",
        "constructor",
        "alice/../bob",
    ):
        with result.case(f"the account {label!r}"):
            assert alice.post_json("/api/subscriptions", {**wish, "label": label}).status == 404
    for flags in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"):
        with result.case(f"a cookie without {flags}"):
            got = server.ask("POST", "/api/auth", {"slackId": ALICE}, _from_anywhere({}))
            line = got.header("Set-Cookie") or ""
            assert flags in line
            assert "domain" not in line.lower()
    with result.case("a cookie that goes over plain HTTP, though its page came by TLS"):
        headers = _from_anywhere({"X-Forwarded-Proto": "https"})
        line = (
            server.ask("POST", "/api/auth", {"slackId": ALICE}, headers).header("Set-Cookie") or ""
        )
        assert line.endswith("; Secure")
    return result


def guess_cookies(server: InProcessServer, guesses: int) -> Result:
    """The odds of one guess are 1 in 2^256, and a guest's cookie gives no hint."""
    result = Result("guessed session cookies (1 in 2^256) and API tokens")
    dice = random.Random(7)  # noqa: S311 - the same guesses each time
    payload = _open_session(server).cookie.partition("=")[2].rpartition(".")[0]
    for _ in range(guesses):
        signature = base64.urlsafe_b64encode(dice.randbytes(32)).rstrip(b"=").decode()
        with result.case(signature):
            _keep_out(_usage(server, f"{COOKIE}={payload}.{signature}"))
        token = dice.randbytes(12).hex()
        with result.case(token):
            _keep_out(server.ask("GET", "/api/usage", headers={"Authorization": f"Bearer {token}"}))
    return result


def guess_codes(server: InProcessServer, guesses: int) -> Result:
    """A day of guessing one person's code, each guess from an address of its own, codes renewed."""
    result = Result("login codes guessed for a day: at most 145 guesses count, odds 1 in 690,000")
    heard = 0
    for number in range(guesses):
        server.clock.tick(timedelta(days=1) / (guesses + 1))
        address = {"X-Forwarded-For": f"198.18.{number // 250}.{number % 250}"}
        server.ask("POST", "/api/auth", {"slackId": ALICE}, address)
        with result.case(f"guess {number}"):
            code = f"{number:0{DIGITS}}"
            got = server.ask("POST", "/api/auth", {"slackId": ALICE, "code": code}, address)
            heard += "wrong code" in got.json["error"]
            _keep_out(got)
            if heard > MOST_GUESSES:
                raise LetInError(f"{heard} guesses were heard")
    return result


ATTACKS: tuple[Callable[[InProcessServer, int], Result], ...] = (
    forge_cookies,
    fix_sessions,
    replay_sessions,
    misspell,
    overreach,
    guess_cookies,
    guess_codes,
)


def _usage(server: InProcessServer, cookie: str) -> Got:
    return server.ask("GET", "/api/usage", headers={"Cookie": cookie})


def _keep_out(got: Got) -> None:
    if got.status not in (400, 401, 429):
        raise LetInError(f"{got.status} {got.body[:80]!r}")


def _open_session(server: InProcessServer, user: str = ALICE) -> Client:
    server.clock.tick(MINUTE)  # so that the number of logins slows nobody down
    return server.logged_in(user)


def _from_anywhere(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "X-Forwarded-For": f"198.19.{random.randrange(250)}.1"}  # noqa: S311 - no secret


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()
