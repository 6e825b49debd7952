"""A throwaway certificate, and a browser that trusts its key and no other.

The product has no switch that would weaken TLS: here the browser is a script of the bench, which
starts the real one with the fingerprint of this one key.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """A certificate for 127.0.0.1 and its key, in a folder."""

    folder: Path

    def context(self) -> ssl.SSLContext:
        """Return what a server needs to show it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
        return context

    def trusting(self, browser: str) -> str:
        """Return the path of a program that is that browser, and takes this certificate."""
        flag = f"--ignore-certificate-errors-spki-list={self._fingerprint()}"
        path = self.folder / "trusting-browser"
        path.write_text(f'#!/bin/sh\nexec {shlex.quote(browser)} {flag} "$@"\n')
        path.chmod(0o755)
        return str(path)

    def _fingerprint(self) -> str:
        public = _openssl("pkey", "-in", self.folder / "key.pem", "-pubout", "-outform", "DER")
        return base64.b64encode(hashlib.sha256(public).digest()).decode()


def certificate(folder: Path) -> Certificate:
    """Make one, valid for a day."""
    _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", folder / "key.pem", "-out", folder / "cert.pem"),
    )
    return Certificate(folder)


def _openssl(*arguments: str | Path) -> bytes:
    return subprocess.run(["openssl", *arguments], capture_output=True, check=True).stdout
