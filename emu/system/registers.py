"""MRS and MSR: whether they may, and what reading or writing a register does beside reading or writing storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu import state
from emu.debug.events import MecidWritten, Stop, StopReason
from emu.permissions import encoding_of
from emu.registers.access import Allowed, zva_prohibited
from emu.registers.file import scramble
from emu.registers.model import Register
from emu.registers.table import BY_NAME
from emu.synchronisation import STEERING
from emu.system.clock import Clock
from emu.system.refusals import Refusals

if TYPE_CHECKING:
    from emu.cpu import Cpu


class Registers:
    """System registers of one CPU as instructions see them. Each instruction returns True when it has set the PC."""

    def __init__(self, cpu: Cpu, clock: Clock, refusals: Refusals) -> None:
        self._cpu = cpu
        self._clock = clock
        self._refusals = refusals

    def mrs(self, word: int) -> bool:
        cpu = self._cpu
        decision = cpu.permissions.register(word, True)
        if not isinstance(decision, Allowed):
            return self._refusals.refuse(decision, encoding_of(word), word, True)
        register = decision.register
        assert register is not None
        rt = word & 31
        value = self._read(register)
        if register.hook == "random":
            cpu.nzcv = 0
        if rt != state.XZR:
            cpu.slots[rt] = value
        if register.hook == "counter":
            cpu.permissions.grant_counter(word, self._clock.counter_offset(register.name))
        else:
            cpu.permissions.grant_read(word, register)
        return False

    def msr(self, word: int) -> bool:
        cpu = self._cpu
        decision = cpu.permissions.register(word, False)
        if not isinstance(decision, Allowed):
            return self._refusals.refuse(decision, encoding_of(word), word, False)
        register, value = decision.register, cpu.slots[word & 31]
        assert register is not None
        if register.hook in STEERING:
            step = cpu.synchronisation.write(register, value)
            if step is not None and cpu.transitions.keep_step(step):
                cpu.permissions.grant_step(word, register)
        else:
            self._write(register, value)
            cpu.permissions.grant_write(word, register)
        return False

    def msr_immediate(self, word: int) -> bool:
        cpu = self._cpu
        op1, immediate, op2 = word >> 16 & 7, word >> 8 & 15, word >> 5 & 7
        slots = cpu.slots
        match (op1, op2):
            case (0, 3) if cpu.el:
                slots[state.UAO] = immediate & 1
                cpu.permissions.grant_immediate(word, state.UAO, 0, immediate & 1)
            case (0, 4) if cpu.el:
                slots[state.PAN] = immediate & 1
                cpu.context_changed()
            case (0, 5) if cpu.el:
                cpu.change_stack(cpu.el, immediate & 1)
            case (3, 1) if "FEAT_SSBS2" in cpu.features.isa:
                slots[state.SSBS] = immediate & 1
                cpu.permissions.grant_immediate(word, state.SSBS, 0, immediate & 1)
            case (3, 2) if "FEAT_DIT" in cpu.features.isa:
                slots[state.DIT] = immediate & 1
                cpu.permissions.grant_immediate(word, state.DIT, 0, immediate & 1)
            case (3, 6) | (3, 7):
                decision = cpu.permissions.decide((3, 3, 4, 2, 1), False)
                if not isinstance(decision, Allowed):
                    # The syndrome names the instruction's own encoding: op0 0, CRn 4, Rt 31.
                    return self._refusals.refuse(decision, (0, op1, 4, immediate, op2), word, False)
                keep, ones = (0xF, immediate) if op2 == 6 else (~immediate & 0xF, 0)
                slots[state.DAIF] = slots[state.DAIF] & keep | ones
                cpu.permissions.grant_immediate(word, state.DAIF, keep, ones)
                cpu.debug.update()
            case _:
                return self._refusals.undefined(word)
        return False

    # For debuggers.

    def read_raw(self, name: str) -> int:
        """A register's value for a debugger: hooks computed, no access checks."""
        return self._read(self.named(name))

    def write_raw(self, name: str, value: int) -> None:
        """Write a register as a debugger does: effects as MSR's, no access checks."""
        self._write(self.named(name), value)

    def named(self, name: str) -> Register:
        """The register with a name, or the one that it is an alias of. Raises where this machine has none."""
        self._cpu.regs[name]  # raises with a sentence
        register = BY_NAME[name]
        return BY_NAME[register.alias_of] if register.alias_of else register

    # Registers that are more than storage.

    def _read(self, register: Register) -> int:
        cpu = self._cpu
        slots = cpu.slots
        match register.hook:
            case "" | "translation" | "mecid" | "fp_access" | "debug" | "warm_reset":
                return cpu.regs[register.name]
            case "nzcv":
                return cpu.nzcv << 28
            case "daif":
                return slots[state.DAIF] << 6
            case "currentel":
                return slots[state.EL] << 2
            case "spsel":
                return slots[state.SPSEL]
            case "pan":
                return slots[state.PAN] << 22
            case "uao":
                return slots[state.UAO] << 23
            case "dit":
                return slots[state.DIT] << 24
            case "ssbs":
                return slots[state.SSBS] << 12
            case "random":
                return self._random(register.name)
            case "sp":
                return self._stack_in_use(register.name, None)
            case "monitors":
                return cpu.monitors.read(register.name)
            case "counter":
                return self._clock.counter(register.name)
            case "timer":
                return self._clock.read_timer(register.name)
            case "zva":
                return cpu.regs[register.name] | int(zva_prohibited(cpu.regs, cpu.el, cpu.security)) << 4
        raise AssertionError(f"no reader for hook {register.hook}")

    def _write(self, register: Register, value: int) -> None:
        cpu = self._cpu
        slots = cpu.slots
        match register.hook:
            case "nzcv":
                cpu.nzcv = value >> 28 & 0xF
            case "daif":
                slots[state.DAIF] = value >> 6 & 0xF
                cpu.debug.update()
            case "spsel":
                cpu.change_stack(cpu.el, value & 1)
            case "pan":
                slots[state.PAN] = value >> 22 & 1
                cpu.context_changed()
            case "uao":
                slots[state.UAO] = value >> 23 & 1
            case "dit":
                slots[state.DIT] = value >> 24 & 1
            case "ssbs":
                slots[state.SSBS] = value >> 12 & 1
            case "sp":
                self._stack_in_use(register.name, value)
            case "mecid":
                moment, old = cpu.moment(), cpu.regs[register.name]
                cpu.synchronisation.write_at_once(register.name, value)
                cpu.emit(MecidWritten(moment, register.name, old, cpu.regs[register.name]))
            case "translation":
                cpu.synchronisation.write_at_once(register.name, value)
            case "fp_access":
                cpu.regs[register.name] = value
                cpu.fp_traps_changed()
            case "monitors":
                cpu.monitors.write(register.name, value)
            case "timer":
                self._clock.write_timer(register.name, value)
            case "warm_reset":
                self._warm_reset(value)
            case "debug":
                self._write_debug(register.name, value)
            case _:
                cpu.regs[register.name] = value

    def _random(self, name: str) -> int:
        """A number that the seed and the moment decide, so that every run repeats; RNDRRS draws another one."""
        cpu = self._cpu
        draw = 2 * cpu.instructions + (name == "RNDRRS")
        return scramble((cpu.regs.seed << 32) + draw)

    def _stack_in_use(self, name: str, value: int | None) -> int:
        """SP_ELx by name: the one in use lives in the SP slot."""
        slots, slot = self._cpu.slots, self._cpu.permissions.stack_slot(name)
        if value is not None:
            slots[slot] = value
        return slots[slot]

    def _warm_reset(self, value: int) -> None:
        cpu = self._cpu
        cpu.regs["RMR_EL3"] = value & ~2
        if value & 2:
            cpu.end_run(
                Stop(StopReason.HALTED, cpu.pc, cpu.el, cpu.security, message="the guest asked for a warm reset (RMR)")
            )

    def _write_debug(self, name: str, value: int) -> None:
        """Registers of self-hosted debug: locks, claim tags, the debug channel, and what arms debug exceptions."""
        cpu, regs = self._cpu, self._cpu.regs
        cpu.monitors.advance()
        match name:
            case "DBGCLAIMSET_EL1":
                regs["DBGCLAIMCLR_EL1"] |= value
            case "DBGCLAIMCLR_EL1":
                regs[name] &= ~value
            case "DBGDTR_EL0" | "DBGDTRTX_EL0":
                regs["MDCCSR_EL0"] = 1 << 29  # TXfull, for good: there is nobody who would take the word
            case _:
                regs[name] = value
        if name == "OSLAR_EL1":
            regs["OSLSR_EL1"] = (value & 1) << 1
        cpu.debug.update()
