"""The data folder: who can use it, what it contains, and how much space there is."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shlex
import stat
import tempfile
from typing import TYPE_CHECKING

from cldmon.config import locate
from cldmon.config.installed import is_same_file
from cldmon.doctor.check import fail, fail_to_load, ok, warn
from cldmon.errors import StoreError
from cldmon.store.data_dir import HEALTH_LOG, PASS_LOCK
from cldmon.store.history import get_day_path
from cldmon.store.state import StateCorruptError
from cldmon.store.subscriptions import SubscriptionsFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cldmon.config.installed import FetchService
    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation

MIN_FREE_BYTES = 100_000_000
"""Below this, a browser or a day of history may not fit."""

MIN_FREE_INODES = 1_000

MAX_LISTED_FILES = 3
"""Of the files with the same problem, this many are listed; the others are counted."""


def check_data_dir(installation: Installation) -> Iterator[Check]:
    """Check that the data folder exists, belongs to us, and is writable and private."""
    folder, app = installation.data_dir, installation.app
    if folder is None:
        return
    if not folder.exists():
        parent = _find_existing(folder)
        if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
            locate.require_data_dir(folder, app.data_dir_option, app.env)
            yield warn("data folder", f"{folder} does not exist yet", "run: cldmon fetch")
        else:
            detail = f"{folder} does not exist, and {parent} is {_describe_not_writable()}"
            user, quoted = _get_user_name(os.geteuid()), shlex.quote(str(folder))
            remedy = f"set data_dir, or create it: sudo install -d -m 700 -o {user} {quoted}"
            yield fail("data folder", detail, remedy)
    elif is_read_only(os.statvfs(folder)):
        remedy = "remount it read-write, or set data_dir to another folder"
        yield fail("data folder", f"{folder} is on a read-only file system", remedy)
    elif not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        remedy = _describe_fix(folder)
        if (owner := folder.stat().st_uid) != os.geteuid():
            remedy = f"{_suggest_user(owner)}; or {remedy}"
        yield fail("data folder", f"{folder} is {_describe_not_writable()}", remedy)
    elif (mode := stat.S_IMODE(folder.stat().st_mode)) & (stat.S_IRWXG | stat.S_IRWXO):
        detail = f"{folder} is accessible to other users (mode {mode:04o})"
        yield fail("data folder", detail, f"chmod 700 {shlex.quote(str(folder))}")
    elif folder.stat().st_uid != os.geteuid():
        owner = folder.stat().st_uid
        detail = f"{folder} belongs to {_get_user_name(owner)}"
        yield warn("data folder", detail, _suggest_user(owner))
    else:
        yield ok("data folder", str(folder))


def is_read_only(file_system: os.statvfs_result) -> bool:
    """Return whether a file system is mounted read-only."""
    return bool(file_system.f_flag & os.ST_RDONLY)


def check_data_of_passes(installation: Installation) -> Iterator[Check]:
    """Check that scheduled passes of this configuration use the same data folder."""
    ours, path, config = installation.data_dir, installation.config_path, installation.config
    if ours is None or path is None or config is None:
        return
    scheduled = [
        (each.path.name, each.data_dir(config.data_dir, path), _format_schedule_command(each))
        for each in installation.services
    ]
    scheduled += [
        (crontab, call.data_dir, "cldmon schedule cron")
        for crontab, call in installation.crontab_calls
        if call.data_dir
    ]
    for name, folder, command in scheduled:
        if not is_same_file(folder, ours):
            setting = f"data_dir = {json.dumps(str(folder), ensure_ascii=False)}"
            yield fail(
                "data folder",
                f"the passes of {name} store their data in {folder}, not in {ours}",
                f"set {setting} in {path}; or, to use {ours} from now on, run:"
                f" {command} --uninstall && {command} --install",
            )


def check_files(installation: Installation) -> Iterator[Check]:
    """Check that a pass can read and write every file in the data folder."""
    folder = installation.data_dir
    if folder is None or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return
    found = sorted([*folder.glob("*"), *folder.glob("browser/*")])
    inaccessible = [path for path in found if not os.access(path, os.R_OK | os.W_OK)]
    for path in inaccessible[:MAX_LISTED_FILES]:
        yield fail("files", f"{path} is not readable and writable", _describe_fix(path))
    if others := len(inaccessible[MAX_LISTED_FILES:]):
        detail = f"{others} more in {folder} are not readable and writable"
        chown = f"sudo chown -R {_get_user_name(os.geteuid())} {shlex.quote(str(folder))}"
        yield fail("files", detail, f"fix them too, or all at once: {chown}")
    appended = [folder / name for name in (PASS_LOCK, "subscriptions.lock", HEALTH_LOG)]
    appended.append(get_day_path(folder, installation.app.now().date()))
    links = [path for path in appended if path.is_symlink()]
    for path in links:
        remedy = "put the file itself there: cldmon does not write through links"
        yield fail("files", f"{path} is a symbolic link", remedy)
    if not inaccessible and not links:
        yield ok("files", f"{len(found)} in the data folder, all readable and writable")


def check_space(installation: Installation) -> Iterator[Check]:
    """Check that there is space for the data."""
    if installation.data_dir:
        folder = _find_existing(installation.data_dir)
        yield check_room("disk space", str(folder), os.statvfs(folder))


def check_temporary_space(_installation: Installation) -> Iterator[Check]:
    """Check that there is space for the temporary files of a browser."""
    try:
        folder = tempfile.gettempdir()
    except OSError:
        remedy = "free up space in /tmp, or set TMPDIR to a folder"
        yield fail("temporary space", "no temporary folder is writable", remedy)
    else:
        yield check_room("temporary space", folder, os.statvfs(folder))


def check_room(name: str, folder: str, file_system: os.statvfs_result) -> Check:
    """Check that a file system has bytes and inodes left."""
    free, inodes = file_system.f_bavail * file_system.f_frsize, file_system.f_favail
    detail = f"{free / 1e6:,.0f} MB free at {folder}"
    if free < MIN_FREE_BYTES:
        remedy = "free up space; history_keep_days limits the history"
        return fail(name, f"only {detail}", remedy)
    # A file system that does not count inodes reports 0 of 0.
    if file_system.f_files > 0 and inodes < MIN_FREE_INODES:
        detail = f"only {inodes} inodes free at {folder}"
        return fail(name, detail, "remove small files there")
    return ok(name, detail)


def check_textfile(installation: Installation) -> Iterator[Check]:
    """Check that passes can write the Prometheus textfile."""
    app, config = installation.app, installation.config
    if config is None or config.metrics.textfile is None:
        return
    path = app.resolve(config.metrics.textfile)
    blocked = [each for each in installation.services if not each.may_write(path.parent)]
    for service in blocked:
        detail = f"{service.path.name} cannot write to {path.parent}"
        command = _format_schedule_command(service)
        yield fail("metrics textfile", detail, f"update it: {command} --install")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        detail = f"{path.parent} is {_describe_not_writable()}"
        yield fail("metrics textfile", detail, grant_group_access(path.parent))
    elif not blocked:
        yield ok("metrics textfile", str(path))


def grant_group_access(folder: Path) -> str:
    """Return the command that lets our group write to a folder, whose owner stays the same."""
    quoted, gid = shlex.quote(str(folder)), os.getegid()
    try:
        group = grp.getgrgid(gid).gr_name
    except KeyError:
        group = str(gid)
    if not folder.exists():
        return f"sudo install -d -m 775 -g {group} {quoted}"
    return f"sudo chgrp {group} {quoted} && sudo chmod g+w {quoted}"


def check_state(installation: Installation) -> Iterator[Check]:
    """Check that the state that the last pass saved is readable."""
    if installation.open_data_dir is None or not installation.open_data_dir.exists():
        return
    match installation.saved_state:
        case StateCorruptError() as error:
            remedy = "run: cldmon fetch, which sets it aside and starts a new one"
            yield fail("state", str(error), remedy)
        case StoreError() as error:
            yield fail_to_load("state", error, "update cldmon, if it is older than that file")
        case _:
            yield ok("state", "state.json is readable")


def check_subscriptions(installation: Installation) -> Iterator[Check]:
    """Check that the alert subscriptions are readable."""
    if installation.open_data_dir is None:
        return
    try:
        subscriptions = SubscriptionsFile(installation.open_data_dir).load()
    except StoreError as error:
        remedy = "repair it by hand, or move it away; then everyone has to subscribe again"
        yield fail_to_load("subscriptions", error, remedy)
        return
    for problem in subscriptions.problems:
        remedy = "correct it in subscriptions.json; everything else in the file counts"
        yield warn("subscriptions", problem, remedy)
    if not subscriptions.problems:
        yield ok("subscriptions", f"{len(subscriptions.users)} Slack user(s)")


def _format_schedule_command(service: FetchService) -> str:
    """Return the command that manages the units of a service, without its action."""
    sudo, user = ("", " --user") if service.of_user else ("sudo ", "")
    name = f" --name {service.name}" if service.name else ""
    return f"{sudo}cldmon schedule systemd{user}{name}"


def _find_existing(path: Path) -> Path:
    """Return the path or the closest folder above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def _describe_not_writable() -> str:
    return f"not writable by user {_get_user_name(os.geteuid())}"


def _suggest_user(uid: int) -> str:
    return f"run this as that user: sudo -u {_get_user_name(uid)} cldmon doctor"


def _describe_fix(path: Path) -> str:
    """Return how to get access to a file or folder."""
    quoted = shlex.quote(str(path))
    if path.exists() and path.stat().st_uid != os.geteuid():
        return f"change its owner: sudo chown {_get_user_name(os.geteuid())} {quoted}"
    return f"check its owner and mode: ls -ld {quoted}"


def _get_user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
