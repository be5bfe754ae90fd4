"""Instructions that are not executed: UNDEFINED, trapped, at an address that no translation is asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu import state
from emu.architecture import VA, Access
from emu.registers.access import Decision, Trapped, iss_for
from emu.registers.model import Encoding
from emu.registers.traps import FLOATING_POINT
from emu.syndrome import EC, UNCONDITIONAL
from emu.translation.records import Fault, FaultKind, Request

if TYPE_CHECKING:
    from emu.cpu import Cpu


class Refusals:
    """Each takes its exception, and returns True: the PC is set."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu

    def undefined(self, word: int) -> bool:
        """No instruction that exists here, or not at this exception level."""
        self._cpu.exceptions.undefined()
        return True

    def refuse(self, decision: Decision, encoding: Encoding, word: int, is_read: bool) -> bool:
        """A system instruction that is trapped, or UNDEFINED where nothing traps it."""
        if not isinstance(decision, Trapped):
            return self.undefined(word)
        # A trap of floating point says nothing about the instruction but that its condition held.
        iss = UNCONDITIONAL if decision.ec == EC.FP_ACCESS else iss_for(encoding, word & 31, is_read)
        self._cpu.exceptions.take(decision.target_el, decision.ec, iss)
        return True

    def fp_access(self, word: int) -> bool:
        """A V register is used where it may not be."""
        cpu = self._cpu
        return self.refuse(cpu.permissions.trapped(FLOATING_POINT), (0, 0, 0, 0, 0), word, False)

    def sp_alignment(self, word: int) -> bool:
        """The stack pointer is the base of an access and no multiple of 16."""
        exceptions = self._cpu.exceptions
        exceptions.take(exceptions.general_target(), EC.SP_ALIGNMENT)
        return True

    def exclusive_alignment(self, word: int) -> bool:
        """The address of an exclusive access is no multiple of its size."""
        cpu = self._cpu
        base = word >> 5 & 31
        va = cpu.slots[state.SP if base == 31 else base]
        access = Access.READ if word >> 22 & 1 else Access.WRITE
        fault = Fault(FaultKind.ALIGNMENT, 0, "the address of an exclusive access is not a multiple of its size")
        cpu.exceptions.abort(fault, Request(VA(va), access, cpu.el, cpu.regime, cpu.security))
        return True
