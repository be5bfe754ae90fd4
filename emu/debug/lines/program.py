"""One line number program of .debug_line: its file table, and the rows it makes (DWARF 5, section 6.2; versions 2-5).

Read here and not by pyelftools, which makes an object of every opcode: a firmware's tables have millions of them, and
damaged ones must come to an end. Nothing in here trusts a count, a length or an offset of the file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from emu.visible import visible

MASK64 = (1 << 64) - 1
MOST_FILES = 1 << 16
"""Entries of a file table; more is damage."""
MOST_ROWS = 1 << 18
"""Rows of one program: those of the largest sources have half of that."""
LATEST = 5
_LARGEST_LINE = (1 << 31) - 1

# Standard and extended opcodes, section 7.22.
COPY, ADVANCE_PC, ADVANCE_LINE, SET_FILE, SET_COLUMN, NEGATE_STMT, SET_BASIC_BLOCK, CONST_ADD_PC, FIXED_ADVANCE_PC = (
    range(1, 10)
)
PROLOGUE_END, EPILOGUE_BEGIN, SET_ISA = 10, 11, 12
END_SEQUENCE, SET_ADDRESS, DEFINE_FILE = 1, 2, 3
# Content types and forms of version 5 tables, sections 7.22 and 7.5.6.
_PATH, _DIRECTORY = 1, 2
_FIXED_FORMS = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4}
"""Bytes of data1, 2, 4, 8, 16, and of strx1 to strx4."""
_STRING, _UDATA, _LINE_STRP, _STRP, _STRP_SUP, _BLOCK, _STRX = 0x08, 0x0F, 0x1F, 0x0E, 0x1D, 0x09, 0x1A
_BLOCKS = {0x0A: 1, 0x03: 2, 0x04: 4}
"""Bytes of the length of block1, 2, 4."""


class DamagedError(Exception):
    """A program that cannot be read; the message says why in a few words."""


class Row(NamedTuple):
    """Addresses [start, end) come from this place in the source. `file` is an index of the program's table."""

    start: int
    end: int
    file: int
    line: int
    column: int
    is_stmt: bool
    """Whether this is a good place for a breakpoint: the beginning of a statement, as the compiler sees it."""


@dataclass(frozen=True, slots=True)
class Header:
    """What comes before the opcodes of a program."""

    version: int
    start: int
    """Where the opcodes begin in the section, and where they end."""
    end: int
    smallest_instruction: int
    operations: int
    is_stmt: bool
    line_base: int
    line_range: int
    lengths: tuple[int, ...]
    """Operands of the standard opcodes, from opcode 1 on."""
    files: tuple[str, ...]
    """Paths by the index that opcodes use; index 0 is "" before version 5."""


class _Reader:
    """Bytes read from left to right; DamagedError beyond the end."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, min(end, len(data))

    def number(self, size: int) -> int:
        start = self.at
        self.at = start + size
        if self.at > self.end:
            raise DamagedError("it is cut short")
        return int.from_bytes(self.data[start : self.at], "little")

    def skip(self, size: int) -> None:
        if size > self.end - self.at:
            raise DamagedError("it is cut short")
        self.at += size

    def uleb(self) -> int:
        value = shift = 0
        data, at, end = self.data, self.at, self.end
        while at < end:
            byte = data[at]
            at += 1
            if shift < 64:
                value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                self.at = at
                return value & MASK64
        raise DamagedError("it is cut short")

    def sleb(self) -> int:
        start = self.at
        value = self.uleb()
        bits = min(7 * (self.at - start), 64)
        return value - (1 << bits) if value >> bits - 1 & 1 else value

    def string(self) -> str:
        end = self.data.find(b"\0", self.at, self.end)
        if end < 0:
            raise DamagedError("it is cut short")
        text = visible(self.data[self.at : end].decode("utf-8", "replace"))
        self.at = end + 1
        return text


class Strings(NamedTuple):
    """The sections .debug_line_str and .debug_str, for tables whose names are there."""

    line: bytes = b""
    common: bytes = b""

    def at(self, form: int, offset: int) -> str:
        data = self.line if form == _LINE_STRP else self.common if form == _STRP else b""
        end = data.find(b"\0", offset)
        return visible(data[offset:end].decode("utf-8", "replace")) if 0 <= offset < len(data) and end >= 0 else ""


def read_header(section: bytes, offset: int, strings: Strings, folder: str = "", name: str = "") -> Header:
    """The header at an offset of .debug_line. `folder` and `name` are the compile unit's own.

    Raises DamagedError.
    """
    reader = _Reader(section, offset, len(section))
    width = 4
    length = reader.number(4)
    if length == 0xFFFF_FFFF:
        width, length = 8, reader.number(8)
    if length > len(section) - reader.at:
        raise DamagedError("it is cut short")
    end = reader.end = reader.at + length
    version = reader.number(2)
    if not 2 <= version <= LATEST:
        raise DamagedError(f"its line table has version {version}, and versions 2 to {LATEST} can be read")
    if version >= 5:
        reader.skip(2)  # sizes of an address and of a segment selector: SET_ADDRESS tells the first by its length
    header_length = reader.number(width)
    start = reader.at + header_length
    if start > end:
        raise DamagedError("its header is longer than the table")
    smallest = reader.number(1)
    operations = reader.number(1) if version >= 4 else 1
    is_stmt = bool(reader.number(1))
    line_base = reader.number(1)
    line_base -= 256 * (line_base > 127)
    line_range = reader.number(1)
    opcode_base = reader.number(1)
    lengths = tuple(reader.number(1) for _ in range(max(opcode_base - 1, 0)))
    reader.end = start
    files = _tables(reader, width, strings, folder) if version >= 5 else _old_tables(reader, folder, name)
    return Header(version, start, end, smallest, max(operations, 1), is_stmt, line_base, line_range, lengths, files)


def joined(*parts: str) -> str:
    """A path from its parts; later ones that are absolute stand alone."""
    path = ""
    for part in parts:
        part = part.replace("\\", "/")
        path = part if part.startswith("/") or part[1:3] == ":/" else posixpath.join(path, part)
    return posixpath.normpath(path) if path else ""


def _old_tables(reader: _Reader, folder: str, name: str) -> tuple[str, ...]:
    """Directories and files of versions 2 to 4: strings, each list ended by an empty one."""
    directories = [folder]
    while text := reader.string():
        directories.append(text)
    files = [joined(folder, name)]
    while text := reader.string():
        directory = reader.uleb()
        reader.uleb()
        reader.uleb()
        files.append(joined(folder, directories[directory] if directory < len(directories) else "", text))
    return tuple(files)


def _tables(reader: _Reader, width: int, strings: Strings, folder: str) -> tuple[str, ...]:
    """Directories and files of version 5: entries of the form that the table itself describes."""
    directories = [path for path, _ in _entries(reader, width, strings)]
    return tuple(
        joined(folder, directories[directory] if directory < len(directories) else "", path)
        for path, directory in _entries(reader, width, strings)
    )


def _entries(reader: _Reader, width: int, strings: Strings) -> list[tuple[str, int]]:
    """(path, index of its directory) of each entry."""
    formats = [(reader.uleb(), reader.uleb()) for _ in range(reader.number(1))]
    count = reader.uleb()
    if count > MOST_FILES or (count and not formats):
        raise DamagedError(f"its file table claims {count:,} entries")
    found = []
    for _ in range(count):
        path, directory = "", 0
        for content, form in formats:
            value = _value(reader, form, width, strings)
            if content == _PATH:
                path = str(value)
            elif content == _DIRECTORY and isinstance(value, int):
                directory = value
        found.append((path, directory))
    return found


def _value(reader: _Reader, form: int, width: int, strings: Strings) -> int | str:
    if form == _STRING:
        return reader.string()
    if form in (_LINE_STRP, _STRP, _STRP_SUP):
        return strings.at(form, reader.number(width))
    if form == _UDATA:
        return reader.uleb()
    if form == _STRX:
        reader.uleb()
        return ""
    if form in _FIXED_FORMS:
        return reader.number(_FIXED_FORMS[form])
    if form == _BLOCK or form in _BLOCKS:
        reader.skip(reader.uleb() if form == _BLOCK else reader.number(_BLOCKS[form]))
        return ""
    raise DamagedError(f"its file table has entries of the unknown form {form:#x}")


def rows(section: bytes, header: Header) -> list[list[Row]]:
    """The sequences of a program: each covers its addresses without a gap, lowest first.

    Where the program is damaged, or has MOST_ROWS, what was read up to there. The file's names are not looked at.
    """
    found: list[list[Row]] = []
    # (address, file, line, column, is_stmt) of the sequence that is being made.
    sequence: list[tuple[int, int, int, int, bool]] = []
    reader = _Reader(section, header.start, header.end)
    smallest, operations, base = header.smallest_instruction, header.operations, len(header.lengths) + 1
    line_base, line_range = header.line_base, header.line_range or 1
    address, operation, file, line, column, is_stmt = 0, 0, 1, 1, 0, header.is_stmt
    data, end = section, reader.end
    most = MOST_ROWS
    try:
        while reader.at < end:
            if len(sequence) >= most:
                found.append(_closed(sequence, address))
                break
            opcode = data[reader.at]
            reader.at += 1
            if opcode >= base:
                opcode -= base
                steps = opcode // line_range
                line += line_base + opcode % line_range
                address, operation = _advanced(address, operation, steps, smallest, operations)
                sequence.append((address, file, line, column, is_stmt))
            elif opcode == 0:
                size = reader.uleb()
                after = reader.at + size
                if not size or after > end:
                    raise DamagedError("it is cut short")
                kind = reader.number(1)
                if kind == END_SEQUENCE:
                    if sequence:
                        found.append(_closed(sequence, address))
                    most -= len(sequence)
                    sequence = []
                    address, operation, file, line, column, is_stmt = 0, 0, 1, 1, 0, header.is_stmt
                elif kind == SET_ADDRESS:
                    address, operation = reader.number(min(size - 1, 8)), 0
                reader.at = after
            elif opcode == COPY:
                sequence.append((address, file, line, column, is_stmt))
            elif opcode == ADVANCE_PC:
                address, operation = _advanced(address, operation, reader.uleb(), smallest, operations)
            elif opcode == ADVANCE_LINE:
                line += reader.sleb()
            elif opcode == SET_FILE:
                file = reader.uleb()
            elif opcode == SET_COLUMN:
                column = reader.uleb()
            elif opcode == NEGATE_STMT:
                is_stmt = not is_stmt
            elif opcode == CONST_ADD_PC:
                steps = (255 - base) // line_range
                address, operation = _advanced(address, operation, steps, smallest, operations)
            elif opcode == FIXED_ADVANCE_PC:
                address, operation = address + reader.number(2) & MASK64, 0
            elif opcode not in (SET_BASIC_BLOCK, PROLOGUE_END, EPILOGUE_BEGIN):
                for _ in range(header.lengths[opcode - 1]):
                    reader.uleb()
    except DamagedError:
        pass  # a sequence without its end has no last address: it is left out
    return found


def _advanced(address: int, operation: int, steps: int, smallest: int, operations: int) -> tuple[int, int]:
    """An operation advance, section 6.2.5.1: only VLIW machines have more than one operation in an instruction."""
    if operations == 1:
        return address + smallest * steps & MASK64, 0
    operation += steps
    return address + smallest * (operation // operations) & MASK64, operation % operations


def _closed(sequence: Sequence[tuple[int, int, int, int, bool]], end: int) -> list[Row]:
    """A sequence whose end is known. Of several rows at one address the last one has its instructions.

    Those before it have none, but their lines begin there all the same: the call of an inlined function is one.
    """
    ordered = sorted(sequence, key=lambda row: row[0])
    made: list[Row] = []
    for at, (start, file, line, column, is_stmt) in enumerate(ordered):
        after = ordered[at + 1][0] if at + 1 < len(ordered) else max(end, start)
        made.append(Row(start, after, file, max(0, min(line, _LARGEST_LINE)), column, is_stmt))
    return made
