"""Rules about what a write to a register needs before it acts, and what it does not need (mec-reference.md 1.6)."""

from __future__ import annotations

from typing import ClassVar

from emu.architecture import Access, Security
from emu.debug.events import (
    AddressTranslated,
    Event,
    MecidWritten,
    Moment,
    PendingUsed,
    RegisterWritten,
    TlbInvalidated,
)
from emu.mec.rules.model import Report, Rule, Severity, Watched
from emu.mec.rules.words import EL3_REGISTER, MECID_REGISTERS, at

_SOON = 12
"""Instructions after a MECID write within which a TLBI is taken to be for it."""
_TOGETHER = 64
"""Instructions around it in which a write to another register may be what the TLBI is for."""


class MissingIsb(Rule):
    id = "missing-isb"
    numbers = (8,)
    severity = Severity.ERROR
    title = "A register is written, and used before it acts"
    why = (
        "A new value in a MECID register (or another one that steers translation) acts for certain from the next "
        "context synchronisation event on: ISB, exception entry or exception return. An access before that uses the "
        "old value or the new one, as the pipeline happens to have it: it goes wrong now and then."
    )
    fix = "put an ISB between the MSR and the access"
    kinds: ClassVar = (PendingUsed,)

    def ignores(self, event: Event) -> bool:
        return isinstance(event, PendingUsed) and event.access is Access.FETCH

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, PendingUsed)
        # The fetch of the ISB itself goes by the old value, and cannot do otherwise.
        if event.access is Access.FETCH:
            return
        key = (event.register, event.written.pc, event.moment.pc)
        if report.repeats(self, key):
            return
        is_mecid = event.register in MECID_REGISTERS
        used, pending = (
            (str(event.used), str(event.pending)) if is_mecid else (f"{event.used:#x}", f"{event.pending:#x}")
        )
        message = (
            f"the {event.access.value} of {event.va:#x} at {at(machine, event.moment)} goes by "
            f"{event.register}={used}, although {at(machine, event.written)} wrote {pending} to it: "
            "no ISB or exception in between"
        )
        report.add(self, key, event.moment, message, other=event.written, va=event.va)


class NeedlessTlbi(Rule):
    id = "needless-tlbi"
    numbers = (9,)
    severity = Severity.INFO
    title = "A TLBI for a new MECID"
    why = (
        "TLBs keep which register supplies a MECID, never its number: the number is looked up at every access. "
        "A new number in a MECID register needs an ISB (or ERET) and no TLBI, which only costs time."
    )
    fix = "leave the TLBI out: ISB is enough"
    kinds: ClassVar = (MecidWritten, RegisterWritten, TlbInvalidated)

    def ignores(self, event: Event) -> bool:
        return isinstance(event, RegisterWritten) and event.register in MECID_REGISTERS

    def __init__(self) -> None:
        self.written: tuple[str, Moment] | None = None
        self.other = -_TOGETHER
        """When another register was written last."""

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        if isinstance(event, MecidWritten):
            self.written = (event.register, event.moment)
        elif isinstance(event, RegisterWritten):
            if event.register not in MECID_REGISTERS:
                self.other = event.moment.instruction
        elif isinstance(event, TlbInvalidated) and self.written is not None:
            name, written = self.written
            self.written = None
            now = event.moment
            if now.instruction - written.instruction > _SOON or now.instruction - self.other < _TOGETHER:
                return
            if (name == EL3_REGISTER) is not event.operation.endswith(("E3", "E3IS", "E3OS", "E3NXS")):
                return
            message = (
                f"TLBI {event.operation} at {at(machine, now)} follows the write of {name} at {at(machine, written)}: "
                "TLBs do not hold MECIDs"
            )
            report.add(self, (name, now.pc), now, message, other=written)


class AtUnderOtherMecid(Rule):
    id = "at-under-other-mecid"
    numbers = (31,)
    severity = Severity.INFO
    title = "AT walks a Realm's tables under a newly written VMECID_P_EL2"
    why = (
        "An AT instruction at EL2 that walks stage 2 (or stage 1 of EL1) fetches descriptors under VMECID_P_EL2 as it "
        "is then. After a change of that register it walks whatever tables VTTBR_EL2 names under the new number."
    )
    fix = "make sure VTTBR_EL2 and VMECID_P_EL2 belong to the same Realm when AT is executed"
    kinds: ClassVar = (MecidWritten, AddressTranslated)

    def ignores(self, event: Event) -> bool:
        return isinstance(event, MecidWritten) and event.register != "VMECID_P_EL2"

    def __init__(self) -> None:
        self.written: MecidWritten | None = None

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        if isinstance(event, MecidWritten):
            if event.register == "VMECID_P_EL2" and event.old != event.new:
                self.written = event
        elif isinstance(event, AddressTranslated):
            moment, written = event.moment, self.written
            if written is None or moment.el != 2 or moment.security is not Security.REALM:
                return
            if machine.after_transition > written.moment.instruction + 1:
                self.written = None  # the Realm itself has run under it, or an exception began something new
                return
            if not event.operation.startswith(("S12E", "S1E1", "S1E0")):
                return
            message = (
                f"AT {event.operation} of {event.va:#x} at {at(machine, moment)} walks under VMECID_P_EL2="
                f"{machine.acting['VMECID_P_EL2']}, which {at(machine, written.moment)} changed from {written.old}"
            )
            report.add(self, (moment.pc, written.moment.pc), moment, message, other=written.moment, va=event.va)


RULES: tuple[type[Rule], ...] = (MissingIsb, NeedlessTlbi, AtUnderOtherMecid)
