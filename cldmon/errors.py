"""The errors: one base class; each class owns its exit code.

The command line maps them in one place
(`cldmon.cli.main`): the message goes to stderr as one line, the code to the shell.
"""

from __future__ import annotations


class CldmonError(Exception):
    """Something went wrong that the user can fix.

    The message says in one line what is wrong and what to do next, and holds no secret.
    """

    exit_code = 1


class UsageError(CldmonError):
    """Invalid arguments or options."""

    exit_code = 2


class ConfigError(CldmonError):
    """The configuration is missing, unreadable or invalid."""

    exit_code = 2


class ConfigAccessError(ConfigError):
    """This user may not read the configuration, or may not look for it."""


class SecretError(CldmonError):
    """A secret could not be read from its configured place."""


class StoreError(CldmonError):
    """A file in data_dir could not be read or written."""


class SubscriptionsCorruptError(StoreError):
    """subscriptions.json is corrupt; it is left as it is."""


class BrowserError(CldmonError):
    """No browser could be found or started."""


class ImportFailedError(CldmonError):
    """The files of the Node version cannot be imported."""


class LoginError(CldmonError):
    """Nobody signed in, or the session key does not work."""


class ScheduleError(CldmonError):
    """Passes could not be scheduled, or their schedule is not cldmon's to change."""


class BusyError(CldmonError):
    """Another pass holds the lock."""

    exit_code = 75


class SlackError(CldmonError):
    """Slack did not do what was asked."""


class ServerError(CldmonError):
    """A running `cldmon serve` did not give the answer that `--server` needs."""


class ServerRefusedError(ServerError):
    """It refuses the request, or is not cldmon: asking again does not help."""


class ReportError(CldmonError):
    """Usage could not be reported to a server."""


class PassFailedError(CldmonError):
    """A pass ended with too few accounts read."""
