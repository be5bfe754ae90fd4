"""Compiled handlers on disk: object code keyed by what it was made from, safe against damage and other processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

_MAGIC = b"mectui-object-1\n"


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
        if path is None:
            return None
        try:
            data = path.read_bytes()
        except OSError:
            return None
        head = len(_MAGIC) + 32
        body = data[head:]
        if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : head] != hashlib.sha256(body).digest():
            return None
        return body

    def store(self, name: str, code: bytes) -> None:
        """Keep object code; the file appears whole or not at all."""
        path = self._path(name)
        if path is None:
            return
        with contextlib.suppress(OSError):
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_MAGIC + hashlib.sha256(code).digest() + code)
                os.replace(temporary, path)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)


def fingerprint(*parts: bytes) -> str:
    """A short name for everything that object code depends on."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:32]
