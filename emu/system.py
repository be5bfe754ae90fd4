"""System instructions of one CPU: MRS, MSR, SYS, exception-generating instructions, hints that wait."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from emu import state
from emu.architecture import VA, Access
from emu.caches import BY_ADDRESS, BY_PHYSICAL_ADDRESS, BY_WAY
from emu.debug.events import (
    AddressTranslated,
    FirmwareCalled,
    KeyRefreshed,
    MecidWritten,
    Moment,
    Stop,
    StopReason,
    TlbInvalidated,
)
from emu.devices.monitor import Monitor
from emu.devices.semihosting import IMMEDIATE as SEMIHOSTING
from emu.isa.ops import Escape, Query
from emu.memory_copy import MemoryCopy
from emu.permissions import encoding_of
from emu.registers.access import (
    Allowed,
    Decision,
    Trapped,
    decide_unallocated,
    iss_for,
    zva_prohibited,
)
from emu.registers.file import scramble
from emu.registers.model import Encoding, Operation, Register
from emu.registers.table import BY_NAME
from emu.registers.traps import EXCEPTION_RETURN, FLOATING_POINT, SUPERVISOR_CALL
from emu.rme.gpt import is_pa_operation
from emu.synchronisation import STEERING
from emu.syndrome import EC, UNCONDITIONAL
from emu.transition_table import ERET, HVC, ODD_RETURN, SMC, SVC
from emu.translation.invalidations import When
from emu.translation.records import Fault, FaultKind, Request

if TYPE_CHECKING:
    from emu.cpu import Cpu


_NEXT = 4


class System:
    """What `Escape` kinds do. Each handler returns True when it has set the PC itself."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self._slots = cpu.slots
        self._memory_copy = MemoryCopy(cpu)
        self.heard: dict[str, bool] = {}
        """By TLBI operation: whether anybody wants to hear of it."""
        self.monitor: Monitor | None = None
        """What answers SMCs in place of EL3 software; None where the guest has its own."""
        self.handlers: dict[Escape, Callable[[int], bool]] = {
            Escape.SVC: self._svc,
            Escape.HVC: self._hvc,
            Escape.SMC: self._smc,
            Escape.BRK: self._brk,
            Escape.HLT: self._hlt,
            Escape.ERET: self._eret,
            Escape.MRS: self._mrs,
            Escape.MSR: self._msr,
            Escape.MSR_IMMEDIATE: self._msr_immediate,
            Escape.SYS: self._sys,
            Escape.SYSL: self._sysl,
            Escape.WFE: self._wfe,
            Escape.WFI: self._wfi,
            Escape.WFET: self._wfet,
            Escape.WFIT: self._wfit,
            Escape.ISB: self._isb,
            Escape.BARRIER: self._barrier,
            Escape.MEMORY_COPY: self._memory_copy.execute,
            Escape.SP_ALIGNMENT: self._sp_alignment,
            Escape.EXCLUSIVE_ALIGNMENT: self._exclusive_alignment,
            Escape.UNDEFINED: self._undefined,
            Escape.FP_ACCESS: self._fp_access,
        }
        """By kind, from the instruction's word."""

    def intercept(self, kind: Escape, around: Callable[[int, Callable[[int], bool]], bool]) -> Callable[[], None]:
        """Have a debugger's `around(word, execute)` stand in for one kind of instruction; call the result to end it."""
        plain = self.handlers[kind]
        self.handlers[kind] = lambda word: around(word, plain)

        def undo() -> None:
            self.handlers[kind] = plain

        return undo

    # Exception-generating instructions.

    def _undefined(self, word: int) -> bool:
        self._cpu.exceptions.undefined()
        return True

    def _after(self) -> int:
        return self._cpu.slots[state.PC] + _NEXT & state.MASK64

    def _svc(self, word: int) -> bool:
        cpu, exceptions = self._cpu, self._cpu.exceptions
        trapped = cpu.permissions.trapped(SUPERVISOR_CALL)
        if isinstance(trapped, Trapped):
            exceptions.take(trapped.target_el, EC.SVC, word >> 5 & 0xFFFF)
            return True
        return self._call(SVC, exceptions.general_target(), EC.SVC, word)

    def _call(self, kind: int, target: int, ec: EC, word: int) -> bool:
        """An instruction that is done by taking its exception."""
        cpu = self._cpu
        start = cpu.transitions.start(kind, pan=cpu.slots[state.PAN])
        event = cpu.exceptions.take(target, ec, word >> 5 & 0xFFFF, return_to=self._after())
        cpu.transitions.finish(start, event)
        return True

    def _hvc(self, word: int) -> bool:
        cpu = self._cpu
        el = cpu.el
        allowed = el == 3 or (el and cpu.exceptions.is_el2_enabled())
        if not allowed or not cpu.regs.field("SCR_EL3.HCE"):
            return self._undefined(word)
        self._note_call("HVC", word)
        return self._call(HVC, max(el, 2), EC.HVC, word)

    def _smc(self, word: int) -> bool:
        cpu = self._cpu
        if cpu.el == 0:
            return self._undefined(word)
        if cpu.el == 1 and cpu.exceptions.is_el2_enabled() and cpu.regs.field("HCR_EL2.TSC"):
            self._note_call("SMC", word)
            cpu.exceptions.take(2, EC.SMC, word >> 5 & 0xFFFF)
            return True
        if cpu.regs.field("SCR_EL3.SMD"):
            return self._undefined(word)
        self._note_call("SMC", word)
        if self.monitor is not None and cpu.el < 3:
            return self._answer_call(self.monitor)
        return self._call(SMC, 3, EC.SMC, word)

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
        slots[state.PC] = self._after()
        cpu.synchronisation.synchronise("exception return", moment)
        cpu.context_changed()
        return True

    def _brk(self, word: int) -> bool:
        cpu = self._cpu
        target = 3 if cpu.el == 3 else cpu.debug.target(cpu.el, cpu.security)
        cpu.exceptions.take(target, EC.BRK, word >> 5 & 0xFFFF, far=None)
        return True

    def _hlt(self, word: int) -> bool:
        cpu = self._cpu
        if word >> 5 & 0xFFFF != SEMIHOSTING:
            return self._undefined(word)
        cpu.slots[0] = cpu.semihosting(cpu.slots[0] & 0xFFFF_FFFF, cpu.slots[1])
        return False

    def _eret(self, word: int) -> bool:
        if self._cpu.el == 0:
            return self._undefined(word)
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

    # Alignment of addresses that no translation is asked about.

    def _sp_alignment(self, word: int) -> bool:
        exceptions = self._cpu.exceptions
        exceptions.take(exceptions.general_target(), EC.SP_ALIGNMENT)
        return True

    def _exclusive_alignment(self, word: int) -> bool:
        cpu = self._cpu
        base = word >> 5 & 31
        va = cpu.slots[state.SP if base == 31 else base]
        access = Access.READ if word >> 22 & 1 else Access.WRITE
        fault = Fault(FaultKind.ALIGNMENT, 0, "the address of an exclusive access is not a multiple of its size")
        cpu.exceptions.abort(fault, Request(VA(va), access, cpu.el, cpu.regime, cpu.security))
        return True

    # Waiting and synchronising.

    def _isb(self, word: int) -> bool:
        cpu = self._cpu
        cpu.synchronisation.isb()
        cpu.slots[state.PC] = self._after()
        return True

    def _barrier(self, word: int) -> bool:
        cpu = self._cpu
        cpu.synchronisation.barrier(word)
        cpu.slots[state.PC] = self._after()
        return True

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

    def _wfe(self, word: int) -> bool:
        cpu = self._cpu
        if cpu.slots[state.EVENT]:
            cpu.slots[state.EVENT] = 0
            return False
        return self._wait_trap(1, event=True)  # otherwise it ends at once, as the manual allows

    def _wfet(self, word: int) -> bool:
        cpu = self._cpu
        if cpu.slots[state.EVENT]:
            cpu.slots[state.EVENT] = 0
            return False
        return not self._is_timed_out(word) and self._wait_trap(0b11 | self._timeout_register(word), event=True)

    def _wfit(self, word: int) -> bool:
        # It ends at once, as the manual allows: software that waits for a time looks at the clock and waits again.
        return not self._is_timed_out(word) and self._wait_trap(0b10 | self._timeout_register(word), event=False)

    def _is_timed_out(self, word: int) -> bool:
        """Whether the virtual counter has reached the time in the instruction's register."""
        return self._counter("CNTVCT_EL0") >= self._cpu.slots[word & 31]

    def _timeout_register(self, word: int) -> int:
        """RN and RV of the syndrome: which register has the timeout."""
        return (word & 31) << 5 | 1 << 2

    def _wfi(self, word: int) -> bool:
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

    def _fp_access(self, word: int) -> bool:
        """A V register is used where it may not be."""
        cpu = self._cpu
        return self._refuse(cpu.permissions.trapped(FLOATING_POINT), (0, 0, 0, 0, 0), word, False)

    # System registers.

    def _refuse(self, decision: Decision, encoding: Encoding, word: int, is_read: bool) -> bool:
        if not isinstance(decision, Trapped):
            return self._undefined(word)
        # A trap of floating point says nothing about the instruction but that its condition held.
        iss = UNCONDITIONAL if decision.ec == EC.FP_ACCESS else iss_for(encoding, word & 31, is_read)
        self._cpu.exceptions.take(decision.target_el, decision.ec, iss)
        return True

    def _mrs(self, word: int) -> bool:
        cpu = self._cpu
        decision = cpu.permissions.register(word, True)
        if not isinstance(decision, Allowed):
            return self._refuse(decision, encoding_of(word), word, True)
        register = decision.register
        assert register is not None
        rt = word & 31
        value = self._read(register)
        if register.hook == "random":
            cpu.nzcv = 0
        if rt != state.XZR:
            cpu.slots[rt] = value
        if register.hook == "counter":
            cpu.permissions.grant_counter(word, self._counter_offset(register.name))
        else:
            cpu.permissions.grant_read(word, register)
        return False

    def _msr(self, word: int) -> bool:
        cpu = self._cpu
        decision = cpu.permissions.register(word, False)
        if not isinstance(decision, Allowed):
            return self._refuse(decision, encoding_of(word), word, False)
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

    def read_raw(self, name: str) -> int:
        """A register's value for a debugger: hooks computed, no access checks."""
        return self._read(self._named(name))

    def write_raw(self, name: str, value: int) -> None:
        """Write a register as a debugger does: effects as MSR's, no access checks."""
        self._write(self._named(name), value)

    def _named(self, name: str) -> Register:
        self._cpu.regs[name]  # raises with a sentence when this machine has no such register
        register = BY_NAME[name]
        return BY_NAME[register.alias_of] if register.alias_of else register

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
                return self._counter(register.name)
            case "timer":
                return self._read_timer(register.name)
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
                self._write_timer(register.name, value)
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

    # Time: one tick an instruction, so that every run repeats.

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

    def _counter_offset(self, name: str) -> int:
        if name.startswith("CNTP"):
            return self._physical_offset() if self._cpu.el < 2 else 0
        return self._virtual_offset()

    def _counter(self, name: str) -> int:
        return self._physical_count() - self._counter_offset(name) & state.MASK64

    def _timer_count(self, name: str) -> int:
        """The count that a timer compares with; only the timers of EL1 have an offset."""
        offset = 0
        if name.startswith("CNTV_"):
            offset = self._cpu.regs["CNTVOFF_EL2"]
        elif name.startswith("CNTP_"):
            offset = self._physical_offset()
        return self._physical_count() - offset & state.MASK64

    def _read_timer(self, name: str) -> int:
        regs = self._cpu.regs
        stem, kind, suffix = name.split("_") if name.count("_") == 2 else (name, "", "")
        if kind == "TVAL":
            return regs[f"{stem}_CVAL_{suffix}"] - self._timer_count(name) & 0xFFFF_FFFF
        value = regs[name]
        if kind == "CTL" and value & 1:
            compare = regs[f"{stem}_CVAL_{suffix}"]
            value |= int(self._timer_count(name) >= compare) << 2
        return value

    def _write_timer(self, name: str, value: int) -> None:
        regs = self._cpu.regs
        stem, kind, suffix = name.split("_") if name.count("_") == 2 else (name, "", "")
        if kind == "TVAL":
            signed = (value & 0xFFFF_FFFF ^ 0x8000_0000) - 0x8000_0000
            regs[f"{stem}_CVAL_{suffix}"] = self._timer_count(name) + signed & state.MASK64
        else:
            regs[name] = value

    def _msr_immediate(self, word: int) -> bool:
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
                    return self._refuse(decision, (0, op1, 4, immediate, op2), word, False)
                keep, ones = (0xF, immediate) if op2 == 6 else (~immediate & 0xF, 0)
                slots[state.DAIF] = slots[state.DAIF] & keep | ones
                cpu.permissions.grant_immediate(word, state.DAIF, keep, ones)
                cpu.debug.update()
            case _:
                return self._undefined(word)
        return False

    # SYS.

    def _sysl(self, word: int) -> bool:
        """No SYSL operation exists in this machine."""
        encoding = encoding_of(word)
        decision = decide_unallocated(self._cpu.regs, encoding, self._cpu.el, self._cpu.security)
        return self._refuse(decision, encoding, word, True)

    def _sys(self, word: int) -> bool:
        cpu, slots = self._cpu, self._slots
        known = cpu.permissions.prepared.get(slots[state.SITUATION] | word >> 5 & state.GRANT_KEY)
        if known is not None:
            return known(slots[word & 31])
        operation, decision = cpu.permissions.operation(word)
        if operation is None or not isinstance(decision, Allowed):
            return self._refuse(decision, encoding_of(word), word, False)
        if operation.name.startswith("TLBI "):
            what = operation.name[5:]
            execute = self._invalidate_granules if is_pa_operation(what) else self._invalidate
            cpu.permissions.prepare(word, partial(execute, what))
        if operation.name == "DC ZVA":
            size = 4 << (cpu.regs["DCZID_EL0"] & 0xF)
            cpu.permissions.grant_zeroing(word, size)
            cpu.zero_block(cpu.slots[word & 31], size)
            return False
        is_redirected = self._operate(operation, cpu.slots[word & 31])
        cpu.caches.grant(word, operation.name[3:])
        return is_redirected

    def _operate(self, operation: Operation, value: int) -> bool:
        cpu = self._cpu
        kind, _, what = operation.name.partition(" ")
        if kind == "AT":
            return self._translate(what, value)
        if kind == "TLBI":
            return self._invalidate_granules(what, value) if is_pa_operation(what) else self._invalidate(what, value)
        if what in BY_WAY:
            cpu.caches.by_way(what, value)
        elif what in BY_PHYSICAL_ADDRESS:
            cpu.caches.by_physical_address(what, value)
        elif what in BY_ADDRESS or what == "IVAU":
            cpu.caches.by_address(what, value)
        return False  # IC of everything, and predictions: there is nothing to forget

    def _invalidate(self, what: str, value: int) -> bool:
        """A TLBI about entries."""
        cpu = self._cpu
        acting, when = self._slots[state.ACTING], self._now()
        # The same number of another age stands for other values.
        removed = cpu.mmu.perform(what, value, when, acting and cpu.contexts.age << 32 | acting)
        if self.heard.get(what) is not False:
            self._tell_invalidation(what, value, when, removed)
        return False

    def _invalidate_granules(self, what: str, value: int) -> bool:
        """A TLBI about granule protection information."""
        cpu, when = self._cpu, self._now()
        removed = cpu.mmu.perform_on_granules(what, value, when)
        cpu.forget_granules(*cpu.mmu.granules.forgotten)
        if self.heard.get(what) is not False:
            self._tell_invalidation(what, value, when, removed)
        return False

    def _now(self) -> When:
        """The present moment, for those who may never look at it."""
        slots = self._slots
        security = self._cpu.contexts.known[slots[state.HERE]].security
        instruction = slots[state.COUNT] + slots[state.LIMIT] - slots[state.BUDGET]
        return instruction, slots[state.PC], slots[state.EL], security

    def _tell_invalidation(self, what: str, value: int, when: When, removed: int) -> None:
        instruction, pc, el, security = when
        event = TlbInvalidated(Moment(instruction, VA(pc), el, security), what, value, removed)
        if what not in self.heard:
            self.heard[what] = self._cpu.hears(event)
        if self.heard[what]:
            self._cpu.emit(event)

    def _translate(self, what: str, va: int) -> bool:
        cpu = self._cpu
        if cpu.wants(AddressTranslated):
            cpu.emit(AddressTranslated(cpu.moment(), what, VA(va)))
        if cpu.slots[state.BARRIERS] & state.SOMETHING_WAITS:
            cpu.synchronisation.check_at(what, VA(va), bool(cpu.slots[state.PAN]))
        par, fault = cpu.mmu.at(what, VA(va), cpu.el, pan=bool(cpu.slots[state.PAN]))
        if fault is not None:
            access = Access.WRITE if "W" in what[2:] else Access.READ
            request = Request(VA(va), access, cpu.el, cpu.regime, cpu.security, is_at=True, is_cache_maintenance=True)
            cpu.exceptions.abort(fault, request)
            return True
        if par is None:
            cpu.exceptions.undefined()
            return True
        cpu.regs["PAR_EL1"] = par
        return False

    # What EL3 firmware or a platform block asks of the memory protection engine.

    def refresh_key(self, mecid: int) -> None:
        """Give a Realm MECID a new key: everything stored under it becomes noise."""
        cpu = self._cpu
        generation = cpu.memory.encrypted.refresh(mecid)
        cpu.flush_translations()
        cpu.transitions.forget()
        cpu.emit(KeyRefreshed(cpu.moment(), mecid, generation))
