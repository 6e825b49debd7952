"""The people who get alerts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the Slack workspace: id, user name, full name, display name.

    `timezone` is the IANA name in the profile, empty if unknown.
    """

    id: str
    name: str
    real_name: str = ""
    display_name: str = ""
    timezone: str = ""

    def __str__(self) -> str:
        shown = self.real_name or self.display_name
        return f"{shown} (@{self.name}, {self.id})" if shown else f"@{self.name} ({self.id})"
