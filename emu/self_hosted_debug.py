"""Self-hosted debug of one CPU (Arm ARM D2): which debug exceptions are enabled, and software step.

While a debug exception could be taken the CPU is `armed`, and engines execute one instruction at a time by `step`.
Otherwise all this costs them nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emu import state
from emu.architecture import Security
from emu.breakpoints import Breakpoints
from emu.registers.debug import BREAKPOINTS, WATCHPOINTS
from emu.syndrome import DEBUG_EXCEPTION, EC
from emu.translation.regimes import is_el2_enabled, security_of

if TYPE_CHECKING:
    from emu.cpu import Cpu

_SS, _MDE = 1 << 0, 1 << 15
_MASKED = 1 << 3
"""PSTATE.D in the DAIF slot."""


class SelfHostedDebug:
    """Debug exceptions of one CPU."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self._control = cpu.regs.slot("MDSCR_EL1")
        self._matchers = Breakpoints(cpu)
        self._is_stepping = False
        self.is_armed = False
        """Whether the next instruction has to be executed by `step`."""
        self.matches_code = False
        """Whether breakpoints have to be asked about a fetch."""
        self.matches_data = False
        """Whether watchpoints have to be asked about an access."""
        self.on_armed: Callable[[], None] | None = None
        """Told when the CPU becomes armed: an engine in the middle of many instructions has to leave."""

    # Whether debug exceptions are enabled.

    def target(self, el: int, security: Security) -> int:
        """The exception level that debug exceptions from `el` in `security` go to (DebugTargetFrom)."""
        regs = self._cpu.regs
        goes_to_el2 = is_el2_enabled(security, regs) and (regs.field("HCR_EL2.TGE") or regs.field("MDCR_EL2.TDE"))
        return 2 if el == 2 or goes_to_el2 else 1

    def _are_enabled(self, el: int, security: Security, is_masked: bool) -> bool:
        """AArch64.GenerateDebugExceptionsFrom."""
        regs = self._cpu.regs
        is_double_locked = regs.field("OSDLR_EL1.DLK") and not regs.field("DBGPRCR_EL1.CORENPDRQ")
        if regs.field("OSLSR_EL1.OSLK") or is_double_locked or el == 3:
            return False
        if security is Security.SECURE and regs.field("MDCR_EL3.SDD"):
            return False
        to_el2 = is_el2_enabled(security, regs) and (regs.field("HCR_EL2.TGE") or regs.field("MDCR_EL2.TDE"))
        target = 2 if to_el2 else 1
        if el == target:
            return bool(regs.field("MDSCR_EL1.KDE")) and not is_masked
        return target > el

    def _are_enabled_now(self) -> bool:
        cpu = self._cpu
        return self._are_enabled(cpu.el, cpu.security, bool(cpu.slots[state.DAIF] & _MASKED))

    @property
    def may_arm(self) -> bool:
        """Whether a change of level or of PSTATE alone could arm a debug exception."""
        return bool(self._cpu.slots[self._control] & (_SS | _MDE))

    def update(self) -> None:
        """Something changed that decides about debug exceptions."""
        control = self._cpu.slots[self._control]
        was_armed, self.is_armed = self.is_armed, False
        self._is_stepping = self.matches_code = self.matches_data = False
        if not control & (_SS | _MDE) or not self._are_enabled_now():
            return
        self._is_stepping = bool(control & _SS)
        if control & _MDE:
            field = self._cpu.regs.field
            self.matches_code = any(field(f"DBGBCR{number}_EL1.E") for number in range(BREAKPOINTS))
            self.matches_data = any(field(f"DBGWCR{number}_EL1.E") for number in range(WATCHPOINTS))
        self.is_armed = self._is_stepping or self.matches_code or self.matches_data
        if self.is_armed and not was_armed and self.on_armed is not None:
            self.on_armed()

    # Software step.

    def step(self, execute: Callable[[], None]) -> None:
        """One instruction by `execute`, or the Software Step exception that is due before it."""
        cpu, slots = self._cpu, self._cpu.slots
        if not self._is_stepping:
            execute()
            return
        if not slots[state.SS]:
            self._take_step()
            return
        word = cpu.peek_word(slots[state.PC])
        taken = cpu.exceptions.count
        slots[state.STEPPED] = 0
        execute()
        if cpu.exceptions.count == taken:  # SSAdvance; an exception takes care of the bit by itself
            slots[state.SS] = 0
            slots[state.STEPPED] = 2 if word is not None and _is_load_exclusive(word) else 1

    def _take_step(self) -> None:
        """AArch64.SoftwareStepException: it counts as an instruction of its own."""
        slots = self._cpu.slots
        stepped, slots[state.STEPPED] = slots[state.STEPPED], 0
        self._take(EC.SOFTWARE_STEP, int(stepped != 0) << 24 | int(stepped == 2) << 6 | DEBUG_EXCEPTION)
        slots[state.COUNT] += 1

    def step_after_return(self, spsr: int, is_legal: bool) -> int:
        """PSTATE.SS after an exception return of the present level with this SPSR (DebugExceptionReturnSS)."""
        cpu = self._cpu
        if not spsr >> 21 & 1 or not cpu.slots[self._control] & _SS or self._are_enabled_now():
            return 0
        el = spsr >> 2 & 3 if is_legal else cpu.el
        return int(self._are_enabled(el, security_of(el, cpu.regs), bool(spsr >> 9 & 1)))

    # Breakpoints and watchpoints.

    def check_fetch(self, pc: int) -> bool:
        """Take the Breakpoint exception of the instruction at `pc`, if there is one: AArch64.CheckBreakpoint."""
        if not self._matchers.matches_code(pc):
            return False
        self._take(EC.BREAKPOINT, DEBUG_EXCEPTION)
        return True

    def check_access(
        self, va: int, size: int, el: int, *, reads: bool, writes: bool, is_maintenance: bool = False
    ) -> bool:
        """Take the Watchpoint exception of an access made as `el`, if there is one: AArch64.CheckWatchpoint."""
        found = self._matchers.matched_byte(va, size, el, reads=reads, writes=writes)
        if found is None:
            return False
        # An atomic access is told as a read where a read alone would have matched.
        is_write = not reads or self._matchers.matched_byte(va, size, el, reads=True, writes=False) is None
        self._take(EC.WATCHPOINT, int(is_maintenance) << 8 | int(is_write) << 6 | DEBUG_EXCEPTION, found)
        return True

    def _take(self, ec: EC, iss: int, far: int | None = None) -> None:
        cpu = self._cpu
        target = self.target(cpu.el, cpu.security)
        cpu.exceptions.take(target, ec + int(target == cpu.el), iss, far=far)


def _is_load_exclusive(word: int) -> bool:
    """LDXR, LDAXR, LDXP and LDAXP, of any size."""
    return word & 0x3FC0_0000 == 0x0840_0000 and bool(word >> 31 or not word >> 21 & 1)
