"""The files of the dashboard, read once: no other file is ever served."""

from __future__ import annotations

from pathlib import Path

from cldmon.web.http import Document

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_HERE = Path(__file__).parent


def load_pages(folder: Path = _HERE / "static") -> dict[str, Document]:
    """Return the dashboard's files and the API description by path.

    The index is the page at `/`. Only files of the types in `KINDS` are served.
    """
    pages = {"/openapi.json": Document((_HERE / "openapi.json").read_bytes())}
    for file in folder.rglob("*"):
        if file.suffix in KINDS and file.is_file():
            path = f"/{file.relative_to(folder).as_posix()}"
            pages[path.removesuffix("index.html")] = Document(file.read_bytes(), KINDS[file.suffix])
    return pages
