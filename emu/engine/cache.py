"""Compiled handlers on disk: object code keyed by what it was made from, safe against damage and other processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

_MAGIC = b"mectui-object-2\n"
_DIGEST = 32
_LARGEST = 1 << 24
"""Bytes of a file; what this machine compiles is far below."""


class ObjectCache:
    """A folder of object files for one fingerprint (semantics, layout, compiler and host CPU).

    Nothing here may fail a run: a folder that cannot be written, a file cut short or altered count as absent.
    """

    def __init__(self, folder: Path | None, fingerprint: str) -> None:
        self._folder = folder / fingerprint if folder is not None else None
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError:
                self._folder = None

    def _path(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{name}.o"

    def load(self, name: str) -> bytes | None:
        """The object code stored under a name, or None."""
        path = self._path(name)
        data = b"" if path is None else _read(path)
        head = len(_MAGIC) + _DIGEST
        body = data[head:]
        if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : head] != self._digest(name, body):
            return None
        return body

    def _digest(self, name: str, code: bytes) -> bytes:
        """Of the code and of all that it is for: another file's whole content in this place is no match either."""
        assert self._folder is not None
        return hashlib.sha256(f"{self._folder.name}/{name}\n".encode() + code).digest()

    def store(self, name: str, code: bytes) -> None:
        """Keep object code; the file appears whole or not at all."""
        path = self._path(name)
        if path is None:
            return
        with contextlib.suppress(OSError):
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_MAGIC + self._digest(name, code) + code)
                os.replace(temporary, path)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)


def _read(path: Path) -> bytes:
    """A file's bytes; none where it is no file, too large, or cannot be read. Waits for nobody."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            data = file.read(_LARGEST + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except (OSError, ValueError):
        return b""
    return data if len(data) <= _LARGEST else b""


def fingerprint(*parts: bytes) -> str:
    """A short name for everything that object code depends on."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:32]
