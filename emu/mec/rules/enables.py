"""Rules about the bits that switch memory encryption contexts on (mec-reference.md 1.3)."""

from __future__ import annotations

from typing import ClassVar

from emu.architecture import Security
from emu.debug.events import (
    Event,
    ExceptionReturned,
    ExceptionTaken,
    MecidWritten,
    Moment,
    RegisterWritten,
    TranslationFailed,
)
from emu.mec.rules.model import Report, Rule, Severity, Watched
from emu.mec.rules.words import EL2_REGISTERS, EL3_REGISTER, at, listed
from emu.mec.selection import (
    SCR_MECEN,
    SCR_SCTLR2EN,
    SCR_TCR2EN,
    SCTLR2_EMEC,
    TCR2_AMEC0,
    TCR2_AMEC1,
    explain_amec_fault,
    mec_controls,
)
from emu.registers.table import BY_ENCODING

_TRAPPED_REGISTER = 0x18
"""ESR_ELx.EC of a trapped MSR, MRS or system instruction."""


def trapped_register(event: ExceptionTaken) -> str | None:
    """The register that a trap to EL3 from EL2 in Realm state is about; None for anything else."""
    if event.ec != _TRAPPED_REGISTER or event.to_el != 3 or event.moment.el != 2:
        return None
    if event.moment.security is not Security.REALM:
        return None
    iss = event.esr
    encoding = (iss >> 20 & 3, iss >> 14 & 7, iss >> 10 & 15, iss >> 1 & 15, iss >> 17 & 7)
    register = BY_ENCODING.get(encoding)
    return None if register is None else register.name


def enters_realm(event: ExceptionReturned) -> bool:
    """Whether EL3 hands the CPU to Realm state."""
    return event.moment.el == 3 and event.to_security is Security.REALM


class MecInactive(Rule):
    """Waits for a Realm to be entered (or the end), because MECIDs are rightly programmed before EMEC is set."""

    id = "mec-inactive"
    numbers = (1,)
    severity = Severity.WARNING
    title = "MECIDs are programmed, but EMEC is never set"
    why = (
        "Until SCTLR2_EL2.EMEC is 1 every access of Realm EL2, EL1 and EL0 has MECID 0, whatever the MECID registers "
        "hold. Everything works; nothing separates the Realms, and an attestation that claims it does is wrong."
    )
    fix = "set SCTLR2_EL2.EMEC after the MECID registers, then ISB, TLBI, DSB and ISB"
    kinds: ClassVar = (MecidWritten, RegisterWritten, ExceptionReturned)
    is_patient = True

    @property
    def waits(self) -> bool:
        return bool(self.written)

    def ignores(self, event: Event) -> bool:
        if isinstance(event, RegisterWritten):
            return event.register not in ("SCTLR2_EL2", "SCR_EL3")
        if isinstance(event, MecidWritten):
            return event.register not in EL2_REGISTERS
        return isinstance(event, ExceptionReturned)

    def __init__(self) -> None:
        self.written: dict[str, tuple[int, Moment]] = {}
        """Registers that hold a MECID other than 0 and have never been in force."""

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        if isinstance(event, MecidWritten):
            if event.moment.el == 2 and event.register in EL2_REGISTERS and not self._is_on(machine):
                self.written.pop(event.register, None)
                if event.new:
                    self.written[event.register] = (event.new, event.moment)
        elif isinstance(event, RegisterWritten):
            if event.register in ("SCTLR2_EL2", "SCR_EL3") and self._is_on(machine):
                self.written.clear()
        elif isinstance(event, ExceptionReturned) and event.to_security is Security.REALM and event.to_el < 2:
            self._judge(machine, report, event.moment, f"EL{event.to_el} is entered")

    def settled(self, event: Event, machine: Watched) -> bool:
        return isinstance(event, MecidWritten) and not self.written and self._is_on(machine)

    def finish(self, machine: Watched, report: Report) -> None:
        if self.written:
            self._judge(machine, report, next(iter(self.written.values()))[1], "the guest ends")

    def _is_on(self, machine: Watched) -> bool:
        return bool(machine.registers["SCTLR2_EL2"] & SCTLR2_EMEC) and "SCTLR2_EL2" not in machine.never_written

    def _judge(self, machine: Watched, report: Report, moment: Moment, when: str) -> None:
        if not self.written or self._is_on(machine):
            return
        (name, (mecid, written)), *_ = self.written.items()
        message = (
            f"{name} was given MECID {mecid} at {at(machine, written)}, but SCTLR2_EL2.EMEC is still 0 when {when}"
            f"{'' if moment == written else f' at {at(machine, moment)}'}: every access has MECID 0"
        )
        self.written = {}
        report.add(self, (name, written.pc), moment, message, other=written)


class _EnableMissing(Rule):
    """What the three enables of SCR_EL3 have in common: an access that traps, or a setting that counts as 0."""

    severity = Severity.ERROR
    kinds: ClassVar[tuple[type, ...]] = (ExceptionTaken, ExceptionReturned)
    bit: ClassVar[int]
    name: ClassVar[str]
    """The enable, as in "SCR_EL3.MECEn"."""
    registers: ClassVar[tuple[str, ...]]
    """What traps while it is 0."""

    def ignores(self, event: Event) -> bool:
        if isinstance(event, ExceptionTaken):
            return event.ec != _TRAPPED_REGISTER
        return isinstance(event, ExceptionReturned) and not enters_realm(event)

    def settled(self, event: Event, machine: Watched) -> bool:
        return bool(machine.registers["SCR_EL3"] & self.bit)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        if machine.registers["SCR_EL3"] & self.bit:
            return
        if isinstance(event, ExceptionTaken):
            register = trapped_register(event)
            if register in self.registers:
                verb = "MRS from" if event.esr & 1 else "MSR to"
                message = (
                    f"{verb} {register} by Realm EL2 at {at(machine, event.moment)} is trapped to EL3, "
                    f"because {self.name} is 0"
                )
                report.add(self, (register, event.moment.pc), event.moment, message)
        elif isinstance(event, ExceptionReturned) and enters_realm(event):
            idle = self.idle(machine)
            if idle:
                verb = "count" if " and " in idle else "counts"
                message = (
                    f"EL3 enters Realm state at {at(machine, event.moment)} (going to pc {event.pc:#x}) with {idle}, "
                    f"which {verb} as 0 because {self.name} is 0"
                )
                report.add(self, event.moment.pc, event.moment, message)

    def idle(self, machine: Watched) -> str:
        """What is set and has no effect, or ""."""
        raise NotImplementedError


class Sctlr2Disabled(_EnableMissing):
    id = "sctlr2en-missing"
    numbers = (2,)
    title = "SCR_EL3.SCTLR2En is 0, so EMEC has no effect"
    why = (
        "SCR_EL3.SCTLR2En=0 makes SCTLR2_EL2 trap to EL3, and every bit in it count as 0: EMEC too, even where EL3 "
        "set it before. Realm accesses then all have MECID 0."
    )
    fix = "have EL3 set SCR_EL3.SCTLR2En (bit 44) before it enters Realm state"
    bit = SCR_SCTLR2EN
    name = "SCR_EL3.SCTLR2En"
    registers = ("SCTLR2_EL2", "SCTLR2_EL1")

    def idle(self, machine: Watched) -> str:
        if "SCTLR2_EL2" in machine.never_written or not machine.registers["SCTLR2_EL2"] & SCTLR2_EMEC:
            return ""
        return "SCTLR2_EL2.EMEC=1"


class Tcr2Disabled(_EnableMissing):
    id = "tcr2en-missing"
    numbers = (3,)
    title = "SCR_EL3.TCR2En is 0, so AMEC0 and AMEC1 have no effect"
    why = (
        "SCR_EL3.TCR2En=0 makes TCR2_EL2 trap to EL3, and AMEC0 and AMEC1 count as 0: leaves with AMEC=1 then take "
        "Translation faults at their own level, although their descriptors are in order."
    )
    fix = "have EL3 set SCR_EL3.TCR2En (bit 43) before it enters Realm state"
    kinds = (ExceptionTaken, ExceptionReturned, TranslationFailed)
    bit = SCR_TCR2EN
    name = "SCR_EL3.TCR2En"
    registers = ("TCR2_EL2", "TCR2_EL1")

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        if not isinstance(event, TranslationFailed):
            super().hear(event, machine, report)
            return
        request, controls = event.request, mec_controls(machine.acting, machine.features)
        upper = bool(request.va >> 55 & 1)
        if controls.tcr2en or event.fault.reason != explain_amec_fault(controls, request.regime, upper):
            return
        if not (controls.amec0 or controls.amec1):
            return  # nobody asked for alternate MECIDs: `amec-not-enabled` says so
        message = (
            f"the {request.access.value} of {request.va:#x} at {at(machine, event.moment)} takes a Translation fault "
            f"at level {event.fault.level}: {event.fault.reason}"
        )
        report.add(self, (event.moment.pc, "leaf"), event.moment, message, va=request.va)

    def idle(self, machine: Watched) -> str:
        if "TCR2_EL2" in machine.never_written:
            return ""
        value = machine.registers["TCR2_EL2"]
        names = [f"AMEC{half}" for half, bit in enumerate((TCR2_AMEC0, TCR2_AMEC1)) if value & bit]
        return f"TCR2_EL2.{listed(names)}=1" if names else ""


class MecDisabled(_EnableMissing):
    id = "mecen-missing"
    numbers = (4,)
    title = "SCR_EL3.MECEn is 0, so the MECID registers count as 0"
    why = (
        "SCR_EL3.MECEn=0 makes the six MECID registers of Realm EL2 trap to EL3, and all of them count as 0: "
        "the accesses that should be kept apart share MECID 0."
    )
    fix = "have EL3 set SCR_EL3.MECEn (bit 49) before it enters Realm state"
    bit = SCR_MECEN
    name = "SCR_EL3.MECEn"
    registers = EL2_REGISTERS

    def idle(self, machine: Watched) -> str:
        if not mec_controls(machine.registers, machine.features).is_el2_on:
            return ""
        written = [name for name in EL2_REGISTERS if name not in machine.never_written and machine.registers[name]]
        return listed(f"{name}={machine.registers[name]}" for name in written) if written else ""


class El3MecInactive(Rule):
    """Waits until EL3 leaves, because MECID_RL_A_EL3 is rightly written before EMEC is set.

    A MECID that acted before EMEC was cleared again had its use.
    """

    id = "el3-mec-inactive"
    numbers = (27,)
    severity = Severity.WARNING
    title = "MECID_RL_A_EL3 is programmed, but SCTLR2_EL3.EMEC is 0"
    why = (
        "EL3's accesses to Realm memory use MECID_RL_A_EL3 only while SCTLR2_EL3.EMEC is 1; without it they have "
        "MECID 0 and find noise in what a Realm stored."
    )
    fix = "set SCTLR2_EL3.EMEC after MECID_RL_A_EL3, then ISB, TLBI ALLE3, DSB and ISB"
    kinds: ClassVar = (MecidWritten, RegisterWritten, ExceptionReturned)
    is_patient = True

    @property
    def waits(self) -> bool:
        return self.written is not None

    def ignores(self, event: Event) -> bool:
        if isinstance(event, RegisterWritten):
            return event.register != "SCTLR2_EL3"
        if isinstance(event, MecidWritten):
            return event.register != EL3_REGISTER
        return isinstance(event, ExceptionReturned)

    def __init__(self) -> None:
        self.written: tuple[int, Moment] | None = None

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        if isinstance(event, MecidWritten):
            if event.register == EL3_REGISTER:
                is_on = machine.registers["SCTLR2_EL3"] & SCTLR2_EMEC
                self.written = (event.new, event.moment) if event.new and not is_on else None
        elif isinstance(event, RegisterWritten):
            if event.register == "SCTLR2_EL3" and event.new & SCTLR2_EMEC:
                self.written = None
        elif event.moment.el == 3:
            self.finish(machine, report)

    def finish(self, machine: Watched, report: Report) -> None:
        written, self.written = self.written, None
        if written is None or machine.registers["SCTLR2_EL3"] & SCTLR2_EMEC:
            return
        mecid, moment = written
        message = (
            f"MECID_RL_A_EL3 was given MECID {mecid} at {at(machine, moment)}, but SCTLR2_EL3.EMEC is 0: "
            "EL3 accesses Realm memory under MECID 0"
        )
        report.add(self, moment.pc, moment, message)


RULES: tuple[type[Rule], ...] = (MecInactive, Sctlr2Disabled, Tcr2Disabled, MecDisabled, El3MecInactive)
