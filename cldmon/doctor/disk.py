"""The data folder: who may use it, what it holds, and how much room there is."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shlex
import stat
import tempfile
from typing import TYPE_CHECKING

from cldmon.app import parts
from cldmon.config import locate
from cldmon.config.installed import is_same
from cldmon.doctor.check import fail, ok, warn
from cldmon.errors import StoreError
from cldmon.store import HEALTH_LOG, PASS_LOCK
from cldmon.store.history import day_path
from cldmon.store.state import StateCorruptError, StateFile
from cldmon.store.subscriptions import SubscriptionsFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from cldmon.app import App
    from cldmon.config.installed import FetchService
    from cldmon.doctor.check import Check
    from cldmon.doctor.installation import Installation

LEAST_BYTES = 100_000_000
"""Free space below which a browser or a day of history may not fit."""

LEAST_INODES = 1_000

MOST_NAMED = 3
"""So many files in the same trouble are named; the rest is counted."""


def data_dir(installation: Installation) -> Iterator[Check]:
    """Look whether the data folder is there, ours, writable and private."""
    folder = installation.data_dir
    if folder is None:
        return
    if not folder.exists():
        yield _absent(folder, installation.app)
    elif is_read_only(os.statvfs(folder)):
        remedy = "mount it so that it can be written to, or set data_dir to another folder"
        yield fail("data folder", f"{folder} is on a file system that is mounted read-only", remedy)
    elif not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield fail(
            "data folder", f"{folder} is not writable by user {_user(os.geteuid())}", _mend(folder)
        )
    elif stat.S_IMODE(folder.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        remedy = f"chmod 700 {shlex.quote(str(folder))}"
        yield fail("data folder", f"others than its owner may open {folder}", remedy)
    elif folder.stat().st_uid != os.geteuid():
        owner = _user(folder.stat().st_uid)
        remedy = f"run it as that user: sudo -u {owner} cldmon doctor"
        yield warn("data folder", f"{folder} belongs to {owner}", remedy)
    else:
        yield ok("data folder", str(folder))
    yield from _kept_elsewhere(installation, folder)


def is_read_only(found: os.statvfs_result) -> bool:
    """Return whether nobody, not even root, can write to a file system."""
    return bool(found.f_flag & os.ST_RDONLY)


def files(installation: Installation) -> Iterator[Check]:
    """Look whether every file in the data folder can be read and written, as a pass has to."""
    folder = installation.data_dir
    if folder is None or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return
    found = sorted([*folder.glob("*"), *folder.glob("browser/*")])
    foreign = [path for path in found if not os.access(path, os.R_OK | os.W_OK)]
    links = [path for path in _appended(folder, installation.app.now()) if path.is_symlink()]
    for path in foreign[:MOST_NAMED]:
        yield fail("files", f"{path} cannot be read and written", _mend(path))
    if more := foreign[MOST_NAMED:]:
        detail = f"{len(more)} more in {folder} cannot be read and written"
        yield fail("files", detail, f"fix them, too, or all at once: {_mend_all(folder)}")
    for path in links:
        remedy = "put the file itself there: what is written follows no link"
        yield fail("files", f"{path} is a symbolic link", remedy)
    if not foreign and not links:
        yield ok("files", f"{len(found)} in the data folder, all readable and writable")


def space(installation: Installation) -> Iterator[Check]:
    """Look whether there is room for the data."""
    if installation.data_dir:
        there = _nearest(installation.data_dir)
        yield room("disk space", str(there), os.statvfs(there))


def temporary(_patient: Installation) -> Iterator[Check]:
    """Look whether there is room for what a browser needs while it runs."""
    try:
        place = tempfile.gettempdir()
    except OSError:
        detail = "no temporary folder can be written to"
        yield fail("temporary space", detail, "free some space in /tmp, or set TMPDIR to a folder")
        return
    yield room("temporary space", place, os.statvfs(place))


def room(name: str, place: str, found: os.statvfs_result) -> Check:
    """Return whether a file system has bytes and inodes left."""
    free = found.f_bavail * found.f_frsize
    detail = f"{free / 1e6:,.0f} MB free at {place}"
    if free < LEAST_BYTES:
        return fail(name, f"only {detail}", "free some space; history_keep_days bounds the history")
    if found.f_files > 0 and found.f_favail < LEAST_INODES:
        detail = f"only {found.f_favail} inodes free at {place}"
        return fail(name, detail, "remove small files there: the file system can hold no more")
    return ok(name, detail)


def textfile(installation: Installation) -> Iterator[Check]:
    """Look whether the folder of the Prometheus textfile is there and writable."""
    app, config = installation.app, installation.config
    path = parts.textfile(config, app.env, app.config_folder) if config else None
    if path is None:
        return
    closed = [each for each in installation.services if not each.may_write(path.parent)]
    for service in closed:
        detail = f"{service.path.name} may not write to {path.parent}"
        yield fail("metrics textfile", detail, f"bring it up to date: {_install(service)}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        detail = f"{path.parent} is not writable by user {_user(os.geteuid())}"
        yield fail("metrics textfile", detail, opened_to_us(path.parent))
    elif not closed:
        yield ok("metrics textfile", str(path))


def state(installation: Installation) -> Iterator[Check]:
    """Look whether what the last pass left can be read."""
    if installation.data_dir is None or not installation.data_dir.exists():
        return
    try:
        StateFile(installation.data_dir).load()
    except StateCorruptError as error:
        yield fail("state", str(error), "the next pass puts it aside and begins a new one")
    except StoreError as error:
        yield fail("state", str(error), _mend(installation.data_dir / "state.json"))
    else:
        yield ok("state", "state.json can be read")


def subscriptions(installation: Installation) -> Iterator[Check]:
    """Look whether it can be read who wants to be told."""
    if installation.data_dir is None:
        return
    try:
        users = SubscriptionsFile(installation.data_dir).load().users
    except StoreError as error:
        remedy = "repair it by hand, or move it away; everybody then has to subscribe again"
        yield fail("subscriptions", str(error), remedy)
    else:
        yield ok("subscriptions", f"{len(users)} Slack user(s)")


def _appended(folder: Path, now: datetime) -> list[Path]:
    """Return the files that are written in place, never through a link."""
    names = (PASS_LOCK, "subscriptions.lock", HEALTH_LOG)
    return [*(folder / name for name in names), day_path(folder, now.date())]


def opened_to_us(folder: Path) -> str:
    """Return what lets us write to a folder that stays somebody else's."""
    quoted, group = shlex.quote(str(folder)), _group(os.getegid())
    if not folder.exists():
        return f"sudo install -d -m 775 -g {group} {quoted}"
    return f"sudo chgrp {group} {quoted} && sudo chmod g+w {quoted}"


def _kept_elsewhere(installation: Installation, ours: Path) -> Iterator[Check]:
    """Yield what makes passes of this configuration that keep their data in another folder."""
    path, config = installation.config_path, installation.config
    if path is None or config is None:
        return
    kept = [
        (each.path.name, each.data_dir(config.data_dir, path), _install(each))
        for each in installation.services
    ]
    kept += [
        (where, each.data_dir, "cldmon schedule cron --install")
        for where, each in installation.crontab_calls
        if each.data_dir
    ]
    for what, folder, command in kept:
        if not is_same(folder, ours):
            detail = f"passes of {what} keep their data in {folder}, and this is {ours}"
            wanted = f"data_dir = {json.dumps(str(folder), ensure_ascii=False)}"
            remedy = f"set {wanted} in {path}; or, to use this folder from now on: {command}"
            yield fail("data folder", detail, remedy)


def _install(service: FetchService) -> str:
    """Return the command that brings the units of a service up to date."""
    sudo, user = ("", " --user") if service.of_user else ("sudo ", "")
    name = f" --name {service.name}" if service.name else ""
    return f"{sudo}cldmon schedule systemd{user}{name} --install"


def _absent(folder: Path, app: App) -> Check:
    parent = _nearest(folder)
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        locate.require_data_dir(folder, app.data_dir_option, app.env)
        return warn("data folder", f"{folder} is not there yet", "the first pass makes it")
    detail = f"{folder} is not there, and {parent} is not ours to make it in"
    return fail("data folder", detail, f"make it, or set data_dir, or: {_mend(parent)}")


def _nearest(path: Path) -> Path:
    """Return the path or the closest folder above it that is there."""
    return next(place for place in (path, *path.parents) if place.exists())


def _mend(path: Path) -> str:
    quoted = shlex.quote(str(path))
    if path.exists() and path.stat().st_uid != os.geteuid():
        return f"give it back: sudo chown {_user(os.geteuid())} {quoted}"
    return f"check its owner and mode: ls -ld {quoted}"


def _mend_all(folder: Path) -> str:
    return f"sudo chown -R {_user(os.geteuid())} {shlex.quote(str(folder))}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
