"""A data cache before the Point of Encryption: lines that know their MECID, and come back to memory under it.

Lines are tagged with the physical address, its address space and the MECID (mec-reference.md 1.7). Of the behaviours
that the architecture allows, this is the one in which contexts are strangers to each other: an access hits a line of
its own context only, so several copies of one address may be there at once, and whichever is written back last is what
memory holds. The other choices: write-back and write-allocate; a finite number of lines, replaced first in first out,
so that equal runs see equal contents; one level, for data, instructions and table walks alike.

A dirty line is written back whole, under the key that its MECID has by then. Blocks of it that no store changed and
that memory still holds as they were read make no difference there, and keep their owner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import NamedTuple, Protocol

from emu.architecture import BLOCK, PA, PAS
from emu.debug.events import Owner
from emu.mec.memory import EncryptedMemory
from emu.mec.writers import COUNT_SHIFT, Words

LINE = 64
"""Bytes of a line: what CTR_EL0.DminLine and CWG announce."""
_BLOCKS = LINE // BLOCK
_LINE_MASK = LINE - 1
LINES = 512

Key = tuple[PAS, int, int]
"""(address space, address of the line, MECID)."""


@dataclass(frozen=True, slots=True)
class CacheLine:
    """A valid line, as a debugger shows it."""

    pa: PA
    pas: PAS
    mecid: int
    generation: int
    """Generation of the MECID's key when the line was filled; it goes back under the one of that moment."""
    dirty: bool
    way: int
    """Its number for maintenance by set and way; there is one set."""
    data: bytes


class WrittenBack(NamedTuple):
    """A dirty line that was written to memory."""

    pa: PA
    owner: Owner
    cause: str
    overwritten: Owner | None
    """Another context whose later store the line destroyed."""


class Memory(Protocol):
    """What a cache needs of the machine."""

    encrypted: EncryptedMemory

    def ram_offset(self, pa: int, *, is_store: bool = False) -> int | None: ...


class _Line:
    __slots__ = ("data", "generation", "is_dirty", "mecid", "noise", "pa", "pas", "way", "writers")

    def __init__(self, pa: int, pas: PAS, mecid: int, generation: int, way: int) -> None:
        self.pa, self.pas, self.mecid, self.generation, self.way = pa, pas, mecid, generation, way
        self.data = bytearray(LINE)
        self.is_dirty = False
        self.noise = [0] * _BLOCKS
        """For each block the owner id of the memory that it was read from under another context, else 0."""
        self.writers: list[Words | None] = [None] * _BLOCKS
        """For each block the last store since the line was filled or cleaned."""

    def copy(self) -> _Line:
        other = _Line(self.pa, self.pas, self.mecid, self.generation, self.way)
        other.data[:], other.is_dirty = self.data, self.is_dirty
        other.noise, other.writers = list(self.noise), list(self.writers)
        return other


@dataclass(frozen=True, slots=True)
class CacheState:
    """The contents, for a snapshot: lines, oldest first."""

    lines: tuple[_Line, ...] = ()


class DataCache:
    """The lines, and everything that moves data between them and memory.

    `store` writes 16 bytes to memory as a guest's store does: (arena offset, value, owner id, who stored).
    `told` hears of each line written back.
    """

    def __init__(
        self,
        memory: Memory,
        lines: int = LINES,
        *,
        store: Callable[[int, int, int, Words], None],
        told: Callable[[WrittenBack], None],
    ) -> None:
        self.capacity = lines
        self._memory = memory
        self._encrypted = memory.encrypted
        self._store = store
        self._told = told
        self._lines: dict[Key, _Line] = {}
        self._free = list(range(lines))

    # --- accesses: within RAM, of any size --------------------------------------------------------------------------

    def read(self, pa: int, size: int, pas: PAS, mecid: int) -> tuple[int, int]:
        """(little-endian value, owner id that the first noisy block of it belongs to or 0). Fills lines."""
        return self._read(pa, size, lambda at: self._fill(at, pas, mecid))

    def look(self, pa: int, size: int, pas: PAS, mecid: int) -> tuple[int, int]:
        """What `read` would return. Changes nothing."""
        return self._read(pa, size, lambda at: self._lines.get((pas, at, mecid)) or self._from_memory(at, pas, mecid))

    def write(
        self, pa: int, size: int, value: int, pas: PAS, mecid: int, writer: Words, *, is_write_back: bool = True
    ) -> None:
        """A store; `writer` is who does it. To Write-Through memory it goes on at once."""
        data = value.to_bytes(size, "little")
        for at, start, length in _parts(pa, size):
            line = self._fill(at, pas, mecid)
            line.data[start : start + length] = data[:length]
            data = data[length:]
            line.is_dirty = True
            for block in range(start // BLOCK, (start + length - 1) // BLOCK + 1):
                line.writers[block], line.noise[block] = writer, 0
            if not is_write_back:
                self._clean(line, "write-through")

    def poke(self, pa: int, data: bytes) -> None:
        """What a loader or debugger writes to memory becomes part of every copy, and dirties none."""
        for line in self._lines.values():
            start, end = max(pa, line.pa), min(pa + len(data), line.pa + LINE)
            if start < end:
                line.data[start - line.pa : end - line.pa] = data[start - pa : end - pa]

    # --- maintenance ------------------------------------------------------------------------------------------------

    def copies(self, pa: int, pas: PAS) -> list[Key]:
        """Lines that hold an address, whatever their MECID, newest first.

        The order in which maintenance writes copies back is not architected. This one lets the oldest win, so that
        copies which should not be there do harm.
        """
        base = pa & ~_LINE_MASK
        return [key for key, line in reversed(self._lines.items()) if line.pa == base and line.pas == pas]

    def in_way(self, way: int, spaces: Iterable[PAS]) -> list[Key]:
        """The line in a way, if its address space is one of these."""
        return [key for key, line in self._lines.items() if line.way == way and line.pas in spaces]

    def maintain(self, keys: Iterable[Key], cause: str, *, cleans: bool, invalidates: bool) -> None:
        """Clean lines (write them back), invalidate them, or both. An invalidated dirty line is lost if not cleaned."""
        for key in keys:
            if cleans:
                self._clean(self._lines[key], cause)
            if invalidates:
                self._drop(key)

    # --- looking ----------------------------------------------------------------------------------------------------

    def lines(self) -> tuple[CacheLine, ...]:
        """Every valid line, oldest first."""
        return tuple(
            CacheLine(PA(line.pa), line.pas, line.mecid, line.generation, line.is_dirty, line.way, bytes(line.data))
            for line in self._lines.values()
        )

    def state(self) -> CacheState:
        """What a snapshot keeps."""
        return CacheState(tuple(line.copy() for line in self._lines.values()))

    def restore(self, state: CacheState) -> None:
        """Hold exactly these lines; nothing is written back. An empty state is what a reset leaves."""
        self._lines = {(line.pas, line.pa, line.mecid): line.copy() for line in state.lines}
        used = {line.way for line in state.lines}
        self._free = [way for way in range(self.capacity) if way not in used]
        heapify(self._free)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _read(self, pa: int, size: int, line_at: Callable[[int], _Line]) -> tuple[int, int]:
        seen, mismatch = bytearray(), 0
        for at, start, length in _parts(pa, size):
            line = line_at(at)
            seen += line.data[start : start + length]
            for block in range(start // BLOCK, (start + length - 1) // BLOCK + 1):
                mismatch = mismatch or line.noise[block]
        return int.from_bytes(seen, "little"), mismatch

    def _fill(self, at: int, pas: PAS, mecid: int) -> _Line:
        key = (pas, at, mecid)
        line = self._lines.get(key)
        if line is None:
            if not self._free:
                oldest = next(iter(self._lines))
                self._clean(self._lines[oldest], "eviction")
                self._drop(oldest)
            line = self._from_memory(at, pas, mecid)
            line.way = heappop(self._free)
            self._lines[key] = line
        return line

    def _from_memory(self, at: int, pas: PAS, mecid: int) -> _Line:
        """What a fill would find."""
        encrypted = self._encrypted
        identity = encrypted.owner_id(pas, mecid)
        line = _Line(at, pas, mecid, encrypted.owner(identity).generation, -1)
        offset = self._offset(at)
        for block in range(_BLOCKS):
            start = block * BLOCK
            value, line.noise[block] = encrypted.load(offset + start, BLOCK, identity)
            line.data[start : start + BLOCK] = value.to_bytes(BLOCK, "little")
        return line

    def _clean(self, line: _Line, cause: str) -> None:
        if not line.is_dirty:
            return
        encrypted = self._encrypted
        identity = encrypted.owner_id(line.pas, line.mecid)
        offset = self._offset(line.pa)
        memory = encrypted.view_as(offset, LINE, identity)
        spans = [slice(block * BLOCK, (block + 1) * BLOCK) for block in range(_BLOCKS)]
        latest = max(writer for writer in line.writers if writer is not None)
        changed = [
            block for block in range(_BLOCKS) if line.writers[block] or memory[spans[block]] != line.data[spans[block]]
        ]
        overwritten = None
        for block in changed:
            overwritten = overwritten or self._destroyed(offset + block * BLOCK, identity, line.writers[block])
        for block in changed:
            value = int.from_bytes(line.data[spans[block]], "little")
            self._store(offset + block * BLOCK, value, identity, line.writers[block] or latest)
        line.is_dirty, line.writers = False, [None] * _BLOCKS
        self._told(WrittenBack(PA(line.pa), encrypted.owner(identity), cause, overwritten))

    def _destroyed(self, offset: int, identity: int, writer: Words | None) -> Owner | None:
        """Whose store to a block of memory is lost if a line of another context is written over it.

        None where the line's own store is the later one: the block has been taken over, as it may be.
        """
        encrypted = self._encrypted
        owner = encrypted.owner_at(offset)
        if owner is None or encrypted.is_readable_as(offset, identity):
            return None
        last = encrypted.last_writer(offset)
        if writer is not None and (last is None or last.instruction <= writer[0] >> COUNT_SHIFT):
            return None
        return owner

    def _drop(self, key: Key) -> None:
        heappush(self._free, self._lines.pop(key).way)

    def _offset(self, pa: int) -> int:
        offset = self._memory.ram_offset(pa)
        assert offset is not None
        return offset


def _parts(pa: int, size: int) -> Iterable[tuple[int, int, int]]:
    """(address of the line, first byte in it, bytes) for each line that a range touches."""
    end = pa + size
    while pa < end:
        base = pa & ~_LINE_MASK
        length = min(end, base + LINE) - pa
        yield base, pa - base, length
        pa += length
