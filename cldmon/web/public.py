"""The URL under which browsers reach the dashboard, where a proxy gives it another than its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """`host` is in lower case and without brackets; `path` begins and ends with a slash."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return an http(s) URL that ends in a slash."""
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
        return cls(parts.scheme, parts.hostname or "", port, parts.path)

    @property
    def is_tls(self) -> bool:
        """Whether browsers come by https."""
        return self.scheme == "https"

    def strip_path(self, path: str) -> str:
        """Return a path as the server has it: a proxy may have left the public one in it."""
        return path[len(self.path) - 1 :] if path.startswith(self.path) else path
