"""The files of the dashboard, read once: no other file is ever served."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from cldmon.web.http import JSON, Document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": JSON,
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_INDEX = "index.html"


def load_pages(folder: Traversable | None = None) -> dict[str, Document]:
    """Return the dashboard's files and the API description by path.

    The index is the page at `/`. Only files of the types in `KINDS` are served.
    """
    here = files(__package__)
    found = {"/openapi.json": Document(here.joinpath("openapi.json").read_bytes())}
    for path, file in _files(folder or here.joinpath("static")):
        found[path.removesuffix(_INDEX)] = Document(file.read_bytes(), KINDS[_suffix(path)])
    return found


def _files(folder: Traversable, above: str = "/") -> Iterator[tuple[str, Traversable]]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{above}{entry.name}/")
        elif _suffix(entry.name) in KINDS:
            yield above + entry.name, entry


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
