"""What the screen needs of the terminal, told in a sentence before it is drawn where nobody sees it."""

from __future__ import annotations

import codecs
import io
import sys

from emu.errors import EmuError


def require_terminal(instead: str) -> None:
    """Raises EmuError where the screen cannot be shown; `instead` is what can be used there."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise EmuError(f"the screen needs a terminal: run it in one, or use {instead}")
    if not sys.stderr.isatty():
        raise EmuError("the screen is drawn on standard error, which is no terminal here: leave `2>` out")
    name = codecs.lookup(sys.stderr.encoding).name
    if name == "ascii" and isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(encoding="utf-8")  # the locale is C, where terminals know UTF-8 all the same (PEP 538)
    elif name != "utf-8":
        raise EmuError(f"the screen needs UTF-8, and this locale has {name}: set LC_ALL=C.UTF-8, or use {instead}")
