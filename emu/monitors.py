"""Performance monitors of one CPU: what the counters hold, derived from the instruction count when somebody asks.

Nothing is counted instruction by instruction. `advance` brings the counters up to date before anything changes that
decides where or what they count: a register of theirs, MDCR_EL2 and MDCR_EL3, the exception level. The rules are those
of CountPMUEvents, IncrementEventCounter and GetPMUCounterRange (Arm ARM J1.3.1). A cycle is an instruction, or an
exception taken instead of one; the second kind is not retired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu import state
from emu.architecture import Security
from emu.registers.performance import COUNTERS, CYCLES

if TYPE_CHECKING:
    from emu.cpu import Cpu

_SW_INCR, _INST_RETIRED, _CPU_CYCLES, _CHAIN = 0x00, 0x08, 0x11, 0x1E
_ALL = 1 << CYCLES | (1 << COUNTERS) - 1


class Monitors:
    """The counters of one CPU."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self._enabled = cpu.regs.slot("PMCNTENSET_EL0")

    @property
    def is_counting(self) -> bool:
        """Whether any counter is enabled."""
        return bool(self._cpu.slots[self._enabled])

    # Keeping up.

    def advance(self) -> None:
        """Count everything before the present instruction."""
        self._advance(self._cpu.instructions, 0)

    def leave(self, is_complete: bool) -> None:
        """Count the present instruction too, where it is executed, as it takes an exception or returns from one."""
        self._advance(self._cpu.instructions + 1, 0 if is_complete else 1)

    def _advance(self, until: int, not_retired: int) -> None:
        slots = self._cpu.slots
        since = slots[state.COUNTED]
        if until <= since:
            return
        slots[state.COUNTED] = until
        if slots[self._enabled]:
            self._run(until - since - not_retired, is_retired=True)
            self._run(not_retired, is_retired=False)

    def _run(self, cycles: int, is_retired: bool) -> None:
        """Cycles in one state: in pieces that end where a counter overflows, as that may stop others."""
        while cycles > 0:
            counting = {n: self._room(n) for n in (*range(COUNTERS), CYCLES) if self._sees(n, is_retired)}
            if not counting:
                return
            piece = min(cycles, *counting.values())
            for number in counting:
                self._add(number, piece)
            cycles -= piece

    def _sees(self, number: int, is_retired: bool) -> bool:
        if not self._cpu.slots[self._enabled] >> number & 1:
            return False
        if number != CYCLES:
            event = self._event(number)
            if event != _CPU_CYCLES and not (event == _INST_RETIRED and is_retired):
                return False
        return self._counts(number)

    # One counter.

    @staticmethod
    def _name(number: int) -> str:
        return "PMCCNTR_EL0" if number == CYCLES else f"PMEVCNTR{number}_EL0"

    def _event(self, number: int) -> int:
        return self._cpu.regs.field(f"PMEVTYPER{number}_EL0.evtCount")

    def _width(self, number: int) -> int:
        """The bits of a counter that overflow."""
        if number == CYCLES:
            return 64
        long = "MDCR_EL2.HLP" if self._is_el2s(number) else "PMCR_EL0.LP"
        return 64 if self._cpu.regs.field(long) else 32

    def _room(self, number: int) -> int:
        """Counts until the counter overflows."""
        size = 1 << self._width(number)
        return size - (self._cpu.regs[self._name(number)] & size - 1)

    def _add(self, number: int, amount: int) -> None:
        overflows = amount >= self._room(number)
        regs, name = self._cpu.regs, self._name(number)
        regs[name] = regs[name] + amount & state.MASK64
        if not overflows:
            return
        self._both("PMOVSSET_EL0", "PMOVSCLR_EL0", regs["PMOVSSET_EL0"] | 1 << number)
        above = number + 1
        if number & 1 or above >= COUNTERS or self._width(number) == 64:
            return
        if self._event(above) == _CHAIN and self._is_el2s(number) == self._is_el2s(above) and self._counts(above):
            self._add(above, 1)

    def _both(self, one: str, other: str, value: int) -> None:
        """Write a mask that has two names."""
        self._cpu.regs[one] = value
        self._cpu.regs[other] = value

    # Where counting is allowed.

    def _hpmn(self) -> int:
        return min(self._cpu.regs.field("MDCR_EL2.HPMN"), COUNTERS)

    def _is_el2s(self, number: int) -> bool:
        return self._hpmn() <= number < COUNTERS

    def _counts(self, number: int) -> bool:
        """Whether a counter counts at the present exception level and Security state."""
        cpu, field = self._cpu, self._cpu.regs.field
        el, is_secure = cpu.el, cpu.el == 3 or cpu.security is Security.SECURE
        is_el2s = self._is_el2s(number)
        if not field("MDCR_EL2.HPME" if is_el2s else "PMCR_EL0.E") or not self._cpu.slots[self._enabled] >> number & 1:
            return False
        spme, mpmx = field("MDCR_EL3.SPME"), field("MDCR_EL3.MPMX")
        prohibited = is_secure and not spme and not mpmx
        prohibited |= el == 3 and bool(mpmx) and (not spme or not is_el2s)
        prohibited |= el == 2 and not is_el2s and bool(field("MDCR_EL2.HPMD"))
        stopped = prohibited or self._is_frozen(is_el2s)
        if number == CYCLES:
            stopped = stopped and bool(field("PMCR_EL0.DP"))
            stopped |= is_secure and bool(field("MDCR_EL3.SCCD"))
            stopped |= el == 2 and bool(field("MDCR_EL2.HCCD"))
            stopped |= el == 3 and bool(field("MDCR_EL3.MCCD"))
        return not stopped and not self._is_filtered("PMCCFILTR_EL0" if number == CYCLES else f"PMEVTYPER{number}_EL0")

    def _is_frozen(self, is_el2s: bool) -> bool:
        regs, first = self._cpu.regs, (1 << self._hpmn()) - 1
        overflowed = regs["PMOVSSET_EL0"] & (1 << COUNTERS) - 1
        if is_el2s:
            return bool(regs.field("MDCR_EL2.HPMFZO") and overflowed & ~first)
        return bool(regs.field("PMCR_EL0.FZO") and overflowed & first)

    def _is_filtered(self, name: str) -> bool:
        cpu, regs = self._cpu, self._cpu.regs
        el, security = cpu.el, cpu.security

        def has(item: str) -> int:
            return regs.field(f"{name}.{item}")

        if el == 3:
            return has("M") != has("P")
        if el == 2:
            if security is Security.NON_SECURE:
                return not has("NSH")
            return has("NSH") == has("RLH" if security is Security.REALM else "SH")
        own, non_secure, realm = ("P", "NSK", "RLK") if el else ("U", "NSU", "RLU")
        if security is Security.SECURE:
            return bool(has(own))
        return has(own) != has(realm if security is Security.REALM else non_secure)

    # Registers.

    def _accessible(self) -> int:
        """Mask of the counters that the present exception level may reach (GetPMUAccessMask)."""
        cpu = self._cpu
        if cpu.el < 2 and cpu.exceptions.is_el2_enabled():
            return 1 << CYCLES | (1 << self._hpmn()) - 1
        return _ALL

    def _selected(self, stem: str) -> str:
        number = self._cpu.regs.field("PMSELR_EL0.SEL")
        if number == CYCLES:
            return "PMCCFILTR_EL0"
        return f"{stem}{min(number, COUNTERS - 1)}_EL0"

    def read(self, name: str) -> int:
        """A register of the monitors, as the present exception level sees it."""
        self.advance()
        regs = self._cpu.regs
        match name:
            case "PMCR_EL0":
                visible = (self._accessible() & (1 << COUNTERS) - 1).bit_count()
                return regs[name] & ~(0x1F << 11) | visible << 11
            case "PMCNTENSET_EL0" | "PMCNTENCLR_EL0" | "PMOVSSET_EL0" | "PMOVSCLR_EL0":
                return regs[name] & self._accessible()
            case "PMINTENSET_EL1" | "PMINTENCLR_EL1":
                return regs[name] & self._accessible()
            case "PMXEVTYPER_EL0":
                return regs[self._selected("PMEVTYPER")]
            case "PMXEVCNTR_EL0":
                return regs[self._selected("PMEVCNTR")]
            case "PMSWINC_EL0":
                return 0
        return regs[name]

    def write(self, name: str, value: int) -> None:
        """Write a register of the monitors, from the present exception level."""
        self.advance()
        regs, mask = self._cpu.regs, value & self._accessible()
        match name:
            case "PMCR_EL0":
                self._control(value)
            case "PMCNTENSET_EL0":
                self._both(name, "PMCNTENCLR_EL0", regs[name] | mask)
            case "PMCNTENCLR_EL0":
                self._both(name, "PMCNTENSET_EL0", regs[name] & ~mask)
            case "PMOVSSET_EL0":
                self._both(name, "PMOVSCLR_EL0", regs[name] | mask)
            case "PMOVSCLR_EL0":
                self._both(name, "PMOVSSET_EL0", regs[name] & ~mask)
            case "PMINTENSET_EL1":
                self._both(name, "PMINTENCLR_EL1", regs[name] | mask)
            case "PMINTENCLR_EL1":
                self._both(name, "PMINTENSET_EL1", regs[name] & ~mask)
            case "PMXEVTYPER_EL0":
                regs[self._selected("PMEVTYPER")] = value
            case "PMXEVCNTR_EL0":
                regs[self._selected("PMEVCNTR")] = value
            case "PMSWINC_EL0":
                for number in range(COUNTERS):
                    if mask >> number & 1 and self._event(number) == _SW_INCR and self._counts(number):
                        self._add(number, 1)
            case _:
                regs[name] = value

    def _control(self, value: int) -> None:
        regs = self._cpu.regs
        if value & 1 << 1:
            for number in range(COUNTERS):
                if self._accessible() >> number & 1:
                    regs[self._name(number)] = 0
        if value & 1 << 2:
            regs[self._name(CYCLES)] = 0
        regs["PMCR_EL0"] = value & ~0b110

    @property
    def is_interrupting(self) -> bool:
        """Whether an overflow asks for the monitors' interrupt, PMUIRQ."""
        self.advance()
        regs = self._cpu.regs
        pending = regs["PMOVSSET_EL0"] & regs["PMINTENSET_EL1"]
        return any(
            pending >> number & 1 and regs.field("MDCR_EL2.HPME" if self._is_el2s(number) else "PMCR_EL0.E")
            for number in (*range(COUNTERS), CYCLES)
        )
