"""ELF files by hand, for what no compiler makes: sections as given, one segment of endless loops."""

from __future__ import annotations

import struct
from typing import NamedTuple

START = 0x4000_0000
CODE = struct.pack("<I", 0x1400_0000) * 16
NOBITS, COMPRESSED = 8, 0x800


class Given(NamedTuple):
    """A section: its bytes in the file, SHT_ and SHF_ values, sh_link, and a size that may lie."""

    data: bytes
    kind: int = 1
    flags: int = 0
    link: int = 0
    size: int | None = None


def elf(sections: dict[str, Given]) -> bytes:
    """An AArch64 program with these sections, numbered from 1 in their order."""
    body, names = bytearray(CODE), b"\0"
    rows = [bytes(64)]
    for name, section in {**sections, ".shstrtab": Given(b"", 3)}.items():
        at = len(names)
        names += name.encode() + b"\0"
        data = names if name == ".shstrtab" else section.data
        size = len(data) if section.size is None else section.size
        rows.append(
            struct.pack("<IIQQQQIIQQ", at, section.kind, section.flags, 0, 120 + len(body), size, section.link, 0, 1, 0)
        )
        body += data
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, 183, 1, START, 64, 120 + len(body), 0, 64, 56, 1, 64, len(rows), len(rows) - 1
    )  # fmt: skip
    segment = struct.pack("<IIQQQQQQ", 1, 5, 120, START, START, len(CODE), len(CODE), 1)
    return head + segment + bytes(body) + b"".join(rows)


def number(value: int) -> bytes:
    """LEB128 without a sign."""
    found = b""
    while value > 0x7F:
        found, value = found + bytes((value & 0x7F | 0x80,)), value >> 7
    return found + bytes((value,))


def abbreviation(*attributes: tuple[int, int], code: int = 1) -> bytes:
    """A table of one compile unit without children; (attribute, form) of each of its attributes."""
    return number(code) + b"\x11\x00" + b"".join(number(name) + number(form) for name, form in attributes) + bytes(3)


def unit(values: bytes, abbreviations: int = 0) -> bytes:
    """A compile unit of version 4 with one entry."""
    body = struct.pack("<HIB", 4, abbreviations, 8) + b"\x01" + values
    return struct.pack("<I", len(body)) + body


def program(files: int, opcodes: bytes) -> bytes:
    """A line program of version 4."""
    tables = b"\0" + b"".join(b"%x\0\0\0\0" % index for index in range(files)) + b"\0"
    head = bytes((4, 1, 1, 0xFB, 14, 13)) + bytes((0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1)) + tables
    body = struct.pack("<HI", 4, len(head)) + head + opcodes
    return struct.pack("<I", len(body)) + body


def sequence(rows: int) -> bytes:
    """Opcodes of one sequence at START."""
    return b"\0\x09\x02" + struct.pack("<Q", START) + b"\x20" * rows + b"\x02\x01\0\x01\x01"
