"""Cases on this machine: one engine, with the features that the other side has."""

from __future__ import annotations

from unittest.mock import patch

import emu
from emu import state as slot
from emu.features import CPUS, ISA_MAX
from tests.conformance.differential import layout as at
from tests.conformance.differential.layout import State

_FLAGS = (
    (slot.N, 31), (slot.Z, 30), (slot.C, 29), (slot.V, 28), (slot.DIT, 24), (slot.UAO, 23), (slot.PAN, 22),
    (slot.SSBS, 12),
)  # fmt: skip

_AGAIN = 64


def _words(values: list[int]) -> memoryview:
    return memoryview(b"".join(value.to_bytes(8, "little") for value in values)).cast("Q")


class Ours:
    """A machine that runs cases."""

    def __init__(self, engine: str, isa: frozenset[str] = ISA_MAX) -> None:
        with patch.dict(CPUS, {"max": isa}):
            self.machine = emu.Machine(memory="8M", el=1, engine=engine)  # type: ignore[arg-type]
        machine, self._cpu = self.machine, self.machine.cpu
        machine.write(at.TABLES, at.tables())
        machine.write(at.VECTORS, 0x1400_0000.to_bytes(4, "little") * 0x200)  # B .
        machine.write(at.SLOTS, at.BREAKPOINT.to_bytes(4, "little") * (at.SLOT_COUNT * at.SLOT_SIZE // 4))
        system = machine.cpu.sysreg
        for name, value in at.SYSTEM.items():
            system[name] = value
        if "FEAT_MOPS" in isa:
            system["SCTLR_EL1"] |= at.SCTLR_MSCEN
        system["VBAR_EL1"] = at.VECTORS
        machine.cpu.pc = at.VECTORS
        machine.run(max_instructions=1)
        self._pattern = b""
        self._window = b""

    def use(self, pattern: bytes) -> None:
        """What the window holds before each case from now on."""
        self._pattern = pattern
        self._cpu.sysreg["TPIDR_EL0"] = at.SYSTEM["TPIDR_EL0"]
        self.machine.write(at.PATTERN, pattern.ljust(0x1000, b"\0"))
        self.machine.write(at.LOW, pattern.ljust(0x1000, b"\0"))
        self._window = b""

    def run(self, words: tuple[int, ...], before: State) -> tuple[State, bytes]:
        """What the words leave in the registers and in the window."""
        machine, cpu = self.machine, self._cpu
        slots = cpu.slots
        machine.write(before.pc, b"".join(word.to_bytes(4, "little") for word in words))
        if self._window != self._pattern:
            machine.write(at.WINDOW, self._pattern)
        self._enter(before)
        slots[0:31] = _words(before.x)
        slots[slot.VECTORS : slot.VECTORS + 64] = _words([h for v in before.v for h in (v & slot.MASK64, v >> 64)])
        slots[slot.SP], slots[slot.PC], slots[slot.FPCR], slots[slot.FPSR] = (
            before.sp, before.pc, before.fpcr, before.fpsr,
        )  # fmt: skip
        slots[slot.EXCLUSIVE] = slots[slot.EVENT] = 0
        regs = cpu.regs
        regs["ESR_EL1"] = regs["FAR_EL1"] = 0
        cpu.return_branch_type(before.pstate >> 10 & 3)
        slots[slot.BTYPE_SET] -= 1  # as if the instruction before had been the return
        machine.run(max_instructions=len(words))
        for _ in range(_AGAIN):  # a memory copy may start again where it is
            if not 0 <= slots[slot.PC] - before.pc < 4 * len(words):
                break
            machine.run(max_instructions=1)
        self._window = machine.read(at.WINDOW, at.WINDOW_SIZE)
        return self._after(before.pstate & 1), self._window

    def _enter(self, before: State) -> None:
        cpu, slots = self._cpu, self._cpu.slots
        el, spsel = before.pstate >> 2 & 3, before.pstate & 1
        was = slots[slot.EL], slots[slot.SPSEL], slots[slot.PAN], slots[slot.UAO]
        cpu.change_stack(el, spsel)
        for index, bit in _FLAGS:
            slots[index] = before.pstate >> bit & 1
        slots[slot.DAIF] = before.pstate >> 6 & 15
        if was != (el, spsel, slots[slot.PAN], slots[slot.UAO]):
            cpu.context_changed()

    def _after(self, spsel: int) -> State:
        """The state, with the stack pointer that the case began with; where an exception was taken, as it was there."""
        cpu, slots = self._cpu, self._cpu.slots
        halves = slots[slot.VECTORS : slot.VECTORS + 64].tolist()
        after = State(
            slots[0:31].tolist(), slots[slot.SP], slots[slot.PC],
            cpu.exceptions.spsr() | cpu.branch_type << 10, slots[slot.FPCR], slots[slot.FPSR],
            [halves[2 * i] | halves[2 * i + 1] << 64 for i in range(32)],
        )  # fmt: skip
        if at.VECTORS <= after.pc < at.VECTORS + 0x800:
            regs = cpu.regs
            after.pc, after.pstate = regs["ELR_EL1"], regs["SPSR_EL1"]
            after.esr, after.far = regs["ESR_EL1"], regs["FAR_EL1"]
        if slots[slot.SPSEL] != spsel:
            after.sp = slots[slot.SP_EL1 if spsel else slot.SP_EL0]
        return after
