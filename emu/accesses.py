"""Accesses of one CPU as the guest makes them: each translated and checked whole before anything happens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emu import state
from emu.architecture import PAGE, VA, Access
from emu.branch_targets import BranchTargets
from emu.caches import Caches
from emu.data_path import DataPath
from emu.debug.events import (
    StaleControlUsed,
    TranslationFailed,
)
from emu.exceptions import Abandoned
from emu.isa.ops import Mode
from emu.mec.selection import MecControls, mec_controls
from emu.mec.stale_controls import stale_control
from emu.self_hosted_debug import SelfHostedDebug
from emu.synchronisation import Synchronisation
from emu.syndrome import EC
from emu.translation.mmu import Located
from emu.translation.records import Fault, FaultKind, Request, Translation

if TYPE_CHECKING:
    from emu.debug.stops.watch import AccessWatch


class Accesses(DataPath, BranchTargets):
    """Loads, stores and fetches."""

    synchronisation: Synchronisation
    debug: SelfHostedDebug
    caches: Caches
    watch: AccessWatch | None
    located: Located | None
    _mec_controls: tuple[int, MecControls] | None

    def locate(self, request: Request, reported: VA | None = None) -> Located:
        """Translate and check one access within a page, or take its exception and raise Abandoned.

        `reported` is the address that the exception names, where it is not the request's.
        """
        if self.synchronisation.watched is not None:
            self.synchronisation.check(request)
        found = self.mmu.access(request)
        if isinstance(found, Fault):
            if self.wants(TranslationFailed):
                self.emit(TranslationFailed(self.moment(), request, found))
            self.exceptions.abort(found if reported is None else replace(found, va=reported), request)
            raise Abandoned
        if request.access is not Access.FETCH and self.wants(StaleControlUsed):
            self._note_stale_control(request, found.translation)
        return found

    def may_keep(self, va: int, where: Located) -> bool:
        """Whether engines may have other loads and stores of the present context go this way without asking.

        Not by a TLB entry that was made under another EMEC or AMEC: each use of it is told of (`StaleControlUsed`). The
        rule is the same while nobody listens, so that nothing has to be forgotten when somebody begins to. Whoever
        keeps where an access went asks this first; fetches are never told of.
        """
        return self._stale_control(self._request(va, 1, Access.READ, Mode.NORMAL), where.translation) is None

    def _stale_control(self, request: Request, translation: Translation) -> tuple[str, int, int] | None:
        number = self.slots[state.ACTING]
        values = self.contexts.age << 32 | number  # the same number of another age stands for other values
        if self._mec_controls is None or self._mec_controls[0] != values or not number:
            self._mec_controls = values, mec_controls(self.acting, self.features)
        return stale_control(self._mec_controls[1], request, translation)

    def _note_stale_control(self, request: Request, translation: Translation) -> None:
        """Tell of a TLB entry that was made under another EMEC or AMEC. Fetches before the TLBI cannot help it."""
        stale = self._stale_control(request, translation)
        if stale is not None:
            self.emit(StaleControlUsed(self.moment(), request, translation, *stale))

    def _pieces(self, va: int, size: int, access: Access, mode: Mode, align: int) -> list[tuple[int, int, Located]]:
        """(va, size, where) for each page an access touches; every page is checked before anything happens."""
        request = self._request(va, size, access, mode, align)
        self.note_access(va, size, access, mode)
        first = PAGE - (va & PAGE - 1)
        if first >= size:
            where = self.locate(request)
            if mode is Mode.ATOMIC and access is Access.READ:
                where = self.locate(self._request(va, size, Access.WRITE, mode, align))
            self.check_watchpoints(request, size, mode is Mode.ATOMIC)
            self.located = where
            return [(va, size, where)]
        self.located = None
        start = self.locate(request)
        second = self._request((va + first) & state.MASK64, size - first, access, mode)
        end = self.locate(Request(second.va, access, second.el, second.regime, second.security, 1,
                                  unprivileged=second.unprivileged, honours_pan=second.honours_pan))  # fmt: skip
        if end.is_device:
            fault = Fault(FaultKind.ALIGNMENT, 0, "unaligned access to Device memory")
            self.exceptions.abort(fault, second)
            raise Abandoned
        self.check_watchpoints(request, size)
        return [(va, first, start), (second.va, size - first, end)]

    def check_watchpoints(self, request: Request, size: int, is_atomic: bool = False) -> None:
        """Take the Watchpoint exception of an access that nothing else stands in the way of."""
        if not self.debug.matches_data:
            return
        writes = request.access is Access.WRITE
        if self.debug.check_access(
            request.va, size, 0 if request.unprivileged else request.el, reads=not writes or is_atomic,
            writes=writes or is_atomic, is_maintenance=request.is_cache_maintenance,
        ):  # fmt: skip
            raise Abandoned

    def load(self, va: int, size: int, mode: Mode = Mode.NORMAL, align: int = 0) -> int:
        """A data load as the guest makes it; raises Abandoned after taking an exception."""
        value = shift = 0
        pieces = self._pieces(va, size, Access.READ, mode, align)
        for at, length, where in pieces:
            value |= self._read(at, length, where, Access.READ) << shift
            shift += 8 * length
        if self.watch is not None:
            self.watch.loaded(va, size, value, pieces)
        return value

    def store(self, va: int, size: int, value: int, mode: Mode = Mode.NORMAL, align: int = 0) -> None:
        """A data store as the guest makes it; raises Abandoned after taking an exception."""
        pieces = self._pieces(va, size, Access.WRITE, mode, align)
        stored = None if self.watch is None else self.watch.storing(va, size, value, pieces)
        for at, length, where in pieces:
            self._write(at, length, value & (1 << 8 * length) - 1, where)
            value >>= 8 * length
        if stored is not None:
            stored()

    def fetch(self, pc: int) -> int:
        """The instruction word at pc; raises Abandoned after taking an exception."""
        if pc & 3:
            self.exceptions.take(self.exceptions.general_target(), EC.PC_ALIGNMENT, far=pc)
            raise Abandoned
        where = self.locate(self._request(pc, 4, Access.FETCH, Mode.NORMAL))
        if self.debug.matches_code and self.debug.check_fetch(pc):
            raise Abandoned
        self.located = where
        word = self._read(pc, 4, where, Access.FETCH)
        if self.slots[state.IL]:
            self.exceptions.take(self.exceptions.general_target(), EC.ILLEGAL_STATE)
            raise Abandoned
        if where.translation.is_guarded:
            self.slots[state.GUARDED] = 1
            kind = self.branch_type
            if kind and not self.is_landing_pad(word, kind):
                self.exceptions.take(self.exceptions.general_target(), EC.BRANCH_TARGET, kind)
                raise Abandoned
        return word

    def zero_block(self, va: int, size: int) -> None:
        """DC ZVA: an ordinary store of zeros to a naturally aligned block; Device memory faults."""
        given = VA(va)  # what FAR_ELx tells about, though the whole block is written
        va &= ~(size - 1)
        request = replace(self._request(va, size, Access.WRITE, Mode.NORMAL), is_zeroing=True)
        self.note_access(va, size, Access.WRITE, Mode.NORMAL)
        where = self.locate(request, given)
        self.check_watchpoints(request, size)
        self.located = where
        stored = None if self.watch is None else self.watch.storing(va, size, 0, [(va, size, where)])
        self._write(va, size, 0, where)
        if stored is not None:
            stored()
