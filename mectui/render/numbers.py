"""How numbers are written: addresses in groups of four digits, counts with commas, MECIDs with their source."""

from __future__ import annotations

import re

from emu.architecture import MecidSource

_LONG = re.compile(r"\b0x([0-9a-fA-F]{8,16})\b")


def grouped(value: int, digits: int) -> str:
    """`value` in at least `digits` hexadecimal digits, in groups of four."""
    text = f"{value:0{digits}x}"
    text = text.zfill((len(text) + 3) // 4 * 4)
    return "_".join(text[at : at + 4] for at in range(0, len(text), 4))


def address(value: int) -> str:
    """An address: "0x4000_0120", "0xffff_8000_0000_c000"."""
    return "0x" + grouped(value, 8 if value < 1 << 32 else 12 if value < 1 << 48 else 16)


def written_alike(text: str) -> str:
    """A sentence with every hexadecimal number of eight digits and more written as addresses are."""
    return _LONG.sub(lambda found: address(int(found[1], 16)), text)


def value64(value: int) -> str:
    """A 64-bit value, all sixteen digits: "0000_0000_4000_0120"."""
    return grouped(value, 16)


def short(value: int) -> str:
    """A value as short as it goes: "0", "5", "0x1f", "0x4000_0120"."""
    return str(value) if value < 10 else f"{value:#x}" if value < 0x10000 else "0x" + grouped(value, 8)


def count(value: int) -> str:
    return f"{value:,}"


def plural(number: int, noun: str) -> str:
    """ "1 page", "2 pages"."""
    if number == 1:
        return f"1 {noun}"
    ending = "ies" if noun.endswith("y") else "es" if noun.endswith(("s", "x", "ch")) else "s"
    return f"{count(number)} {noun[:-1] if ending == 'ies' else noun}{ending}"


def size(bytes_: int) -> str:
    """A power-of-two size: "4 KiB", "2 MiB", "1 GiB"."""
    for unit, shift in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if bytes_ >= 1 << shift and bytes_ % (1 << shift) == 0:
            return f"{bytes_ >> shift} {unit}"
    return plural(bytes_, "byte")


def mecid(number: int, source: MecidSource | None = None) -> str:
    """ "MECID 5 (A1)"; "MECID 0" where no register supplies it."""
    if source is None or source is MecidSource.ZERO:
        return f"MECID {number}"
    return f"MECID {number} ({source.short})"


def size_roughly(bytes_: int) -> str:
    """A size in the largest unit that leaves a whole number of at most four digits: "120 KiB", "2 GiB"."""
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if bytes_ >> shift and (bytes_ % (1 << shift) == 0 or bytes_ >> shift >= 16):
            exact = "" if bytes_ % (1 << shift) == 0 else "about "
            return f"{exact}{bytes_ >> shift} {unit}"
    return plural(bytes_, "byte")
