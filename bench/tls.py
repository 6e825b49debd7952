"""A throwaway certificate, and a browser that trusts its key and no other.

cldmon has no option that weakens TLS. Here the browser is a script that starts the real one with
the fingerprint of this key.
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
        """Return the TLS context of a server that uses it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
        return context

    def write_trusting_browser(self, browser: str) -> str:
        """Write a script that starts a browser which accepts this certificate; return its path."""
        flag = f"--ignore-certificate-errors-spki-list={self._fingerprint()}"
        path = self.folder / "trusting-browser"
        path.write_text(f'#!/bin/sh\nexec {shlex.quote(browser)} {flag} "$@"\n')
        path.chmod(0o755)
        return str(path)

    def _fingerprint(self) -> str:
        public = _openssl("pkey", "-in", self.folder / "key.pem", "-pubout", "-outform", "DER")
        return base64.b64encode(hashlib.sha256(public).digest()).decode()


def create_certificate(folder: Path) -> Certificate:
    """Create a certificate that is valid for a day."""
    _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", folder / "key.pem", "-out", folder / "cert.pem"),
    )
    return Certificate(folder)


def _openssl(*arguments: str | Path) -> bytes:
    return subprocess.run(["openssl", *arguments], capture_output=True, check=True).stdout
