"""Decoded code: what the dispatch loop reads instead of a page's words."""

from __future__ import annotations

import ctypes

from emu.architecture import PAGE

_WORDS = PAGE // 4


class CodePage:
    """One page of RAM as one encryption context sees it: a handler address and a word for each instruction."""

    __slots__ = ("_buffer", "address", "base", "slots")

    def __init__(self, stub: int, base: int) -> None:
        """`base` is the page's arena offset."""
        self.base = base
        self._buffer = (ctypes.c_uint64 * (2 * _WORDS))()
        self.slots = memoryview(self._buffer).cast("B").cast("Q")
        self.address = ctypes.addressof(self._buffer)
        for index in range(0, 2 * _WORDS, 2):
            self.slots[index] = stub
