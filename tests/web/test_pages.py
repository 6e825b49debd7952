"""The dashboard's files: those that existed at the start, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cldmon.web.pages import load_pages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.in_process import InProcessServer


def test_files_are_served_by_their_place_and_kind(server: InProcessServer, tmp_path: Path) -> None:
    folder = tmp_path / "static"
    (folder / "parts").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "parts" / "chart.js").write_text("export {}")
    (folder / "notes.py").write_text("secret = 1")
    (folder / "README").write_text("secret")
    server.services = replace(server.services, pages=load_pages(folder))
    assert (server.ask("GET", "/").body, server.ask("GET", "/").header("Content-Type")) == (
        b"<!doctype html>",
        "text/html; charset=utf-8",
    )
    script = server.ask("GET", "/parts/chart.js")
    assert (script.body, script.header("Content-Type")) == (
        b"export {}",
        "text/javascript; charset=utf-8",
    )
    for path in ("/notes.py", "/README", "/parts", "/parts/", "/index.html"):
        assert server.ask("GET", path).status == 404


def test_a_file_is_sent_once_and_gzipped(server: InProcessServer, tmp_path: Path) -> None:
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "big.css").write_text("a{}" * 1000)
    server.services = replace(server.services, pages=load_pages(folder))
    got = server.ask("GET", "/big.css", headers={"Accept-Encoding": "gzip"})
    assert got.header("Content-Encoding") == "gzip"
    assert len(got.body) < 200
    again = server.ask("GET", "/big.css", headers={"If-None-Match": got.header("ETag") or ""})
    assert again.status == 304


def test_without_a_dashboard_the_api_is_there_all_the_same(tmp_path: Path) -> None:
    assert set(load_pages(tmp_path)) == {"/openapi.json"}
