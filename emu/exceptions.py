"""Taking exceptions and returning from them (Arm ARM D1.3, D1.4): what changes in PSTATE and the ELx registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from emu import state
from emu.architecture import PAS, VA, Access, Security
from emu.debug.events import ExceptionReturned, ExceptionTaken
from emu.syndrome import EC, EC_TEXT, abort_iss, gpc_iss
from emu.translation.faults import is_gpc_exception
from emu.translation.records import Fault, FaultKind, GpcFailure, Request
from emu.translation.regimes import is_el2_enabled

if TYPE_CHECKING:
    from emu.cpu import Cpu

_SPSR_N, _SPSR_Z, _SPSR_C, _SPSR_V = 31, 30, 29, 28
_SPSR_DIT, _SPSR_UAO, _SPSR_PAN, _SPSR_SS, _SPSR_IL, _SPSR_SSBS = 24, 23, 22, 21, 20, 12

_SPSR_BTYPE = 10
_KEEPS_BTYPE = frozenset(
    (
        EC.INSTRUCTION_ABORT,
        EC.INSTRUCTION_ABORT + 1,
        EC.PC_ALIGNMENT,
        EC.ILLEGAL_STATE,
        EC.BRANCH_TARGET,
        EC.BRK,
    )
)
_GPC_FETCH = 1 << 20
_NAMES = {el: (f"ESR_EL{el}", f"ELR_EL{el}", f"SPSR_EL{el}", f"VBAR_EL{el}", f"SCTLR_EL{el}.DSSBS") for el in (1, 2, 3)}
"""What an exception entry writes and reads at its target."""


class Abandoned(Exception):
    """The instruction did not complete: an exception was taken and the state says where to go on."""


class Exceptions:
    """Exception entry and return for one CPU."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self.count = 0
        """Exceptions taken by this CPU object, to see whether an instruction took one."""

    # PSTATE as one word.

    def spsr(self) -> int:
        """PSTATE in the layout of SPSR_ELx."""
        s = self._cpu.slots
        return (
            s[state.N] << _SPSR_N
            | s[state.Z] << _SPSR_Z
            | s[state.C] << _SPSR_C
            | s[state.V] << _SPSR_V
            | s[state.DIT] << _SPSR_DIT
            | s[state.UAO] << _SPSR_UAO
            | s[state.PAN] << _SPSR_PAN
            | s[state.SS] << _SPSR_SS
            | s[state.IL] << _SPSR_IL
            | s[state.SSBS] << _SPSR_SSBS
            | s[state.DAIF] << 6
            | s[state.EL] << 2
            | (s[state.SPSEL] if s[state.EL] else 0)
        )

    # Routing.

    def is_el2_enabled(self) -> bool:
        """Whether EL2 exists for the current Security state (Secure EL2 has to be switched on)."""
        cpu = self._cpu
        return cpu.el == 3 or is_el2_enabled(cpu.security, cpu.regs)

    def general_target(self) -> int:
        """EL that a synchronous exception without a route of its own goes to."""
        el = self._cpu.el
        if el == 0:
            return 2 if self.is_el2_enabled() and self._cpu.regs.field("HCR_EL2.TGE") else 1
        return el

    # Entry.

    def take(
        self,
        target: int,
        ec: int,
        iss: int = 0,
        *,
        return_to: int | None = None,
        far: int | None = None,
        mfar: int | None = None,
        is_32bit: bool = True,
        vector: int = 0,
        kind: str | None = None,
    ) -> ExceptionTaken:
        """Enter the exception vector of EL `target`.

        `return_to` is the preferred return address (default: this instruction). `iss` holds ISS in bits [24:0] and
        ISS2 from bit 32; `is_32bit` is ESR.IL; `vector` 0 for synchronous, 0x180 for SError.
        """
        cpu = self._cpu
        slots, regs = cpu.slots, cpu.regs
        el, pc = cpu.el, slots[state.PC]
        moment = cpu.moment()
        self.count += 1
        # An instruction that is done when its exception is taken is retired, and has been stepped.
        is_complete = return_to is not None
        cpu.monitors.leave(is_complete)
        if target != el:
            cpu.leave_level()
        slots[state.AFTER_TRANSITION] = moment.instruction + 1
        elr = pc if return_to is None else return_to
        esr = ec << 26 | int(is_32bit) << 25 | iss
        spsr = self.spsr() & ~(int(is_complete) << _SPSR_SS)
        # BTYPE is kept where the instruction was not executed yet, and zeroed where the manual leaves the choice.
        if ec in _KEEPS_BTYPE or (ec == EC.GPC and iss & _GPC_FETCH):
            spsr |= cpu.branch_type << _SPSR_BTYPE
        slots[state.BTYPE] = 0
        offset = vector + (0x400 if el < target else 0x200 if slots[state.SPSEL] else 0)
        esr_name, elr_name, spsr_name, vbar_name, ssbs_name = _NAMES[target]
        regs[esr_name], regs[elr_name], regs[spsr_name] = esr, elr, spsr
        if far is not None:
            regs[f"FAR_EL{target}"] = far
        if mfar is not None:
            regs["MFAR_EL3"] = mfar
        if self._sets_pan(target):
            slots[state.PAN] = 1
        slots[state.UAO] = slots[state.SS] = slots[state.IL] = 0
        slots[state.SSBS] = regs.field(ssbs_name)
        slots[state.DAIF] = 0xF
        cpu.change_stack(target, 1)
        slots[state.PC] = (regs[vbar_name] & ~0x7FF) + offset & state.MASK64
        cpu.synchronisation.synchronise("exception entry", moment)
        cpu.context_changed()
        event = ExceptionTaken(
            moment, target, ec, esr, far if far is not None else 0, elr, kind or EC_TEXT.get(ec, "Exception"), mfar
        )
        cpu.emit(event)
        return event

    def _sets_pan(self, target: int) -> bool:
        regs = self._cpu.regs
        if target == 1:
            return not regs.field("SCTLR_EL1.SPAN")
        if target == 2:
            hcr_host = regs.field("HCR_EL2.E2H") and regs.field("HCR_EL2.TGE")
            return bool(hcr_host) and not regs.field("SCTLR_EL2.SPAN")
        return False

    def take_and_abandon(self, target: int, ec: int, iss: int = 0) -> NoReturn:
        """Take an exception of the present instruction from the middle of it."""
        self.take(target, ec, iss)
        raise Abandoned

    def undefined(self) -> None:
        """An instruction that does not exist here."""
        self.take(self.general_target(), EC.UNKNOWN)

    def abort(self, fault: Fault, request: Request) -> None:
        """A fault of a memory access: Instruction Abort, Data Abort or GPC exception, at the EL it belongs to."""
        cpu = self._cpu
        is_fetch = request.access is Access.FETCH
        is_write = request.access is Access.WRITE or request.is_cache_maintenance
        maintenance = request.is_cache_maintenance
        va = fault.va if fault.va is not None else request.va
        second_stage = fault.second_stage or fault.s1ptw
        target = self._abort_target(fault, second_stage)
        if second_stage and fault.ipa is not None:
            non_secure = cpu.security is Security.SECURE and fault.ipa_pas is PAS.NON_SECURE
            cpu.regs["HPFAR_EL2"] = (fault.ipa >> 12 << 4) | int(non_secure) << 63
        kind = f"{fault.kind.value}, {fault.reason}"
        if fault.gpc is not None and is_gpc_exception(fault, cpu.el, cpu.regs["SCR_EL3"]):
            gpc = fault.gpc
            pas = gpc.pas
            mfar = (pas & 1) << 63 | (pas >> 1) << 62 | gpc.pa & 0x00FF_FFFF_FFFF_F000
            iss = gpc_iss(fault, is_fetch=is_fetch, is_write=is_write, is_maintenance=maintenance)
            vector = 0
            if gpc.failure is GpcFailure.EXTERNAL and cpu.regs.field("SCR_EL3.EASE"):
                vector = 0x180
            self.take(3, EC.GPC, iss, far=va, mfar=mfar, vector=vector, kind=kind)
            return
        decoded = None
        if not is_fetch and second_stage:
            word = cpu.peek_word(cpu.slots[state.PC])
            decoded = None if word is None else cpu.decode(word)
        iss = abort_iss(fault, is_fetch=is_fetch, is_write=is_write, is_maintenance=maintenance, decoded=decoded)
        ec = (EC.INSTRUCTION_ABORT if is_fetch else EC.DATA_ABORT) + int(target == cpu.el)
        self.take(target, ec, iss, far=va, kind=kind)

    def _abort_target(self, fault: Fault, second_stage: bool) -> int:
        cpu = self._cpu
        regs, el = cpu.regs, cpu.el
        if el == 3:
            return 3
        is_external = fault.kind in (FaultKind.EXTERNAL, FaultKind.EXTERNAL_WALK)
        if is_external and regs.field("SCR_EL3.EA"):
            return 3
        if el == 2:
            return 2
        if not self.is_el2_enabled():
            return 1
        if second_stage or (el == 0 and regs.field("HCR_EL2.TGE")):
            return 2
        if is_external and regs.field("HCR_EL2.TEA"):
            return 2
        if fault.gpc is not None and regs.field("HCR_EL2.GPF"):
            return 2
        return 1

    # Return.

    def eret(self, target: int) -> ExceptionReturned:
        """Exception return from the current EL (not EL0) to an address."""
        cpu = self._cpu
        slots, regs = cpu.slots, cpu.regs
        el = cpu.el
        moment = cpu.moment()
        spsr = regs[_NAMES[el][2]]
        legal = self._is_legal_return(spsr)
        cpu.monitors.leave(is_complete=True)
        if legal and spsr >> 2 & 3 != el:
            cpu.leave_level()
        slots[state.AFTER_TRANSITION] = moment.instruction + 1
        is_stepped = cpu.debug.step_after_return(spsr, legal)
        slots[state.N], slots[state.Z] = spsr >> _SPSR_N & 1, spsr >> _SPSR_Z & 1
        slots[state.C], slots[state.V] = spsr >> _SPSR_C & 1, spsr >> _SPSR_V & 1
        slots[state.DAIF] = spsr >> 6 & 0xF
        slots[state.SS] = is_stepped
        slots[state.EXCLUSIVE] = 0
        slots[state.EVENT] = 1
        slots[state.PAN] = spsr >> _SPSR_PAN & 1
        slots[state.UAO] = spsr >> _SPSR_UAO & 1
        # SPSR_ELx keeps these two as zero where the machine lacks them.
        slots[state.DIT] = spsr >> _SPSR_DIT & 1
        slots[state.SSBS] = spsr >> _SPSR_SSBS & 1
        if legal:
            slots[state.IL] = spsr >> _SPSR_IL & 1
            new_el = spsr >> 2 & 3
            cpu.change_stack(new_el, spsr & 1 if new_el else 0)
        else:
            slots[state.IL] = 1
        slots[state.PC] = target
        cpu.synchronisation.synchronise("exception return", moment)
        cpu.context_changed()
        slots[state.PC] = cpu.untagged(target)
        cpu.return_branch_type(spsr >> _SPSR_BTYPE & 3 if legal else 0)
        event = ExceptionReturned(moment, cpu.el, cpu.security, VA(slots[state.PC]))
        cpu.emit(event)
        return event

    def _is_legal_return(self, spsr: int) -> bool:
        """The checks of an illegal exception return (Arm ARM D1.4.4)."""
        cpu = self._cpu
        regs = cpu.regs
        if spsr & 0x12:  # AArch32, or the reserved bit
            return False
        target, stack = spsr >> 2 & 3, spsr & 1
        if target > cpu.el or (target == 0 and stack):
            return False
        if target == 3:
            return True
        if cpu.el == 3:
            nse, ns = regs.field("SCR_EL3.NSE"), regs.field("SCR_EL3.NS")
            if nse and not ns:
                return False
            secure = not nse and not ns
        else:
            secure = cpu.security is Security.SECURE
        el2_enabled = not secure or bool(regs.field("SCR_EL3.EEL2"))
        if target == 2 and not el2_enabled:
            return False
        return not (target == 1 and el2_enabled and regs.field("HCR_EL2.TGE"))
