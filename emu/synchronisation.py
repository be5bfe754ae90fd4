"""Context synchronisation of one CPU: MSRs that wait, the events that make them act, and accesses that came too soon.

What waits is what the MMU reads: accesses, fetches, walks, AT, the VMID and state of TLBI, granule protection, MECIDs.
What does not: PSTATE, stack pointers, ELR, SPSR, VBAR and the syndrome registers, which are read directly or
synchronise themselves, and the conditions of traps and of exception routing, which act at once (the manual allows
either). A debugger's writes act at once too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from emu import state
from emu.architecture import PA, PAS, VA, Access, Regime, Security
from emu.debug.events import (
    BarrierExecuted,
    CacheMaintained,
    FirstOwner,
    MecidWritten,
    Moment,
    OwnerChanged,
    PendingUsed,
    RegisterWritten,
    StaleControlUsed,
    Synchronised,
    TlbEvicted,
    TlbFilled,
    TlbInvalidated,
)
from emu.registers.model import Register
from emu.registers.pending import ActingRegisters, Held, Pending
from emu.transition_table import ISB
from emu.transitions import Step
from emu.translation.at import AT_OPERATIONS, at_request
from emu.translation.mmu import CONTEXT_REGISTERS, Located
from emu.translation.records import MemoryAttributes, Request
from emu.translation.regimes import RegisterView, regime_of

if TYPE_CHECKING:
    from emu.cpu import Cpu

Sync = Literal["immediate", "architectural"]
"""When an MSR to a register that the MMU reads acts: at once, or at the next context synchronisation event."""

STEERING = frozenset(("translation", "mecid"))
"""Hooks of the registers that the MMU reads."""

_TRAP_REGISTERS = frozenset(("HCR_EL2", "SCR_EL3"))
"""Registers that steer the MMU and the traps of floating point too."""

_NEVER_WALKED = frozenset(("MECID_A0_EL2", "MECID_A1_EL2"))
"""MECID registers for leaves with AMEC=1 of EL2 and EL2&0, which have no stage 2 to map their tables."""

_MOST = 1000
"""Answers that are kept."""

_A_FETCH = PendingUsed(
    Moment(0, VA(0), 0, Security.ROOT), "", 0, 0, Access.FETCH, VA(0), Moment(0, VA(0), 0, Security.ROOT)
)
"""Stands for the fetches that go by an old value, in asking whether anybody wants to hear of them."""
_TOLD_BY_PYTHON = (FirstOwner, StaleControlUsed, TlbFilled, TlbEvicted)
"""What native code tells nobody of: it must not claim blocks or fill the TLB while somebody listens."""

_NOT_OF_TRANSITIONS = frozenset((BarrierExecuted, CacheMaintained, OwnerChanged))
"""What exception entries and returns are no occasion for. Rules turn to barriers and away again all the time."""

_DOMAINS = ("OSH", "NSH", "ISH", "SY")
_TYPES = ("", "LD", "ST", "")


class Synchronisation:
    """What stands between a CPU's registers and its MMU."""

    def __init__(self, cpu: Cpu, sync: Sync) -> None:
        self._cpu = cpu
        self._is_immediate = sync == "immediate"
        self.acting = ActingRegisters(cpu.regs, lambda: cpu.security)
        """The registers as the MMU sees them."""
        self._watched: frozenset[str] | None = None
        self._is_wanted = False
        self._barriers = 0
        """What barriers have to come to Python for, whatever waits."""
        self._writes: dict[tuple[str, bool], bool] = {}
        """By register, and whether it took its value unchanged: whether somebody wants to hear of such writes."""
        self._are_fetches_wanted = True
        self._relevant: dict[tuple[Regime, tuple[str, ...]], frozenset[str]] = {}

    @property
    def watched(self) -> frozenset[str] | None:
        """The registers that wait, can matter to an access of the present level, and whose use somebody wants to hear
        of: accesses have to come by `check`. None most of the time."""
        if not self._cpu.slots[state.BARRIERS] & state.SOMETHING_WAITS:
            return None
        if self.acting.is_behind or self.acting.has_news:
            self._watch(self.acting.held)
        return self._watched

    # Writes.

    def write(self, register: Register, value: int) -> Step | None:
        """An MSR to a register that steers the MMU; returns what `Transitions.keep_step` needs, if it may be kept."""
        cpu, regs, contexts, name = self._cpu, self._cpu.regs, self._cpu.contexts, register.name
        moment, old = cpu.moment(), regs[name]
        acting = cpu.slots[state.ACTING]
        before = contexts.programmed()
        step = None if self._is_immediate else cpu.transitions.begin_step(name, value)
        regs[name] = value
        new = regs[name]
        if self._is_immediate:
            if new != old:
                cpu.context_changed()
        elif new != old or cpu.slots[state.BARRIERS] & state.SOMETHING_WAITS:
            if new != old:
                contexts.written(before, acting, name)
            self._hold(name, old, moment)
            if name in _TRAP_REGISTERS:
                cpu.fp_traps_changed()
        event = None
        if register.hook == "mecid":
            event = MecidWritten(moment, name, old, new)
            cpu.emit(event)
        if self._is_heard(moment, name, new, value):
            cpu.emit(RegisterWritten(moment, name, old, new, value))
            return None
        if step is None or new != value:
            return None
        return step if event is None or cpu.transitions.can_do_without(event, step) else None

    def _hold(self, name: str, old: int, moment: Moment) -> None:
        """A register holds a value from now on that does not act yet."""
        watched, cpu = self.watched, self._cpu
        held = self.acting.hold(name, old, moment)
        if self._is_wanted:
            self._watch(held)
        if not held:
            cpu.slots[state.BARRIERS] = self._barriers
        if self._watched is not watched and self._watched != watched:
            cpu.choose_translations()

    def _is_heard(self, moment: Moment, name: str, new: int, given: int) -> bool:
        key = (name, new == given)
        known = self._writes.get(key)
        if known is None:
            known = self._writes[key] = self._cpu.hears(RegisterWritten(moment, name, 0, new, given))
        return known

    def write_at_once(self, name: str, value: int) -> None:
        """A debugger's write: whatever waited in this register is forgotten."""
        self._cpu.regs[name] = value
        self.acting.held.pop(name, None)
        self._cpu.contexts.changed()
        self._update()
        self._cpu.context_changed()

    # Events.

    def synchronise(self, cause: str, moment: Moment) -> None:
        """A context synchronisation event. The caller sees to `Cpu.context_changed` once it has done its own part."""
        held = self.acting.held
        if not held:
            return
        names = tuple(held)
        self.acting.clear()
        slots = self._cpu.slots
        slots[state.ACTING] = slots[state.PROGRAMMED]
        self._update(quietly=True)
        if self._cpu.wants(Synchronised):
            self._cpu.emit(Synchronised(moment, cause, names))

    def isb(self) -> None:
        """An ISB that native code handed over: something waits, or somebody wants to hear of barriers."""
        cpu, moment = self._cpu, self._cpu.moment()
        if cpu.wants(BarrierExecuted):
            cpu.emit(BarrierExecuted(moment, "ISB", "SY"))
        if self.acting.held:
            start = cpu.transitions.start(ISB, pan=cpu.slots[state.PAN])
            self.synchronise("ISB", moment)
            cpu.context_changed()
            cpu.transitions.finish(start, None)

    def barrier(self, word: int) -> None:
        """A DSB or DMB that native code handed over, because somebody wants to hear of it."""
        option = word >> 8 & 15
        # The manual's reserved options work as SY does.
        domain = _DOMAINS[option >> 2] if option & 3 else "SY"
        kinds = _TYPES[option & 3]
        name = kinds if kinds and domain == "SY" else domain + kinds
        kind = "DMB" if word >> 5 & 1 else "DSB"
        self._cpu.emit(BarrierExecuted(self._cpu.moment(), kind, name))

    # Coming and going of states and listeners.

    def forget(self) -> None:
        """Reset, or a debugger's new state: nothing waits."""
        self.restore({})

    def restore(self, pending: dict[str, Pending]) -> None:
        """The registers have been given the values of another moment, at which these waited."""
        self.acting.restore(pending)
        self._cpu.contexts.changed()
        self._update(quietly=True)

    def wanted_changed(self, kinds: frozenset[type]) -> None:
        """Somebody began or ceased to listen to these kinds of events."""
        self._is_wanted = self._cpu.wants(PendingUsed)
        self._barriers = state.BARRIERS_WANTED if self._cpu.wants(BarrierExecuted) else 0
        self._writes.clear()
        if TlbInvalidated in kinds:
            self._cpu.system.operations.heard.clear()
        if CacheMaintained in kinds:
            self._cpu.caches.log.close()
        if kinds - _NOT_OF_TRANSITIONS:
            self._cpu.transitions.forget()
        were_fetches_wanted = self._are_fetches_wanted
        self._are_fetches_wanted = self._is_wanted and self._cpu.hears(_A_FETCH)
        self._update()
        if (self._are_fetches_wanted and not were_fetches_wanted) or not kinds.isdisjoint(_TOLD_BY_PYTHON):
            self._cpu.flush_translations()

    def _update(self, *, quietly: bool = False) -> None:
        """Tell native code what it has to hand over, and engines whether they may cache translations."""
        before, held = self.watched, self.acting.held
        self._cpu.slots[state.BARRIERS] = self._barriers | (state.SOMETHING_WAITS if held else 0)
        self._watch(held)
        if self._watched != before and not quietly:
            self._cpu.context_changed()

    def _watch(self, held: dict[str, Held]) -> None:
        """Find out which of the registers that wait can make a difference to an access of the present level."""
        self.acting.has_news = False
        if not held or not self._is_wanted:
            self._watched = None
            return
        key = (self._cpu.regime, tuple(held))
        known = self._relevant.get(key)
        if known is None:
            if len(self._relevant) >= _MOST:
                self._relevant.clear()
            known = self._relevant[key] = frozenset(held).intersection(CONTEXT_REGISTERS[key[0]])
        self._watched = known or None

    def may_keep(self, where: Located, access: Access) -> bool:
        """Whether engines may let accesses like this one go on without `check`, for as long as the same waits."""
        watched = self.watched
        if watched is None:
            return True
        if access is Access.FETCH:
            return not self._are_fetches_wanted
        return watched <= _NEVER_WALKED and where.source.value not in watched

    # Accesses that go by an old value.

    def check(self, request: Request) -> None:
        """Before an access: report the registers whose new values would have made it another one."""
        if request.access is Access.FETCH and not self._are_fetches_wanted:
            return

        def make(view: RegisterView) -> Request:
            regime = regime_of(request.el, view, request.security)
            return request if regime is request.regime else replace(request, regime=regime)

        self._check(request.va, make)

    def check_at(self, operation: str, va: VA, pan: bool) -> None:
        """Before an AT instruction: the same. What it translates is found out without the check of the output."""
        if not (self._is_wanted and self.acting.held):
            return
        self._check(va, lambda view: at_request(AT_OPERATIONS[operation], va, view, pan))

    def _check(self, va: VA, make: Callable[[RegisterView], Request | None]) -> None:
        request = make(self.acting)
        if request is None:
            return
        held, access = self.acting.held, request.access
        names = [name for name, item in held.items() if access not in item.reported]
        if not names:
            return
        where = self._where(make)
        goes, source = _destination(where), None if where is None else where.source.value
        # Of those two only the one that supplies this access's own MECID can make a difference by itself.
        alone = [name for name in names if name not in _NEVER_WALKED or name == source]
        guilty = [name for name in alone if _destination(self._where(make, name)) != goes]
        if not guilty and alone and len(names) > 1 and _destination(self._where(make, *names)) != goes:
            guilty = names  # only together do they make a difference
        for name in guilty:
            item = held[name]
            item.reported.add(access)
            now = self._cpu.moment()
            pending = self._cpu.regs[name]
            self._cpu.emit(PendingUsed(now, name, item.acting, pending, access, va, item.written))

    def _where(self, make: Callable[[RegisterView], Request | None], *names: str) -> Located | None:
        """Where an access goes if these registers act already; None where it faults."""
        with self.acting.as_if_acting(names):
            request = make(self.acting)
            return None if request is None else self._cpu.mmu.look(request)


def _destination(where: Located | None) -> tuple[PA, PAS, int, MemoryAttributes] | None:
    """What makes a difference to an access."""
    return None if where is None else (where.pa, where.pas, where.mecid, where.attributes)
