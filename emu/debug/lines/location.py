"""Places in the source as people write them: mec.c:40, rmm/mec.c:40."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from emu.errors import EmuError

_LONE = re.compile(r"(?P<file>[\w./+@~\\-]*[\w+@~-]):(?P<line>\d{1,9})")
"""As it stands by itself. Other characters, blanks among them, are for quotes."""
_QUOTED = re.compile(r"(?P<file>.+):(?P<line>\d{1,9})")
MOST_SHOWN = 80
"""Characters of a path in a sentence."""
MOST_NAMED = 4
"""Files that an error names."""


class Location(NamedTuple):
    """A line of a file; `file` is the end of its path, as somebody wrote it."""

    file: str
    line: int

    @property
    def text(self) -> str:
        return f"{self.file}:{self.line}"


def parsed(text: str, is_quoted: bool = False) -> Location | None:
    """The place that a text means; None where it has not the form of one.

    Without quotes the file's name has a dot or a slash: `a:1` may be the end of a condition.
    """
    found = (_QUOTED if is_quoted else _LONE).fullmatch(text.strip())
    if found is None:
        return None
    file = found["file"].replace("\\", "/")
    if not is_quoted and not re.search(r"[./]", file):
        return None
    return Location(file, int(found["line"]))


def is_plain(file: str) -> bool:
    """Whether a file's name needs no quotes."""
    return parsed(f"{file}:1") is not None


def tail(path: str, parts: int) -> str:
    """The last so many parts of a path."""
    return "/".join(path.split("/")[-parts:])


def matching(paths: Iterable[str], file: str) -> list[str]:
    """The paths that end in `file`, whole parts of them; one that is exactly that stands alone."""
    wanted = file.removeprefix("./").strip("/") if not file.startswith("/") else file
    if wanted.startswith("/"):
        exact = [path for path in paths if path == wanted]
        if exact:
            return exact
        wanted = wanted[1:]
    ending = f"/{wanted}"
    return [path for path in paths if path == wanted or path.endswith(ending)]


def shortest(paths: Sequence[str]) -> dict[str, str]:
    """For each of several paths the shortest end of it that no other has."""
    found: dict[str, str] = {}
    alike: dict[str, list[str]] = {}
    for path in paths:
        alike.setdefault(tail(path, 1), []).append(path)
    for path in paths:
        depth = path.count("/") + 1
        others = [f"/{other}" for other in alike[tail(path, 1)] if other != path]
        for parts in range(1, depth + 1):
            end = tail(path, parts)
            if parts == depth or not any(other.endswith(f"/{end}") for other in others):
                found[path] = end
                break
    return found


def unknown_file(file: str, paths: Sequence[str]) -> EmuError:
    """Nothing that was loaded has such a file."""
    names = {path.rpartition("/")[2]: path for path in paths}
    wanted = file.rpartition("/")[2]
    near = difflib.get_close_matches(wanted, list(names), 1, 0.6)
    if wanted in names:
        hint = f"; there is {names[wanted]}"
    elif near:
        hint = f"; did you mean {near[0]}?"
    else:
        hint = ", or it was built without line tables (-g)"
    return EmuError(f"no source file of the guest is called {_end(file)}{hint}")


def _end(path: str) -> str:
    """The end of a path that somebody typed, as much as fits into a sentence."""
    return path if len(path) <= MOST_SHOWN else "…" + path[1 - MOST_SHOWN :]


def ambiguous(file: str, paths: Sequence[str]) -> EmuError:
    """Several files end in the same name."""
    ends = sorted(shortest(paths).values())
    shown = ", ".join(ends[:MOST_NAMED]) + (", …" if len(ends) > MOST_NAMED else "")
    count = {2: "two", 3: "three", 4: "four"}.get(len(ends), str(len(ends)))
    return EmuError(f"{_end(file)} is {count} files: {shown}: write more of the path")


def no_code(where: Location, line: int) -> str:
    """What is said where the next line with code stands for one without."""
    return f"line {where.line} of {where.file} has no code: line {line} is taken, the next one that has some"


def no_such_line(where: Location, last: int) -> EmuError:
    if not last:
        return EmuError(f"no line of {where.file} has code")
    return EmuError(f"there is no line {where.line} in {where.file}; the last one with code is {last}")
