"""SYS and SYSL: TLB and cache maintenance, address translation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from emu import state
from emu.architecture import VA, Access
from emu.caches import BY_ADDRESS, BY_PHYSICAL_ADDRESS, BY_WAY
from emu.debug.events import AddressTranslated, Moment, TlbInvalidated
from emu.permissions import encoding_of
from emu.registers.access import Allowed, decide_unallocated
from emu.registers.model import Operation
from emu.rme.gpt import is_pa_operation
from emu.system.refusals import Refusals
from emu.translation.invalidations import When
from emu.translation.records import Request

if TYPE_CHECKING:
    from emu.cpu import Cpu


class Operations:
    """What SYS instructions do."""

    def __init__(self, cpu: Cpu, refusals: Refusals) -> None:
        self._cpu = cpu
        self._slots = cpu.slots
        self._refusals = refusals
        self.heard: dict[str, bool] = {}
        """By TLBI operation: whether anybody wants to hear of it."""

    def sys(self, word: int) -> bool:
        cpu, slots = self._cpu, self._slots
        known = cpu.permissions.prepared.get(slots[state.SITUATION] | word >> 5 & state.GRANT_KEY)
        if known is not None:
            return known(slots[word & 31])
        operation, decision = cpu.permissions.operation(word)
        if operation is None or not isinstance(decision, Allowed):
            return self._refusals.refuse(decision, encoding_of(word), word, False)
        if operation.name.startswith("TLBI "):
            what = operation.name[5:]
            execute = self.invalidate_granules if is_pa_operation(what) else self._invalidate
            cpu.permissions.prepare(word, partial(execute, what))
        if operation.name == "DC ZVA":
            size = 4 << (cpu.regs["DCZID_EL0"] & 0xF)
            cpu.permissions.grant_zeroing(word, size)
            cpu.zero_block(cpu.slots[word & 31], size)
            return False
        is_redirected = self.operate(operation, cpu.slots[word & 31])
        cpu.caches.grant(word, operation.name[3:])
        return is_redirected

    def sysl(self, word: int) -> bool:
        """No SYSL operation exists in this machine."""
        encoding = encoding_of(word)
        decision = decide_unallocated(self._cpu.regs, encoding, self._cpu.el, self._cpu.security)
        return self._refusals.refuse(decision, encoding, word, True)

    def operate(self, operation: Operation, value: int) -> bool:
        """Carry out an operation that is allowed; True when that has set the PC."""
        cpu = self._cpu
        kind, _, what = operation.name.partition(" ")
        if kind == "AT":
            return self._translate(what, value)
        if kind == "TLBI":
            return self.invalidate_granules(what, value) if is_pa_operation(what) else self._invalidate(what, value)
        if what in BY_WAY:
            cpu.caches.by_way(what, value)
        elif what in BY_PHYSICAL_ADDRESS:
            cpu.caches.by_physical_address(what, value)
        elif what in BY_ADDRESS or what == "IVAU":
            cpu.caches.by_address(what, value)
        return False  # IC of everything, and predictions: there is nothing to forget

    def _invalidate(self, what: str, value: int) -> bool:
        """A TLBI about entries."""
        cpu = self._cpu
        acting, when = self._slots[state.ACTING], self._now()
        # The same number of another age stands for other values.
        removed = cpu.mmu.perform(what, value, when, acting and cpu.contexts.age << 32 | acting)
        if self.heard.get(what) is not False:
            self._tell_invalidation(what, value, when, removed)
        return False

    def invalidate_granules(self, what: str, value: int) -> bool:
        """A TLBI about granule protection information."""
        cpu, when = self._cpu, self._now()
        removed = cpu.mmu.perform_on_granules(what, value, when)
        cpu.forget_granules(*cpu.mmu.granules.forgotten)
        if self.heard.get(what) is not False:
            self._tell_invalidation(what, value, when, removed)
        return False

    def _now(self) -> When:
        """The present moment, for those who may never look at it."""
        slots = self._slots
        security = self._cpu.contexts.known[slots[state.HERE]].security
        instruction = slots[state.COUNT] + slots[state.LIMIT] - slots[state.BUDGET]
        return instruction, slots[state.PC], slots[state.EL], security

    def _tell_invalidation(self, what: str, value: int, when: When, removed: int) -> None:
        instruction, pc, el, security = when
        event = TlbInvalidated(Moment(instruction, VA(pc), el, security), what, value, removed)
        if what not in self.heard:
            self.heard[what] = self._cpu.hears(event)
        if self.heard[what]:
            self._cpu.emit(event)

    def _translate(self, what: str, va: int) -> bool:
        cpu = self._cpu
        if cpu.wants(AddressTranslated):
            cpu.emit(AddressTranslated(cpu.moment(), what, VA(va)))
        if cpu.slots[state.BARRIERS] & state.SOMETHING_WAITS:
            cpu.synchronisation.check_at(what, VA(va), bool(cpu.slots[state.PAN]))
        par, fault = cpu.mmu.at(what, VA(va), cpu.el, pan=bool(cpu.slots[state.PAN]))
        if fault is not None:
            access = Access.WRITE if "W" in what[2:] else Access.READ
            request = Request(VA(va), access, cpu.el, cpu.regime, cpu.security, is_at=True, is_cache_maintenance=True)
            cpu.exceptions.abort(fault, request)
            return True
        if par is None:
            cpu.exceptions.undefined()
            return True
        cpu.regs["PAR_EL1"] = par
        return False
