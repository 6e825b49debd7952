"""Reads accounts as the browser does, without one: for thousands of passes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from cldmon.claude import errors, usage
from cldmon.claude.errors import (
    AccountError,
    HttpResponse,
    OrganizationRefusedError,
    no_organization,
)
from cldmon.claude.organization import find_candidates, list_chat_organizations
from cldmon.domain.model import Failure, FailureKind
from cldmon.domain.ports import ReadResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from cldmon.domain.ports import Lookup, Organization, ReadRequest

    Ask = Callable[[str, str], HttpResponse]

ORGANIZATIONS = "/api/organizations"


class PlainSource:
    """A `Source`; `ask` takes a path and a session key to the service and back."""

    def __init__(self, ask: Ask, now: Callable[[], datetime]) -> None:
        self._ask = ask
        self._now = now

    def read(
        self, lookups: Mapping[str, Lookup], done: Callable[[str], None]
    ) -> Mapping[str, ReadResult | Failure]:
        """Ask for one account after the other."""
        results: dict[str, ReadResult | Failure] = {}
        for label, lookup in lookups.items():
            question = lookup.result()
            try:
                results[label] = question if isinstance(question, Failure) else self._hold(question)
            except AccountError as outcome:
                results[label] = outcome.failure
            done(label)
        return results

    def _hold(self, question: ReadRequest) -> ReadResult:
        if question.remembered:
            try:
                return self._usage(question, question.remembered, looked_up=False)
            except AccountError as outcome:
                if outcome.failure.kind is not FailureKind.WRONG_ORGANIZATION:
                    raise
        listed = self._json(question, ORGANIZATIONS)
        if not isinstance(listed, list):
            raise AccountError(FailureKind.NOT_UNDERSTOOD, "no list of organizations")
        for organization in find_candidates(listed, configured=question.organization):
            with suppress(OrganizationRefusedError):
                return self._usage(question, organization, looked_up=True)
        raise no_organization(question.organization, list_chat_organizations(listed))

    def _usage(
        self, question: ReadRequest, organization: Organization, *, looked_up: bool
    ) -> ReadResult:
        body = self._json(question, f"{ORGANIZATIONS}/{organization.uuid}/usage")
        reading = usage.parse(body, taken_at=self._now(), organization=organization)
        if reading is None:
            raise AccountError(FailureKind.NOT_UNDERSTOOD, "no usage in it")
        return ReadResult(reading, organization, looked_up)

    def _json(self, question: ReadRequest, path: str) -> object:
        return errors.parse_response(self._ask(path, question.key.reveal()), now=self._now())
