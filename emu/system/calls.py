"""Instructions that are there to take an exception, and ERET, which returns from one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu import state
from emu.debug.events import FirmwareCalled
from emu.devices.monitor import Monitor
from emu.devices.semihosting import IMMEDIATE as SEMIHOSTING
from emu.isa.ops import Query
from emu.registers.access import Trapped
from emu.registers.traps import EXCEPTION_RETURN, SUPERVISOR_CALL
from emu.syndrome import EC
from emu.system.refusals import Refusals
from emu.transition_table import ERET, HVC, ODD_RETURN, SMC, SVC

if TYPE_CHECKING:
    from emu.cpu import Cpu


class Calls:
    """Each returns True when it has set the PC itself."""

    def __init__(self, cpu: Cpu, refusals: Refusals) -> None:
        self._cpu = cpu
        self._refusals = refusals
        self.monitor: Monitor | None = None
        """What answers SMCs in place of EL3 software; None where the guest has its own."""

    def svc(self, word: int) -> bool:
        cpu, exceptions = self._cpu, self._cpu.exceptions
        trapped = cpu.permissions.trapped(SUPERVISOR_CALL)
        if isinstance(trapped, Trapped):
            exceptions.take(trapped.target_el, EC.SVC, word >> 5 & 0xFFFF)
            return True
        return self._call(SVC, exceptions.general_target(), EC.SVC, word)

    def hvc(self, word: int) -> bool:
        cpu = self._cpu
        el = cpu.el
        allowed = el == 3 or (el and cpu.exceptions.is_el2_enabled())
        if not allowed or not cpu.regs.field("SCR_EL3.HCE"):
            return self._refusals.undefined(word)
        self._note_call("HVC", word)
        return self._call(HVC, max(el, 2), EC.HVC, word)

    def smc(self, word: int) -> bool:
        cpu = self._cpu
        if cpu.el == 0:
            return self._refusals.undefined(word)
        if cpu.el == 1 and cpu.exceptions.is_el2_enabled() and cpu.regs.field("HCR_EL2.TSC"):
            self._note_call("SMC", word)
            cpu.exceptions.take(2, EC.SMC, word >> 5 & 0xFFFF)
            return True
        if cpu.regs.field("SCR_EL3.SMD"):
            return self._refusals.undefined(word)
        self._note_call("SMC", word)
        if self.monitor is not None and cpu.el < 3:
            return self._answer_call(self.monitor)
        return self._call(SMC, 3, EC.SMC, word)

    def brk(self, word: int) -> bool:
        cpu = self._cpu
        target = 3 if cpu.el == 3 else cpu.debug.target(cpu.el, cpu.security)
        cpu.exceptions.take(target, EC.BRK, word >> 5 & 0xFFFF, far=None)
        return True

    def hlt(self, word: int) -> bool:
        cpu = self._cpu
        if word >> 5 & 0xFFFF != SEMIHOSTING:
            return self._refusals.undefined(word)
        cpu.slots[0] = cpu.semihosting(cpu.slots[0] & 0xFFFF_FFFF, cpu.slots[1])
        return False

    def eret(self, word: int) -> bool:
        if self._cpu.el == 0:
            return self._refusals.undefined(word)
        cpu = self._cpu
        target = cpu.regs[f"ELR_EL{cpu.el}"]
        authenticates = word >> 11 & 1  # ERETAA, ERETAB
        if isinstance(cpu.permissions.trapped(EXCEPTION_RETURN), Trapped):
            cpu.exceptions.take(2, EC.ERET, (word >> 10 & 3) if authenticates else 0)
            return True
        if authenticates:
            query = Query.AUTHENTICATE_IB if word >> 10 & 1 else Query.AUTHENTICATE_IA
            target = cpu.answer(query, target, cpu.slots[state.SP])
            cpu.exceptions.eret(target)
            return True
        spsr = cpu.regs[f"SPSR_EL{cpu.el}"]
        if spsr & ODD_RETURN:
            cpu.exceptions.eret(target)
            return True
        start = cpu.transitions.start(ERET, spsr & 15, spsr >> 22 & 1)
        cpu.transitions.finish(start, cpu.exceptions.eret(target))
        return True

    def _call(self, kind: int, target: int, ec: EC, word: int) -> bool:
        """An instruction that is done by taking its exception."""
        cpu = self._cpu
        start = cpu.transitions.start(kind, pan=cpu.slots[state.PAN])
        event = cpu.exceptions.take(target, ec, word >> 5 & 0xFFFF, return_to=cpu.following)
        cpu.transitions.finish(start, event)
        return True

    def _note_call(self, instruction: str, word: int) -> None:
        """Tell of an SMC or HVC that is not UNDEFINED, trapped ones too."""
        cpu = self._cpu
        if cpu.wants(FirmwareCalled):
            function, *arguments = cpu.slots[:8].tolist()
            call = FirmwareCalled(
                cpu.moment(), instruction, word >> 5 & 0xFFFF, function & 0xFFFF_FFFF, tuple(arguments)
            )
            cpu.emit(call)

    def _answer_call(self, monitor: Monitor) -> bool:
        """An SMC where no software of EL3 is there to take it: an exception entry and return, seen from outside."""
        cpu = self._cpu
        slots, moment = cpu.slots, cpu.moment()
        results = monitor.call(tuple(slots[:8].tolist()), cpu.el, cpu.security)
        for number, result in enumerate(results):
            slots[number] = result & state.MASK64
        slots[state.EXCLUSIVE], slots[state.EVENT] = 0, 1
        slots[state.PC] = cpu.following
        cpu.synchronisation.synchronise("exception return", moment)
        cpu.context_changed()
        return True
