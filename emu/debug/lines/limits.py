"""What is believed of the sections of debugging information: tables that claim more than a file can honestly hold.

A damaged file may let a thousand units share one table, or a kilobyte unpack to a gigabyte. Time and memory that
reading takes stay in proportion to the file: an `Allowance` is what a section's size makes plausible.
"""

from __future__ import annotations

import re
from typing import Any

from emu.debug.lines.program import DamagedError

PACKED = 64
"""How many times a section may grow when it is unpacked; tables of DWARF shrink to a third or a fifth."""
SHARED = 8
"""How many times over a section's bytes may be read for different units."""
SOME = 1 << 16
"""What every allowance has beyond that, for small files."""
_ENDLESS = re.compile(rb"[^\0]{65536}")


class SpentError(DamagedError):
    """An allowance is used up: reading on would take the same again and again."""


class Allowance:
    """So many bytes or entries, and no more."""

    def __init__(self, amount: int, sentence: str) -> None:
        """`sentence` is what is wrong with a file that needs more, in a few words."""
        self._left, self._sentence = amount, sentence

    def use(self, amount: int) -> None:
        """Raises SpentError when everything has been used."""
        self._left -= amount
        if self._left < 0:
            raise SpentError(self._sentence)


def check_section(section: Any, most: int) -> None:
    """Raises DamagedError for a section (of pyelftools) with more than `most` bytes, or with bytes out of nothing."""
    size = section.data_size
    if size > most:
        raise DamagedError(f"its section {section.name} has {size >> 20} MiB, too many to read")
    stored = 0 if section.header["sh_type"] == "SHT_NOBITS" else section.header["sh_size"]
    if size > PACKED * stored + SOME:
        raise DamagedError(f"its section {section.name} claims {size:,} bytes and holds {stored:,}")


def check_strings(*tables: bytes) -> None:
    """Raises DamagedError where a string never ends: it would be read again for everything that it names."""
    if any(_ENDLESS.search(table) for table in tables):
        raise DamagedError("a name in it has no end")


def program_size(section: bytes, offset: int) -> int:
    """Bytes of the line program at an offset, as far as they are in the section (DWARF 5, section 6.2.4)."""
    length = int.from_bytes(section[offset : offset + 4], "little")
    if length == _WIDE:
        length = int.from_bytes(section[offset + 4 : offset + 12], "little") + 8
    return max(min(length + 4, len(section) - offset), 0)


def abbreviations_end(data: bytes, at: int) -> int:
    """Where the table of abbreviations at an offset ends (DWARF 5, section 7.5.3). Raises DamagedError."""
    try:
        while data[at]:
            at = _behind_number(data, _behind_number(data, at)) + 1  # code, tag, whether it has children
            while True:
                form = _behind_number(data, at)
                is_last = data[at] == 0 and data[form] == 0
                is_constant = data[form] == _IMPLICIT_CONST
                at = _behind_number(data, form)
                if is_constant:
                    at = _behind_number(data, at)
                if is_last:
                    break
    except IndexError:
        raise DamagedError("its abbreviations are cut short") from None
    return at + 1


_IMPLICIT_CONST = 0x21
_WIDE = 0xFFFF_FFFF
"""A length that says that one of 64 bits follows."""


def _behind_number(data: bytes, at: int) -> int:
    while data[at] & 0x80:
        at += 1
    return at + 1
