"""System instructions of one CPU: MRS, MSR, SYS, exception-generating instructions, hints that wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.debug.events import KeyRefreshed
from emu.isa.ops import Escape
from emu.memory_copy import MemoryCopy
from emu.system.calls import Calls
from emu.system.clock import Clock
from emu.system.operations import Operations
from emu.system.refusals import Refusals
from emu.system.registers import Registers
from emu.system.waits import Waits

if TYPE_CHECKING:
    from emu.cpu import Cpu


class System:
    """What `Escape` kinds do. Each handler returns True when it has set the PC itself."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        refusals, clock = Refusals(cpu), Clock(cpu)
        waits, memory_copy = Waits(cpu, clock), MemoryCopy(cpu)
        self.calls = Calls(cpu, refusals)
        self.registers = Registers(cpu, clock, refusals)
        self.operations = Operations(cpu, refusals)
        self.handlers: dict[Escape, Callable[[int], bool]] = {
            Escape.SVC: self.calls.svc,
            Escape.HVC: self.calls.hvc,
            Escape.SMC: self.calls.smc,
            Escape.BRK: self.calls.brk,
            Escape.HLT: self.calls.hlt,
            Escape.ERET: self.calls.eret,
            Escape.MRS: self.registers.mrs,
            Escape.MSR: self.registers.msr,
            Escape.MSR_IMMEDIATE: self.registers.msr_immediate,
            Escape.SYS: self.operations.sys,
            Escape.SYSL: self.operations.sysl,
            Escape.WFE: waits.wfe,
            Escape.WFI: waits.wfi,
            Escape.WFET: waits.wfet,
            Escape.WFIT: waits.wfit,
            Escape.ISB: waits.isb,
            Escape.BARRIER: waits.barrier,
            Escape.MEMORY_COPY: memory_copy.execute,
            Escape.SP_ALIGNMENT: refusals.sp_alignment,
            Escape.EXCLUSIVE_ALIGNMENT: refusals.exclusive_alignment,
            Escape.UNDEFINED: refusals.undefined,
            Escape.FP_ACCESS: refusals.fp_access,
        }
        """By kind, from the instruction's word."""

    def intercept(self, kind: Escape, around: Callable[[int, Callable[[int], bool]], bool]) -> Callable[[], None]:
        """Have a debugger's `around(word, execute)` stand in for one kind of instruction; call the result to end it."""
        plain = self.handlers[kind]
        self.handlers[kind] = lambda word: around(word, plain)

        def undo() -> None:
            self.handlers[kind] = plain

        return undo

    def refresh_key(self, mecid: int) -> None:
        """Give a Realm MECID a new key: everything stored under it becomes noise."""
        cpu = self._cpu
        generation = cpu.memory.encrypted.refresh(mecid)
        cpu.flush_translations()
        cpu.transitions.forget()
        cpu.emit(KeyRefreshed(cpu.moment(), mecid, generation))
