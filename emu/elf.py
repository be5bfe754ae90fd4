"""The tables of an ELF file, read as a whole: a kernel has hundreds of thousands of symbols, a damaged file endless.

System V ABI, generic part (gABI 4.1): "ELF Header", "Sections", "String Table", "Symbol Table", "Program Header".
Files of 64 bits in little-endian order. Names are in UTF-8 by custom. Nothing here believes a count, an offset or a
length of the file: all of it raises ValueError with a few words, and takes time and memory in proportion to the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from emu.visible import visible

HEADER = 64
"""Bytes of the ELF header."""
LONGEST_NAME = 4096
"""Bytes of a symbol's name; what is longer is cut off there."""
_SHARED = 8
"""How many times over names may use the bytes of their table: they share their ends, but not that often."""
_SOME = 1 << 16

RELOCATABLE, EXECUTABLE, SHARED_OBJECT = 1, 2, 3
"""ET_REL, ET_EXEC and ET_DYN."""
LOADABLE = 1
"""PT_LOAD."""
HOLDS_CODE = 4
"""SHF_EXECINSTR."""
UNDEFINED, FIRST_RESERVED, COUNTED_ELSEWHERE = 0, 0xFF00, 0xFFFF
"""Section numbers: none, the first that stands for no section, and one that does not fit (SHN_XINDEX, PN_XNUM)."""
FUNCTION, SECTION, FILE = 2, 3, 4
"""STT_FUNC, STT_SECTION and STT_FILE."""


class Part(NamedTuple):
    """A program header: addresses, and sizes in bytes."""

    kind: int
    flags: int
    offset: int
    virtual: int
    physical: int
    file: int
    size: int
    alignment: int


class Section(NamedTuple):
    """A section header; `name` in place of its offset in the table of names."""

    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


class Symbol(NamedTuple):
    """An entry of a symbol table: what it names, and where."""

    name: str
    kind: int
    section: int
    value: int
    size: int


_PART = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def kind(data: bytes) -> int:
    """e_type."""
    return _number(data, 16, 2)


def entry(data: bytes) -> int:
    """e_entry."""
    return _number(data, 24, 8)


def parts(data: bytes) -> list[Part]:
    """Every program header, in the file's order. Raises ValueError."""
    length, count = _number(data, 54, 2), _number(data, 56, 2)
    if count == COUNTED_ELSEWHERE:
        raise ValueError(f"more than {count - 1:,} program headers")
    table = _rows(data, _number(data, 32, 8), count, length, _PART, "program headers")
    return [Part(*fields) for fields in _PART.iter_unpack(table)]


def sections(data: bytes) -> list[Section]:
    """Every section header, in the file's order; none where there is no table of them. Raises ValueError."""
    start, length, count, names = (_number(data, at, size) for at, size in ((40, 8), (58, 2), (60, 2), (62, 2)))
    if not start:
        return []
    first = data[start : start + _SECTION.size]
    if len(first) == _SECTION.size:  # holds what the ELF header has no room for
        _, _, _, _, _, more, link, _, _, _ = _SECTION.unpack(first)
        count = count or more
        names = link if names == COUNTED_ELSEWHERE else names
    rows = list(_SECTION.iter_unpack(_rows(data, start, count, length, _SECTION, "section headers")))
    strings = content(data, rows[names][4], rows[names][5]) if names < len(rows) else b""
    read = _Names(strings, "sections")
    found = [Section(read.at(row[0]), *row[1:7]) for row in rows]
    if read.is_cut:
        raise ValueError("a section's name has no end")
    return found


def symbols(table: bytes, strings: bytes) -> Iterator[Symbol]:
    """Every whole entry of a symbol table. Raises ValueError."""
    names = _Names(strings, "symbols")
    whole = len(table) - len(table) % _SYMBOL.size
    for at, info, _, section, value, size in _SYMBOL.iter_unpack(memoryview(table)[:whole]):
        yield Symbol(names.at(at), info & 0xF, section, value, size)


def content(data: bytes, offset: int, size: int) -> bytes:
    """What is in the file of `size` bytes at an offset."""
    return data[offset : offset + size]


def _rows(data: bytes, start: int, count: int, length: int, row: struct.Struct, what: str) -> bytes:
    if count and length != row.size:
        raise ValueError(f"{what} of {length} bytes instead of {row.size}")
    if start + count * length > len(data):
        raise ValueError(f"the {what} are not in it")
    return data[start : start + count * length]


class _Names:
    """A string table, each name read once; of the names of `whose`."""

    def __init__(self, strings: bytes, whose: str) -> None:
        self._strings, self._whose = strings, whose
        self._known: dict[int, str] = {}
        self._room = _SHARED * len(strings) + _SOME
        self.is_cut = False
        """Whether some name was longer than LONGEST_NAME."""

    def at(self, offset: int) -> str:
        """Raises ValueError where all names together are longer than their table can be."""
        name = self._known.get(offset)
        if name is None:
            end = self._strings.find(b"\0", offset, offset + LONGEST_NAME)
            raw = self._strings[offset : end if end >= 0 else offset + LONGEST_NAME]
            self.is_cut = self.is_cut or end < 0
            self._room -= len(raw)
            if self._room < 0:
                raise ValueError(f"the names of its {self._whose} run into each other")
            name = self._known[offset] = visible(raw.decode("utf-8", "replace"))
        return name
