"""The user's own small files: read where they are files at all, replaced as a whole or not at all, never lost."""

from __future__ import annotations

import os
import stat
import tempfile
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

LARGEST = 1 << 24
"""Bytes of a file that a person or mectui wrote; a start must not read a whole disk into memory."""
LARGEST_TOML, LONGEST_LINE = 1 << 16, 1_000
"""Characters of a text in TOML and of a line in it: reading a key takes the square of its parts."""
ASIDE = ".old"

NOWHERE = Path(os.devnull)
"""In place of a folder that there cannot be: nothing is found below it, and nothing can be written."""


def state_folder() -> Path:
    """Where mectui keeps what it remembers."""
    from platformdirs import user_state_path

    return _below(user_state_path)


def config_folder() -> Path:
    """Where the user's own keymap and themes are."""
    from platformdirs import user_config_path

    return _below(user_config_path)


def _below(folder: Callable[[str], Path]) -> Path:
    """mectui's folder; below NOWHERE where nothing says whose home this is, so that none is made where we stand."""
    try:
        found = folder("mectui")
    except (OSError, RuntimeError):
        return NOWHERE / "mectui"
    return found if found.is_absolute() else NOWHERE / "mectui"


def read_text(path: Path, errors: str = "strict") -> str:
    """The text of a file in UTF-8. Raises OSError (a pipe or a device would keep us waiting) and UnicodeError."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(0, "it is no regular file", str(path))
            data = file.read(LARGEST + 1)  # some files of the kernel's say that they have no bytes, and have no end
    except IsADirectoryError:
        raise IsADirectoryError(0, "it is a folder", str(path)) from None
    if len(data) > LARGEST:
        raise OSError(0, f"it has more than {LARGEST >> 20} MiB", str(path))
    return data.decode("utf-8", errors)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def toml(text: str) -> dict[str, Any]:
    """The values of a text in TOML. Raises ValueError with what is wrong."""
    if len(text) > LARGEST_TOML:
        raise ValueError(f"it has more than {LARGEST_TOML >> 10} KiB")
    if any(len(line) > LONGEST_LINE for line in text.splitlines()):
        raise ValueError(f"a line has more than {LONGEST_LINE:,} characters")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def replace_text(path: Path, text: str) -> bool:
    """Writes a file, its folder included. Whoever reads it meanwhile sees the old one or the new one.

    A folder that cannot be written is no reason to stop: False, and that is all.
    """
    try:
        _put(path, text, None)
    except OSError:
        return False
    return True


def export_text(path: Path, text: str) -> None:
    """Writes a file that somebody named, its folder included. Raises OSError, and an earlier file is as it was.

    Only a regular file is replaced: writing to a pipe may take for ever, and to a device do anything.
    """
    path = Path(os.path.realpath(path))  # a link goes on leading to what it led to
    try:
        status = path.lstat()
    except FileNotFoundError:
        mask = os.umask(0o077)
        os.umask(mask)
        mode = 0o666 & ~mask
    else:
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(0, "it is a folder", str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is no regular file", str(path))
        if not os.access(path, os.W_OK):
            raise PermissionError(0, "it is read-only", str(path))
        mode = stat.S_IMODE(status.st_mode)
    _put(path, text, mode)


def _put(path: Path, text: str, mode: int | None) -> None:
    """Replaces a file as a whole, or raises OSError and leaves nothing behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def set_aside(path: Path) -> str:
    """Moves a file that makes no sense (to this version) out of the way. A sentence; "" where there is none."""
    if not os.path.lexists(path):
        return ""
    names = (path.with_name(f"{path.name}{ASIDE}{number or ''}") for number in range(100))
    kept = next((name for name in names if not os.path.lexists(name)), path.with_name(path.name + ASIDE))
    try:
        os.replace(path, kept)
    except OSError as error:
        return f"{path} cannot be used and cannot be moved away ({error.strerror}): nothing is kept for the next time."
    return f"{path} makes no sense to this version of mectui: it is kept as {kept.name}, and a new one begins."
