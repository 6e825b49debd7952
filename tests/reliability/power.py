"""What a disk may hold after the power went: of all that was not synced, any part.

A command is recorded; then its calls are played onto a model of the disk that knows what was synced
when. After each call the power may go: of the writes whose file, and the names whose folder, nobody
has synced since, each may be there or not, in any combination, and a write by half.
"""

from __future__ import annotations

import itertools
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.reliability.kernel import tracer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.env import Env

Image = frozenset[tuple[str, bytes]]
"""The files of a data_dir: path below it, and content."""

COMPILED = "compiled"
"""Where the driver keeps its code: it writes there by itself, and never syncs."""

_CALLS = ("openat", "write", "fsync", "fdatasync", "ftruncate", "rename", "unlink", "mkdir")
_THREAD = re.compile(r"^\d+ +")
"""What a tracer that follows threads writes before each call."""
_LINE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)")
_FILE = re.compile(r"^\d+<((?:\\x[0-9a-f]{2})+)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_MOST_LOOSE = 6


@dataclass(frozen=True)
class Call:
    """A call that succeeded: its name, the path that it concerns, a second path or bytes."""

    name: str
    path: str = ""
    data: bytes = b""
    flags: str = ""


@dataclass(frozen=True)
class Power:
    """A moment at which the power may go: `images` are what the disk may hold then.

    `sent` counts the messages that Slack had been told.
    """

    after: str
    sent: int
    images: frozenset[Image]


@dataclass
class _Change:
    """A change that is in memory: of a file's bytes from `offset` on, or of names."""

    inode: int = -1
    offset: int = 0
    data: bytes = b""
    names: dict[str, int | None] = field(default_factory=dict)
    synced: bool = False

    def halved(self) -> _Change:
        return _Change(self.inode, self.offset, self.data[: len(self.data) // 2])


def record(env: Env, log: Path, *command: str, under: Sequence[str] = ()) -> list[Call]:
    """Run a command and return its calls that change data_dir, in order.

    `under` are more words for strace, such as a rule that kills.
    """
    env.run(*command, under=[*recorder(log), *under])
    return parse_log(env, log)


def recorder(log: Path) -> list[str]:
    """Return the command that records the calls of another one for `parse_log`."""
    return [*tracer(_CALLS, (), log), "-y", "-xx", "-s", "1000000"]


def parse_log(env: Env, log: Path) -> list[Call]:
    """Return the recorded calls that change data_dir, in order."""
    lines = (_THREAD.sub("", line) for line in log.read_text("ascii").splitlines())
    return [call for call in map(_parse, lines) if call and _ours(env, call.path)]


def _ours(env: Env, path: str) -> bool:
    near = path == str(env.data.parent) or Path(path).is_relative_to(env.data)
    return near and not path.endswith(".lock") and COMPILED not in Path(path).parts


def _parse(line: str) -> Call | None:
    match = _LINE.match(line)
    if not match or int(match[3]) < 0:
        return None
    name, rest = match[1], match[2]
    texts = [_bytes(text) for text in _TEXT.findall(rest)]
    file = _FILE.match(rest)
    if file:
        return Call(name, _bytes(file[1]).decode(), texts[0] if texts else b"")
    second = texts[1] if len(texts) > 1 else b""
    return Call(name, texts[0].decode(), second, flags=rest.rpartition('"')[2])


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


class Disk:
    """The model: `base` is what was there, and safe, before the first call."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._inodes = itertools.count()
        self._changes: list[_Change] = []
        self._names: dict[str, int] = {}
        self._sizes: dict[int, int] = {}
        self._saves = 0
        for folder in (data.parent, data):
            if folder.is_dir():
                self._make(str(folder), synced=True)
        for path in sorted(data.rglob("*")):
            if COMPILED in path.parts:
                continue
            self._make(str(path), path.read_bytes() if path.is_file() else b"", synced=True)

    def play(self, calls: Sequence[Call], seed: int = 0) -> Iterator[Power]:
        """Yield what a loss of power may leave after each of the calls."""
        rng = random.Random(seed)  # noqa: S311 - a sample, no secret
        for number, call in enumerate(calls):
            self._apply(call)
            after = f"call {number} ({call.name} {call.path.rpartition('/')[2]})"
            # The first save is the commit, and each later one strikes off a message that was sent.
            sent = max(0, self._saves - 1)
            yield Power(after, sent, frozenset(self._images(rng)))

    def whole(self) -> Image:
        """Return what programs see, synced or not: what a kill leaves."""
        return self._image(self._changes)

    def _make(self, path: str, content: bytes = b"", *, synced: bool = False) -> int:
        inode = next(self._inodes)
        self._sizes[inode] = len(content)
        self._names[path] = inode
        self._changes.append(_Change(names={path: inode}, synced=synced))
        if content:
            self._changes.append(_Change(inode, 0, content, synced=synced))
        return inode

    def _apply(self, call: Call) -> None:
        if call.name in ("openat", "mkdir"):
            makes = call.name == "mkdir" or "O_CREAT" in call.flags
            if makes and call.path not in self._names:
                self._make(call.path)
                self._saves += call.path.endswith("/.state.json.tmp")
        elif call.name == "unlink":
            del self._names[call.path]
            self._changes.append(_Change(names={call.path: None}))
        elif call.name == "rename":
            target, inode = call.data.decode(), self._names.pop(call.path)
            self._names[target] = inode
            self._changes.append(_Change(names={call.path: None, target: inode}))
        elif call.name == "write":
            # All that is written whole begins empty, and a log is appended to.
            inode = self._names[call.path]
            self._changes.append(_Change(inode, self._sizes[inode], call.data))
            self._sizes[inode] += len(call.data)
        elif call.name in ("fsync", "fdatasync"):
            self._sync(call.path)
        else:
            raise AssertionError(f"the model knows no {call.name}")

    def _sync(self, path: str) -> None:
        inode = self._names[path]
        for change in self._changes:
            folders = {str(Path(name).parent) for name in change.names}
            change.synced |= change.inode == inode or folders == {path}

    def _images(self, rng: random.Random) -> Iterator[Image]:
        loose = [change for change in self._changes if not change.synced]
        for kept in _parts(loose, rng):
            yield self._image([c for c in self._changes if c.synced or any(c is k for k in kept)])
        for torn in (change for change in loose if len(change.data) > 1):
            for others in ([], [c for c in loose if c is not torn]):
                there = [c for c in self._changes if c.synced or any(c is o for o in others)]
                yield self._image([*there, torn.halved()])

    def _image(self, changes: Sequence[_Change]) -> Image:
        names: dict[str, int] = {}
        contents: dict[int, bytearray] = {}
        for change in changes:
            for name, inode in change.names.items():
                if inode is None:
                    names.pop(name, None)
                else:
                    names[name] = inode
            if change.data:
                content = contents.setdefault(change.inode, bytearray())
                end = change.offset + len(change.data)
                content.extend(bytes(max(0, end - len(content))))
                content[change.offset : end] = change.data
        folders = {str(path) for path in self._data.parents}
        there = set(folders)
        for name in sorted(names):
            if str(Path(name).parent) in there:
                there.add(name)
        return frozenset(
            (str(Path(name).relative_to(self._data)), bytes(contents.get(inode, b"")))
            for name, inode in names.items()
            if name in there and Path(name).suffix
        )


def _parts(loose: list[_Change], rng: random.Random) -> Iterator[Sequence[_Change]]:
    """Yield every combination of few changes; of many all, none, each alone, all but one, some."""
    if len(loose) <= _MOST_LOOSE:
        for size in range(len(loose) + 1):
            yield from itertools.combinations(loose, size)
        return
    yield from (loose, [])
    yield from ([change] for change in loose)
    yield from ([c for c in loose if c is not left] for left in loose)
    yield from (rng.sample(loose, rng.randrange(len(loose))) for _ in range(len(loose)))


def put(image: Image, folder: Path) -> Path:
    """Write an image to a folder, and return it."""
    folder.mkdir(mode=0o700)
    for name, content in sorted(image):
        path = folder / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)
    return folder
