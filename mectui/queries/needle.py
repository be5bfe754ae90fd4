"""Searching memory: what a typed pattern means, and where it is next."""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import PAGE
from emu.errors import EmuError

if TYPE_CHECKING:
    import emu
    from mectui.queries.memory import Window

MASK64 = (1 << 64) - 1
TOP_BITS = 52
"""The larger of the input sizes that a translation table range can have."""
BEYOND = 1 << 39
"""What is skipped at once where an address is beyond the input size of its range."""
SECONDS = 1.0
"""How long one search may take; the next key goes on from there."""
_PAIRS = re.compile(r"[0-9a-fA-F]{2}( [0-9a-fA-F]{2})+")
_VALUE = re.compile(r"0x[0-9a-fA-F_]+")


def pattern(text: str) -> bytes:
    """The bytes that a typed text stands for: "de ad be ef", 0x1234 as it lies in memory, "quoted" or plain text.

    A value takes 1, 2, 4 or 8 bytes, little-endian, by the digits that are written: 0x0005 is two.
    """
    stripped = text.strip()
    if _PAIRS.fullmatch(stripped):
        return bytes.fromhex(stripped)
    if _VALUE.fullmatch(stripped):
        digits = stripped[2:].replace("_", "")
        size = next((size for size in (1, 2, 4, 8) if len(digits) <= 2 * size), 0)
        if size and digits:
            return int(digits, 16).to_bytes(size, "little")
    if len(stripped) > 1 and stripped[0] == stripped[-1] == '"':
        return stripped[1:-1].encode("utf-8", errors="replace")
    return text.encode("utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class Find:
    """A search: from `start` on, or back from it; `number` tells its answer from those of other searches."""

    wanted: bytes
    start: int
    forward: bool = True
    number: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """The answer: where it is, or how far the search has come."""

    address: int | None
    number: int
    reached: int | None = None
    """Where to go on, if time ran out."""


def find(machine: emu.Machine, window: Window, sought: Find) -> Found:
    """The next place where the bytes are, as the window's eyes see them; round the end of memory if need be.

    Only memory that anybody ever wrote is looked at, so a pattern of zeros is found beside other data only.
    """
    deadline = time.perf_counter() + SECONDS
    tail, tail_end = b"", None
    overlap = len(sought.wanted) - 1
    place = sought.start
    for base in touched_pages(machine, window, sought):
        if base is None:
            place_after = None
        else:
            data = page_bytes(window, base)
            place_after = base
            if data is not None:
                found = in_page(sought, base, data, tail, tail_end, overlap)
                if found is not None:
                    return Found(found, sought.number)
                if sought.forward:
                    tail, tail_end = (data[len(data) - overlap :] if overlap else b""), base + PAGE
                else:
                    tail, tail_end = data[:overlap], base
        place = place if place_after is None else place_after
        if time.perf_counter() > deadline:
            return Found(None, sought.number, place)
    return Found(None, sought.number)


def in_page(sought: Find, base: int, data: bytes, tail: bytes, tail_end: int | None, overlap: int) -> int | None:
    """The first place in a page (the last one, backwards), with the edge of the page looked at before."""
    if sought.forward:
        joined, start = (tail + data, base - len(tail)) if tail_end == base else (data, base)
        at = joined.find(sought.wanted, max(sought.start - start, 0) if start <= sought.start < base + PAGE else 0)
        return start + at if at >= 0 else None
    joined = data + tail if tail_end == base + PAGE else data
    end = len(joined)
    if base <= sought.start < base + PAGE:
        end = min(end, sought.start - base + overlap)
    at = joined.rfind(sought.wanted, 0, end)
    return base + at if at >= 0 else None


def page_bytes(window: Window, base: int) -> bytes | None:
    """A page through the window's eyes; None where nothing can be read."""
    try:
        place = window.place(base)
        return None if place is None else window.read(base, place[0], place[1], PAGE)
    except EmuError:
        return None


def touched_pages(machine: emu.Machine, window: Window, sought: Find) -> Iterator[int | None]:
    """Addresses of pages that anybody wrote, from the start's own on, and that one again at the end.

    None stands for a stretch without any, so that the caller can look at the clock.
    """
    physical = sorted(int(machine.memory.physical(page * PAGE)) for page in machine.memory.touched)
    first = sought.start & -PAGE
    if window.is_physical:
        at = bisect_left(physical, first)
        order = (
            physical[at:] + physical[:at] if sought.forward else [*physical[: at + 1][::-1], *physical[at + 1 :][::-1]]
        )
        yield from order
        if order:
            yield order[0]
        return
    yield from mapped(machine, physical, first, sought.forward)


def mapped(machine: emu.Machine, physical: list[int], first: int, forward: bool) -> Iterator[int | None]:
    """The same by virtual address: mapping by mapping, all the way round."""
    va, covered = first, 0
    while covered <= MASK64:
        start, size, pa = stretch(machine, va)
        low, high = (va, start + size) if forward else (start, va + PAGE)
        if pa is None:
            yield None
        else:
            low_pa, high_pa = pa + low - start, pa + high - start
            pages = physical[bisect_left(physical, low_pa) : bisect_left(physical, high_pa)]
            for page in pages if forward else reversed(pages):
                yield start + page - pa
            if not pages:
                yield None
        covered += high - low
        va = high & MASK64 if forward else (start - PAGE) & MASK64
    yield first


def stretch(machine: emu.Machine, va: int) -> tuple[int, int, int | None]:
    """(first VA, bytes, PA of the first) of the mapping around an address; PA None where nothing is mapped."""
    walk = machine.translate(va)
    if walk.fault is None and walk.translation is not None and walk.pa is not None:
        translation = walk.translation
        return translation.va_base, translation.size, translation.pa_base
    if walk.fault is None and walk.pa is not None:
        return va & -PAGE, PAGE, walk.pa & -PAGE
    if walk.steps:
        size = 1 << walk.steps[-1].index_low
        return va & -size, size, None
    if va >> TOP_BITS not in (0, MASK64 >> TOP_BITS):  # neither range can reach into the middle
        return 1 << TOP_BITS, (MASK64 >> TOP_BITS << TOP_BITS) - (1 << TOP_BITS), None
    return va & -BEYOND, BEYOND, None


def everywhere(data: bytes, wanted: bytes) -> list[int]:
    """Every place of `wanted` in `data`, overlapping ones too."""
    places, at = [], data.find(wanted)
    while wanted and at >= 0:
        places.append(at)
        at = data.find(wanted, at + 1)
    return places
