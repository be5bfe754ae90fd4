"""The texts of source files: found by the path in the line tables, in folders that somebody names, beside the guest."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from emu.errors import EmuError
from mectui.render.text import printable

LARGEST = 1 << 23
"""Bytes of a source file; what is larger is none."""
MOST_LINES = 1 << 18
MOST_WALKED = 50_000
"""Files of a folder that are looked through for one that lies elsewhere in it than in the tree it was built in."""
TAB = 8
LONGEST = 1_000
"""Characters of a line."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A source file's lines, fit for a terminal."""

    path: Path
    lines: tuple[str, ...]

    def line(self, number: int) -> str | None:
        """From 1; None beyond the end: this is another version of the file."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else None


class SourceFiles:
    """Looks for source files, once each. Nothing but regular files is opened, whatever a guest's tables name."""

    def __init__(self, folders: Iterable[str | Path] = ()) -> None:
        """Raises EmuError where one of `folders` is none."""
        self._folders: list[Path] = []
        self._found: dict[tuple[str, tuple[Path, ...]], SourceText | None] = {}
        self._names: dict[Path, dict[str, list[Path]]] = {}
        for folder in folders:
            self.add(folder)

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(self._folders)

    def add(self, folder: str | Path) -> Path:
        """One folder more, looked in before all others. Raises EmuError."""
        path = Path(folder)
        try:
            path = path.expanduser().absolute()
            is_folder = path.is_dir()
        except (OSError, ValueError, RuntimeError):
            is_folder = False
        if not is_folder:
            raise EmuError(f"there is no folder {str(folder)[:200]}: name the one that the guest's sources are in")
        self._folders = [path, *(known for known in self._folders if known != path)]
        self._found.clear()
        return path

    def find(self, path: str, beside: Sequence[Path] = ()) -> SourceText | None:
        """The text of the file that a line table calls `path`; `beside` are the folders of the guest's images."""
        key = path, tuple(beside)
        if key not in self._found:
            self._found[key] = next(
                (text for place in self._candidates(path, beside) if (text := _read(place)) is not None), None
            )
        return self._found[key]

    def _candidates(self, path: str, beside: Sequence[Path]) -> Iterator[Path]:
        if not path or "\0" in path:
            return
        endings = _endings(path)
        for folder in self._folders:
            yield from (folder / ending for ending in endings)
        if path.startswith("/") or path[1:3] == ":/":
            yield Path(path)
        for folder in dict.fromkeys(beside):
            yield from (folder / ending for ending in endings)
        for folder in self._folders:
            yield from self._elsewhere(folder, path)

    def _elsewhere(self, folder: Path, path: str) -> list[Path]:
        """Files of that name anywhere in a folder; the one with most of the path in common first."""
        if folder not in self._names:
            names: dict[str, list[Path]] = {}
            count = 0
            for root, inner, files in os.walk(folder):
                inner[:] = sorted(name for name in inner if not name.startswith("."))
                for name in files:
                    names.setdefault(name, []).append(Path(root) / name)
                count += len(files)
                if count > MOST_WALKED:
                    break
            self._names[folder] = names
        found = self._names[folder].get(path.rpartition("/")[2], [])
        return sorted(found, key=lambda place: (-_common(place, path), len(place.parts), str(place)))


def _endings(path: str) -> list[str]:
    """The ends of a path, the longest first: a/b/c.c, b/c.c, c.c. What leads upwards is left out."""
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..", ".") and not part.endswith(":")]
    return ["/".join(parts[at:]) for at in range(len(parts))]


def _common(place: Path, path: str) -> int:
    """How many parts at their ends two paths have in common."""
    count = 0
    for one, other in zip(reversed(place.parts), reversed(PurePosixPath(path).parts), strict=False):
        if one != other:
            break
        count += 1
    return count


def _read(place: Path) -> SourceText | None:
    try:
        status = place.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            return None
        if not status.st_size:  # nothing is read: the kernel's own files look so, and some never end
            return SourceText(place, ())
        with place.open("rb") as file:
            text = file.read(LARGEST).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
    lines = text.removesuffix("\n").split("\n", MOST_LINES)[:MOST_LINES]
    return SourceText(place, tuple(_fit(line) for line in lines))


def _fit(line: str) -> str:
    line = line.rstrip("\r")[:LONGEST]
    return printable(line.expandtabs(TAB)).rstrip()
