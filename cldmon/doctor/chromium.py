"""The browser: which one it is, and whether it starts here."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.config.locate import FILE_NAME
from cldmon.config.schema import Config
from cldmon.doctor.check import bad, good
from cldmon.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cldmon.claude.source import BrowserSource
    from cldmon.doctor.check import Check
    from cldmon.doctor.patient import Patient

_INSTALL = "apt-get install chromium-headless-shell, or set browser.executable"
POINTER = "; `cldmon doctor` tells more"
_MOST_WORDS = 3


def found(patient: Patient) -> Iterator[Check]:
    """Look which browser a pass would start."""
    try:
        yield good("browser", _source(patient, Path()).executable)
    except BrowserError as error:
        yield bad("browser", str(error), _INSTALL)


def starts(patient: Patient) -> Iterator[Check]:
    """Start it, as a pass does, and look which version answers."""
    with tempfile.TemporaryDirectory(prefix="cldmon-doctor-") as folder:
        yield started(_source(patient, Path(folder)))


def started(source: BrowserSource) -> Check:
    """Start a browser and end it."""
    try:
        version = source.version()
    except BrowserError as error:
        return bad("browser start", _why(error), "mend that; nothing can be read without a browser")
    sandbox = "in its sandbox" if source.sandboxed else "without its sandbox"
    return good("browser start", f"version {version}, {sandbox}")


def _source(patient: Patient, folder: Path) -> BrowserSource:
    """Return the browser of the configuration; where that is no good, the one without settings."""
    if patient.config:
        return patient.app.source(patient.config, folder)
    # A path that is named is taken as it is, so that none has to be found.
    named = replace(patient.app, config_path_option=Path(FILE_NAME))
    return named.source(Config(), folder)


def _why(error: BrowserError) -> str:
    """Return our words for it, and the browser's own last ones."""
    said = re.findall(r"\[err\] (.*)", str(error.__cause__))
    words = [" ".join(line.split()) for line in said if line.strip()][-_MOST_WORDS:]
    return " | ".join([str(error).removesuffix(POINTER), *words])
