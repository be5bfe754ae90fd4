"""Guest images: ELF files for AArch64, checked before a byte is written."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from emu import elf
from emu.errors import LoadError


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes to place at a physical address, followed by zeros up to `size`."""

    address: int
    data: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Image:
    """What a file holds, ready to be placed in memory."""

    name: str
    entry: int
    segments: tuple[Segment, ...]
    symbols: tuple[tuple[str, int, int], ...]
    debug: bytes = b""
    """The whole file where it has line tables: they are read when somebody asks for source."""
    folder: Path | None = None
    """Where the file is."""
    moved: tuple[tuple[int, int, int], ...] = ()
    """(physical address, virtual address, size) of each part that is not linked for where it is loaded."""
    data_ranges: tuple[tuple[int, int], ...] = ()
    """(first address, the one behind the last) of what its mapping symbols call data among code."""
    frames: bytes = b""
    """The whole file where it has call frame information: that too is read when somebody asks."""
    functions: frozenset[str] = frozenset()
    """Which of the symbols its table calls functions."""


_LARGEST_FILE = 1 << 30


def read_file(path: Path) -> bytes:
    """A file's bytes. Raises LoadError with a sentence for everything that can go wrong."""
    try:
        if path.is_dir():
            raise LoadError(f"{path} is a folder: name an ELF file in it")
        if not path.is_file() and path.exists():
            raise LoadError(f"{path} is not a regular file: name an ELF file")
        if path.exists() and path.stat().st_size > _LARGEST_FILE:
            raise LoadError(f"{path} has {path.stat().st_size >> 20} MiB: guest images of more than 1 GiB are not read")
        return path.read_bytes()
    except FileNotFoundError:
        raise LoadError(f"there is no file {path}: check the name, or give the name of a bundled guest") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LoadError(f"{path} cannot be read: {reason}") from None


def read_elf(path: Path) -> Image:
    """Parse an ELF file. Raises LoadError: not an ELF, wrong machine, truncated, nothing to load, overlapping."""
    data = read_file(path)
    if data[:4] != b"\x7fELF":
        what = "is empty" if not data else "is not an ELF file"
        raise LoadError(f"{path} {what}: build the guest as an AArch64 ELF, or give --load-at for a raw image")
    if len(data) < elf.HEADER:
        raise LoadError(f"{path} is cut short: an ELF header has {elf.HEADER} bytes, this file has {len(data)}")
    if data[4] != 2 or data[5] != 1:
        raise LoadError(f"{path} is not a 64-bit little-endian ELF file: build it for aarch64")
    machine = int.from_bytes(data[18:20], "little")
    if machine != 183:
        raise LoadError(f"{path} is built for ELF machine {machine}, not AArch64 (183): rebuild it for aarch64")
    kind = elf.kind(data)
    if kind not in (elf.EXECUTABLE, elf.SHARED_OBJECT):
        what = "an object file" if kind == elf.RELOCATABLE else f"an ELF file of type {kind}"
        raise LoadError(f"{path} is {what}, not a linked program: link it first")
    try:
        parts = [part for part in elf.parts(data) if part.kind == elf.LOADABLE and part.size]
        _check(path, parts, len(data))
        sections = elf.sections(data)
        table = _symbol_table(data, sections)
    except ValueError as error:
        raise LoadError(f"{path} is damaged: {error}; build or copy it again") from None
    segments = tuple(Segment(part.physical, elf.content(data, part.offset, part.file), part.size) for part in parts)
    moved = tuple((part.physical, part.virtual, part.size) for part in parts if part.physical != part.virtual)
    debug = data if any(section.name in (".debug_line", ".zdebug_line") for section in sections) else b""
    frames = data if any(section.name in (".eh_frame", ".debug_frame") for section in sections) else b""
    data_ranges = tuple(_data_among_code(sections, table))
    symbols = tuple(_named(table))
    functions = frozenset(symbol.name for symbol in table if symbol.kind == elf.FUNCTION)
    folder = path.absolute().parent
    return Image(path.name, elf.entry(data), segments, symbols, debug, folder, moved, data_ranges, frames, functions)


def _check(path: Path, parts: list[elf.Part], length: int) -> None:
    """Raises LoadError where segments cannot be those of a program that `length` bytes of a file hold."""
    if not parts:
        raise LoadError(f"{path} has no loadable segments: link it with a PT_LOAD segment")
    for part in parts:
        if part.offset + part.file > length:
            raise LoadError(
                f"{path} is cut short: a segment at file offset {part.offset:#x} needs {part.file} bytes, "
                f"the file has {length}"
            )
        if part.file > part.size:
            raise LoadError(f"{path} is damaged: a segment's file size {part.file} exceeds its memory size")
    for before, after in itertools.pairwise(sorted(parts, key=lambda part: part.physical)):
        if before.physical + before.size > after.physical:
            raise LoadError(
                f"{path} has overlapping segments at {before.physical:#x} and {after.physical:#x}: "
                "check its linker script"
            )
    if sum(part.file for part in parts) > 2 * length:
        raise LoadError(f"{path} is damaged: its segments are the same bytes of it; build or copy it again")


def _symbol_table(data: bytes, sections: list[elf.Section]) -> list[elf.Symbol]:
    """Every entry of the file's symbol table; none where it was stripped. Raises ValueError."""
    found = next((section for section in sections if section.name == ".symtab"), None)
    if found is None or found.link >= len(sections):
        return []
    names = sections[found.link]
    return list(elf.symbols(elf.content(data, found.offset, found.size), elf.content(data, names.offset, names.size)))


def _named(table: list[elf.Symbol]) -> list[tuple[str, int, int]]:
    """(name, address, size) of what the file defines."""
    return [
        (name, value, size)
        for name, kind, section, value, size in table
        if name and not name.startswith("$") and section != elf.UNDEFINED and kind not in (elf.FILE, elf.SECTION)
    ]


def _data_among_code(sections: list[elf.Section], table: list[elf.Symbol]) -> list[tuple[int, int]]:
    """Stretches of executable sections from a mapping symbol "$d" to the next one, or to the section's end.

    AArch64 ELF (AAELF64), mapping symbols: "$x" where A64 begins, "$d" where data does, also as "$d.NAME".
    """
    marks: dict[int, list[tuple[int, bool]]] = {}
    for name, _, section, value, _ in table:
        if (
            name.startswith(("$d", "$x"))
            and name[2:3] in ("", ".")
            and section < min(elf.FIRST_RESERVED, len(sections))
        ):
            marks.setdefault(section, []).append((value, name.startswith("$d")))
    found = []
    for number, places in marks.items():
        holder = sections[number]
        if not holder.flags & elf.HOLDS_CODE:
            continue
        ordered = [*sorted(places), (holder.address + holder.size, False)]
        found += [(here, behind) for (here, is_data), (behind, _) in itertools.pairwise(ordered) if is_data]
    return found
