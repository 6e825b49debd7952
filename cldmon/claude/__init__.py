"""Reads claude.ai with a real browser."""

import os

# These make Playwright print everything it sends, session keys included, or show windows. It reads
# some of them on import.
for _name in ("DEBUG", "DEBUGP", "DEBUG_FILE", "PWDEBUG"):
    os.environ.pop(_name, None)
