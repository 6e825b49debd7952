"""Only `reveal` returns the text of a secret."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.secret import Secret, looks_secret, mask_secrets, unwrap_session_key

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = "sk-ant-sid01-MARKER"


@dataclass(frozen=True)
class Holder:
    secret: Secret


def test_a_secret_gives_its_text_on_request_only() -> None:
    secret = Secret(TEXT)
    assert secret.reveal() == TEXT
    shown = (str(secret), repr(secret), f"{secret}", repr(Holder(secret)), repr([secret]))
    assert not any("MARKER" in text for text in shown)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f" {TEXT}\n",
        f"sessionKey={TEXT}",
        f"sessionKeyV3={TEXT}",
        f"sessionKeyV3 = {TEXT};",
        f'sessionKey:"{TEXT}"',
        f"sessionKey='{TEXT}' ;",
        f'"{TEXT}"',
    ],
)
def test_a_session_key_is_taken_out_of_its_cookie(text: str) -> None:
    assert unwrap_session_key(text) == TEXT


@pytest.mark.parametrize(
    "text", ["", "hello", f"other={TEXT}", f"sessionKey={TEXT}; a=b", f"sessionKeyLC={TEXT}"]
)
def test_other_text_is_returned_unchanged(text: str) -> None:
    assert unwrap_session_key(text) == text


@pytest.mark.parametrize("take", [pickle.dumps, copy.deepcopy, copy.copy, json.dumps, vars])
def test_a_secret_is_not_serialised_by_accident(take: Callable[[object], object]) -> None:
    with pytest.raises(TypeError) as caught:
        take(Secret(TEXT))
    assert "MARKER" not in str(caught.value)


def test_a_dataclass_with_a_secret_cannot_be_converted_to_a_dict() -> None:
    with pytest.raises(TypeError):
        asdict(Holder(Secret(TEXT)))


def test_secrets_are_compared_by_value_and_identified_by_fingerprint() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"
    assert Secret("a").fingerprint() == Secret("a").fingerprint() != Secret("b").fingerprint()
    assert Secret("").fingerprint() == "e3b0c44298fc1c14"


def test_a_secret_is_frozen() -> None:
    secret = Secret(TEXT)
    with pytest.raises(AttributeError):
        secret._text = "other"
    with pytest.raises(AttributeError):
        del secret._text
    assert secret.reveal() == TEXT


@pytest.mark.parametrize("text", [TEXT, "xoxb-1-MARKER", "xoxe.xoxp-1-MARKER", "xapp-1-MARKER"])
def test_what_looks_like_a_secret_is_struck_out_of_a_text(text: str) -> None:
    assert looks_secret(f"see {text}!")
    assert mask_secrets(f"see {text}!") == "see **********!"
    assert not looks_secret("/etc/cldmon/alice.key")


@pytest.mark.parametrize("prefix", ["sk-ant-sid01-", "sk-ant-sid02-, copy", "xoxb- and", "sk-ant-"])
def test_a_prefix_alone_is_not_a_secret(prefix: str) -> None:
    """Advice mentions how a key begins."""
    advice = f"one starts with {prefix}"
    assert mask_secrets(advice) == advice
    assert not looks_secret(advice)
