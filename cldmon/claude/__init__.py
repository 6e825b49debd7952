"""Reads claude.ai with a real browser."""

import os

# Set for another program, these make Playwright print all that it sends, session keys included,
# or show windows. It reads some of them when it is imported.
for _name in ("DEBUG", "DEBUGP", "DEBUG_FILE", "PWDEBUG"):
    os.environ.pop(_name, None)
