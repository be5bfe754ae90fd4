"""Bytes between one CPU and memory or devices, once translated: owners, records of stores, substituted accesses."""

from __future__ import annotations

from collections.abc import Callable

from emu import state
from emu.architecture import PA, PAGE, PAS, VA, Access
from emu.cpu_state import CpuState
from emu.debug.events import (
    Event,
    FirstOwner,
    Hit,
    OwnerChanged,
)
from emu.exceptions import Abandoned, Exceptions
from emu.isa.ops import Mode
from emu.mec.writers import Words, Writer, flags_of, words_of
from emu.memory import PhysicalMemory
from emu.registers.pending import ActingRegisters
from emu.translation.cacheability import is_cacheable_access, is_write_back
from emu.translation.mmu import Located, Mmu
from emu.translation.records import Fault, FaultKind

MOST_KEPT = 100_000
"""Records of one kind that are kept in memory: a guest that repeats a mistake for ever must not eat the host."""


class DataPath(CpuState):
    """What an access does at the place where translation has sent it."""

    memory: PhysicalMemory
    emit: Callable[[Event], None]
    wants: Callable[[type], bool]
    acting: ActingRegisters
    mmu: Mmu
    exceptions: Exceptions
    hits: list[Hit]
    hit_count: int
    _code_listeners: list[Callable[[int, int], None]]

    def listen_to_code_writes(self, listener: Callable[[int, int], None]) -> None:
        """Be told (arena offset, size) when bytes change that an engine marked as decoded."""
        self._code_listeners.append(listener)

    def code_written(self, offset: int, size: int) -> None:
        for listener in self._code_listeners:
            listener(offset, size)

    def _read(self, va: int, size: int, where: Located, access: Access) -> int:
        memory = self.memory
        offset = memory.ram_offset(where.pa)
        if offset is None:
            device = memory.device_of(where.pa, where.pas)
            if device is None or access is Access.FETCH:
                self._external_abort(va, size, access, where.pa)
            assert device is not None
            return device.read(where.pa - device.base, size) & (1 << 8 * size) - 1
        if memory.cache is not None and self.is_cached(where, access):
            value, mismatch = memory.cache.read(where.pa, size, where.pas, where.mecid)
        else:
            value, mismatch = memory.encrypted.load(offset, size, memory.encrypted.owner_id(where.pas, where.mecid))
        if mismatch:
            self._hit(VA(va), where, access, size, mismatch, offset)
        return value

    def is_cached(self, where: Located, access: Access) -> bool:
        """Whether an access of the present regime goes through the data cache."""
        if self.memory.cache is None:
            return False
        return is_cacheable_access(where.translation, access, self.regime, self.acting)

    def _write(self, va: int, size: int, value: int, where: Located) -> None:
        memory = self.memory
        offset = memory.ram_offset(where.pa, is_store=True)
        if offset is None:
            device = memory.device_of(where.pa, where.pas)
            if device is None:
                self._external_abort(va, size, Access.WRITE, where.pa)
            assert device is not None
            device.write(where.pa - device.base, size, value)
            return
        writer = self.writer(flags_of(self.slots[state.EL], self.security, where.source))
        if self.is_cached(where, Access.WRITE):
            self._store_cached(
                where.pa, size, value, where.pas, where.mecid, writer, is_write_back=is_write_back(where.attributes)
            )
        else:
            self.store_at(offset, size, value, memory.encrypted.owner_id(where.pas, where.mecid), writer)

    def _store_cached(
        self, pa: PA, size: int, value: int, pas: PAS, mecid: int, writer: Words, *, is_write_back: bool = True
    ) -> None:
        memory = self.memory
        assert memory.cache is not None
        memory.cache.write(pa, size, value, pas, mecid, writer, is_write_back=is_write_back)
        marked = memory.notice(pa, size)
        if marked is not None:
            self.code_written(*marked)

    def writer(self, flags: int) -> Words:
        """The record of a store by the present instruction; `flags` are those of `emu.mec.writers.flags_of`."""
        return words_of(self.instructions, self.slots[state.PC], flags)

    def store_at(self, offset: int, size: int, value: int, owner: int, writer: Words) -> None:
        """A store that has been translated: to an arena offset, under an owner id."""
        memory = self.memory
        encrypted = memory.encrypted
        is_wanted = self.wants(OwnerChanged) or self.wants(FirstOwner)
        kept = encrypted.writers_of(offset, size) if is_wanted else []
        result = memory.store(offset, size, value, owner, writer)
        if result.changes and is_wanted:
            moment = None
            for change in result.changes:
                kind = OwnerChanged if change.before else FirstOwner
                if not self.wants(kind):
                    continue
                moment = moment or self.moment()
                before = encrypted.owner(change.before) if change.before else None
                self.emit(
                    kind(
                        moment, memory.physical(change.offset), before, encrypted.owner(owner), change.is_partial,
                        None if before is None else encrypted.earlier_writer(change, before, offset, kept),
                    )
                )  # fmt: skip
        if result.touched_code:
            if encrypted.model == "substitute":
                offset, size = offset & ~(PAGE - 1), PAGE
            self.code_written(offset, size)

    def _external_abort(self, va: int, size: int, access: Access, pa: PA) -> None:
        reason = f"nothing answers at physical address {pa:#x}"
        self.exceptions.abort(Fault(FaultKind.EXTERNAL, 0, reason), self._request(va, size, access, Mode.NORMAL))
        raise Abandoned

    def _hit(self, va: VA, where: Located, access: Access, size: int, owner: int, offset: int) -> None:
        hit = Hit(
            self.moment(), va, where.pa, access, size, where.pas, where.mecid, where.source,
            self.memory.encrypted.owner(owner), self._writer_under(owner, offset),
        )  # fmt: skip
        self._record(hit)

    def _writer_under(self, owner: int, offset: int) -> Writer | None:
        """Who stored to a block under this owner id; None when others have since, and a cache line is older."""
        encrypted = self.memory.encrypted
        writer = encrypted.last_writer(offset)
        return writer if writer is not None and writer.owner == encrypted.owner(owner) else None

    def _walk_stores(self, pa: PA, pas: PAS, mecid: int, value: int, is_cacheable: bool) -> None:
        """A hardware update of a descriptor, on behalf of the present instruction."""
        flags = flags_of(self.slots[state.EL], self.security, self.mmu.walk_source(), is_walk=True)
        memory, writer = self.memory, self.writer(flags)
        if is_cacheable and memory.cache is not None:
            self._store_cached(pa, 8, value, pas, mecid, writer)
            return
        offset = memory.ram_offset(pa, is_store=True)
        assert offset is not None
        self.store_at(offset, 8, value, memory.encrypted.owner_id(pas, mecid), writer)

    def _walk_mismatch(self, pa: PA, pas: PAS, mecid: int, owner: int) -> None:
        offset = self.memory.ram_offset(pa)
        assert offset is not None
        hit = Hit(
            self.moment(), None, pa, Access.WALK, 8, pas, mecid, self.mmu.walk_source(),
            self.memory.encrypted.owner(owner), self._writer_under(owner, offset), *self.mmu.walk_table(),
        )  # fmt: skip
        self._record(hit)

    def _record(self, hit: Hit) -> None:
        self.hit_count += 1
        if len(self.hits) < MOST_KEPT:
            self.hits.append(hit)
        self.emit(hit)
