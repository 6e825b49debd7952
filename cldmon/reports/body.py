"""A report as JSON: what is sent, dropped into the folder, and kept. Checked by pydantic."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cldmon.domain.instants import from_iso
from cldmon.domain.labels import MAX_LENGTH
from cldmon.domain.model import Window
from cldmon.domain.percent import parse_percentage
from cldmon.domain.reports import MAX_WINDOWS, Report, to_json
from cldmon.domain.text import is_printable
from cldmon.domain.windows import is_well_formed
from cldmon.errors import CldmonError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_MACHINES = 8
"""Reports by other machines that are kept beside the newest one."""


_PLAIN = re.compile(r"[\w .+()·-]*")
"""What the names of models and surfaces are made of."""


class InvalidReportError(CldmonError):
    """Something that was reported is not a report. The message names the key, never a value."""


def _parse_instant(value: object) -> datetime:
    if instant := from_iso(value):
        return instant
    raise ValueError("expected a time such as 2026-11-22T12:00:00.000Z")


def _parse_percent(value: object) -> int:
    percent = parse_percentage(value)
    if percent is None:
        raise ValueError("expected a percentage, 0 to 100")
    return percent


def _check_window_name(name: str) -> str:
    # It enters messages to other people, and some services let a text mention everybody.
    if not (is_well_formed(name) and _PLAIN.fullmatch(name)):
        raise ValueError("expected the name of a window, such as fiveHour")
    return name


def _check_line(text: str) -> str:
    if not text.strip() or not is_printable(text):
        raise ValueError("expected printable text")
    return text


Instant = Annotated[datetime, BeforeValidator(_parse_instant)]


class _Model(BaseModel):
    # A newer cldmon may send more keys; they are neither used nor kept.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, hide_input_in_errors=True)


class _Window(_Model):
    name: Annotated[str, Field(max_length=200), AfterValidator(_check_window_name)]
    utilization: Annotated[int, BeforeValidator(_parse_percent)]
    resetsAt: Instant | None = None  # noqa: N815 - a key of the JSON


def _check_distinct(windows: list[_Window]) -> list[_Window]:
    if len({window.name for window in windows}) < len(windows):
        raise ValueError("expected each window once")
    return windows


class _Body(_Model):
    version: Literal[1]
    account: Annotated[str, Field(max_length=MAX_LENGTH), AfterValidator(_check_line)]
    machine: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    readAt: Instant  # noqa: N815
    sentAt: Instant  # noqa: N815
    windows: Annotated[
        list[_Window], Field(min_length=1, max_length=MAX_WINDOWS), AfterValidator(_check_distinct)
    ]
    accountHash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None  # noqa: N815

    def report(self) -> Report:
        windows = {each.name: Window(each.utilization, each.resetsAt) for each in self.windows}
        return Report(
            self.account, self.machine, self.readAt, self.sentAt, windows, self.accountHash
        )


class _File(_Body):
    others: Annotated[list[_Body], Field(max_length=MAX_MACHINES)] = Field(default_factory=list)


Body = TypeVar("Body", bound=_Body)


def parse(text: bytes) -> Report:
    """Return the report in a body; raises InvalidReportError."""
    return _validate(_Body, text).report()


def parse_file(text: bytes) -> tuple[Report, ...]:
    """Return the reports in a file, the newest first; raises InvalidReportError."""
    body = _validate(_File, text)
    return (body.report(), *(other.report() for other in body.others))


def encode(reports: Sequence[Report]) -> bytes:
    """Return the file of an account: the first report as it is sent, with the others in it."""
    newest, *others = map(to_json, reports)
    body = {**newest, "others": others} if others else newest
    return json.dumps(body, ensure_ascii=False).encode() + b"\n"


def _validate(model: type[Body], text: bytes) -> Body:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        # Without its cause: pydantic's error carries the values.
        raise InvalidReportError(_describe(error)) from None


def _describe(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    if detail["type"] == "json_invalid":
        return "it is not JSON"
    key = ".".join(map(str, detail["loc"]))
    if detail["type"] == "missing":
        return f"{key} is missing"
    text = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    text = text if text.startswith("expected ") else f"expected {text[:1].lower()}{text[1:]}"
    return f"{key}: {text}" if key else text
