"""Instructions that wait: for events and interrupts, until a time, and barriers that Python has a part in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu import state
from emu.debug.events import Stop, StopReason
from emu.syndrome import EC
from emu.system.clock import Clock

if TYPE_CHECKING:
    from emu.cpu import Cpu


class Waits:
    """Each returns True when it has set the PC itself."""

    def __init__(self, cpu: Cpu, clock: Clock) -> None:
        self._cpu = cpu
        self._clock = clock

    def isb(self, word: int) -> bool:
        cpu = self._cpu
        cpu.synchronisation.isb()
        cpu.slots[state.PC] = cpu.following
        return True

    def barrier(self, word: int) -> bool:
        cpu = self._cpu
        cpu.synchronisation.barrier(word)
        cpu.slots[state.PC] = cpu.following
        return True

    def wfe(self, word: int) -> bool:
        cpu = self._cpu
        if cpu.slots[state.EVENT]:
            cpu.slots[state.EVENT] = 0
            return False
        return self._wait_trap(1, event=True)  # otherwise it ends at once, as the manual allows

    def wfi(self, word: int) -> bool:
        cpu = self._cpu
        if self._wait_trap(0, event=False):
            return True
        cpu.end_run(
            Stop(
                StopReason.HALTED,
                cpu.pc,
                cpu.el,
                cpu.security,
                message="the guest waits for an interrupt (WFI), and this machine has nothing that could send one",
            )
        )
        return False

    def wfet(self, word: int) -> bool:
        cpu = self._cpu
        if cpu.slots[state.EVENT]:
            cpu.slots[state.EVENT] = 0
            return False
        return not self._is_timed_out(word) and self._wait_trap(0b11 | self._timeout_register(word), event=True)

    def wfit(self, word: int) -> bool:
        # It ends at once, as the manual allows: software that waits for a time looks at the clock and waits again.
        return not self._is_timed_out(word) and self._wait_trap(0b10 | self._timeout_register(word), event=False)

    def _wait_trap(self, iss: int, event: bool) -> bool:
        """Whether a WFI or WFE (or the like with a timeout) is trapped; takes the exception, its ISS without COND."""
        cpu = self._cpu
        regs, el = cpu.regs, cpu.el
        name = "TWE" if event else "TWI"
        host = cpu.regime.el == 2
        target = 0
        if el == 0 and not regs.field(f"SCTLR_EL{2 if host else 1}.n{name}"):
            target = cpu.exceptions.general_target()
        elif el < 2 and not (el == 0 and host) and cpu.exceptions.is_el2_enabled() and regs.field(f"HCR_EL2.{name}"):
            target = 2
        elif el < 3 and regs.field(f"SCR_EL3.{name}"):
            target = 3
        if not target:
            return False
        cpu.exceptions.take(target, EC.WFX, 1 << 24 | 0xE << 20 | iss)
        return True

    def _is_timed_out(self, word: int) -> bool:
        """Whether the virtual counter has reached the time in the instruction's register."""
        return self._clock.counter("CNTVCT_EL0") >= self._cpu.slots[word & 31]

    def _timeout_register(self, word: int) -> int:
        """RN and RV of the syndrome: which register has the timeout."""
        return (word & 31) << 5 | 1 << 2
