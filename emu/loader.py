"""Guest images: ELF files for AArch64, checked before a byte is written."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    if len(data) < 64:
        raise LoadError(f"{path} is cut short: an ELF header has 64 bytes, this file has {len(data)}")
    if data[4] != 2 or data[5] != 1:
        raise LoadError(f"{path} is not a 64-bit little-endian ELF file: build it for aarch64")
    machine = int.from_bytes(data[18:20], "little")
    if machine != 183:
        raise LoadError(f"{path} is built for ELF machine {machine}, not AArch64 (183): rebuild it for aarch64")
    from io import BytesIO

    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        elf = ELFFile(BytesIO(data))
        kind = elf.header["e_type"]
        if kind not in ("ET_EXEC", "ET_DYN"):
            raise LoadError(f"{path} is an ELF of type {kind}, not a linked program: link it first")
        segments = tuple(_segments(path, elf, len(data)))
        entry = int(elf.header["e_entry"])
        symbols = tuple(_symbols(elf))
        has_lines = any(elf.get_section_by_name(name) is not None for name in (".debug_line", ".zdebug_line"))
        moved = tuple(_moved(elf))
        data_ranges = tuple(_data_among_code(elf))
    except LoadError:
        raise
    except (ELFError, ValueError, KeyError, IndexError, OverflowError, TypeError, AttributeError, MemoryError,
            UnicodeDecodeError, AssertionError, OSError) as error:  # fmt: skip
        raise LoadError(f"{path} is damaged: {error or type(error).__name__}; build or copy it again") from None
    except Exception as error:  # the parser's own stream errors have no common base
        raise LoadError(f"{path} is damaged: {error}; build or copy it again") from None
    if not segments:
        raise LoadError(f"{path} has no loadable segments: link it with a PT_LOAD segment")
    ordered = sorted(segments, key=lambda segment: segment.address)
    for before, after in itertools.pairwise(ordered):
        if before.address + before.size > after.address:
            raise LoadError(
                f"{path} has overlapping segments at {before.address:#x} and {after.address:#x}: "
                "check its linker script"
            )
    debug = data if has_lines else b""
    return Image(path.name, entry, segments, symbols, debug, path.absolute().parent, moved, data_ranges)


def _segments(path: Path, elf: Any, length: int) -> list[Segment]:
    found = []
    for segment in elf.iter_segments():
        header = segment.header
        if header["p_type"] != "PT_LOAD" or not header["p_memsz"]:
            continue
        start, size = int(header["p_offset"]), int(header["p_filesz"])
        if start + size > length:
            raise LoadError(
                f"{path} is cut short: a segment at file offset {start:#x} needs {size} bytes, the file has {length}"
            )
        if size > header["p_memsz"]:
            raise LoadError(f"{path} is damaged: a segment's file size {size} exceeds its memory size")
        found.append(Segment(int(header["p_paddr"]), segment.data(), int(header["p_memsz"])))
    return found


def _moved(elf: Any) -> list[tuple[int, int, int]]:
    headers = [segment.header for segment in elf.iter_segments()]
    return [
        (int(header["p_paddr"]), int(header["p_vaddr"]), int(header["p_memsz"]))
        for header in headers
        if header["p_type"] == "PT_LOAD" and header["p_paddr"] != header["p_vaddr"]
    ]


def _symbols(elf: Any) -> list[tuple[str, int, int]]:
    table = elf.get_section_by_name(".symtab")
    if table is None:
        return []
    found = []
    for symbol in table.iter_symbols():
        kind = symbol["st_info"]["type"]
        name = symbol.name
        if not name or name.startswith("$") or symbol["st_shndx"] == "SHN_UNDEF" or kind in ("STT_FILE", "STT_SECTION"):
            continue
        found.append((name, int(symbol["st_value"]), int(symbol["st_size"])))
    return found


EXECUTABLE = 4
"""SHF_EXECINSTR (System V ABI, sh_flags)."""


def _data_among_code(elf: Any) -> list[tuple[int, int]]:
    """Stretches of executable sections from a mapping symbol "$d" to the next one, or to the section's end.

    AArch64 ELF (AAELF64), mapping symbols: "$x" where A64 begins, "$d" where data does, also as "$d.NAME".
    """
    table = elf.get_section_by_name(".symtab")
    if table is None:
        return []
    marks: dict[int, list[tuple[int, bool]]] = {}
    for symbol in table.iter_symbols():
        kind, _, _ = symbol.name.partition(".")
        if kind in ("$d", "$x") and isinstance(symbol["st_shndx"], int):
            marks.setdefault(symbol["st_shndx"], []).append((int(symbol["st_value"]), kind == "$d"))
    found = []
    for index, places in marks.items():
        header = elf.get_section(index).header if index < elf.num_sections() else None
        if header is None or not header["sh_flags"] & EXECUTABLE:
            continue
        end = int(header["sh_addr"]) + int(header["sh_size"])
        ordered = [*sorted(places), (end, False)]
        found += [(here, behind) for (here, is_data), (behind, _) in itertools.pairwise(ordered) if is_data]
    return found
