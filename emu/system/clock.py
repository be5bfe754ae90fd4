"""The generic timer: counters and timers, one tick an instruction, so that every run repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu import state

if TYPE_CHECKING:
    from emu.cpu import Cpu


class Clock:
    """What the present exception level reads of time."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu

    def counter(self, name: str) -> int:
        """What a register that is a counter reads as."""
        return self._physical_count() - self.counter_offset(name) & state.MASK64

    def counter_offset(self, name: str) -> int:
        """How far that is behind the physical count."""
        if name.startswith("CNTP"):
            return self._physical_offset() if self._cpu.el < 2 else 0
        return self._virtual_offset()

    def read_timer(self, name: str) -> int:
        """A register of a timer: CTL with its status, TVAL as what is left until CVAL."""
        regs = self._cpu.regs
        stem, kind, suffix = name.split("_") if name.count("_") == 2 else (name, "", "")
        if kind == "TVAL":
            return regs[f"{stem}_CVAL_{suffix}"] - self._timer_count(name) & 0xFFFF_FFFF
        value = regs[name]
        if kind == "CTL" and value & 1:
            compare = regs[f"{stem}_CVAL_{suffix}"]
            value |= int(self._timer_count(name) >= compare) << 2
        return value

    def write_timer(self, name: str, value: int) -> None:
        """The same written: TVAL sets CVAL."""
        regs = self._cpu.regs
        stem, kind, suffix = name.split("_") if name.count("_") == 2 else (name, "", "")
        if kind == "TVAL":
            signed = (value & 0xFFFF_FFFF ^ 0x8000_0000) - 0x8000_0000
            regs[f"{stem}_CVAL_{suffix}"] = self._timer_count(name) + signed & state.MASK64
        else:
            regs[name] = value

    def _physical_count(self) -> int:
        return self._cpu.instructions

    def _physical_offset(self) -> int:
        """CNTPOFF_EL2 where it applies (FEAT_ECV): for the guest that EL2 has, which a host's EL0 is not."""
        cpu, regs = self._cpu, self._cpu.regs
        is_host = regs.field("HCR_EL2.E2H") and regs.field("HCR_EL2.TGE")
        if is_host or not regs.field("CNTHCTL_EL2.ECV") or not cpu.exceptions.is_el2_enabled():
            return 0
        return regs.effective("CNTPOFF_EL2.POffset")

    def _virtual_offset(self) -> int:
        """CNTVOFF_EL2 where it applies: below EL2, and not for the EL0 of a host."""
        cpu = self._cpu
        if cpu.el >= 2 and cpu.regs.field("HCR_EL2.E2H"):
            return 0
        if cpu.el == 0 and cpu.regime.el == 2:
            return 0
        return cpu.regs["CNTVOFF_EL2"] if cpu.exceptions.is_el2_enabled() else 0

    def _timer_count(self, name: str) -> int:
        """The count that a timer compares with; only the timers of EL1 have an offset."""
        offset = 0
        if name.startswith("CNTV_"):
            offset = self._cpu.regs["CNTVOFF_EL2"]
        elif name.startswith("CNTP_"):
            offset = self._physical_offset()
        return self._physical_count() - offset & state.MASK64
