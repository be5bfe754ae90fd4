"""Rules about descriptors: bit 63 of leaves and tables, and what happens with the MMU off (mec-reference.md 1.4)."""

from __future__ import annotations

from typing import ClassVar

from emu.architecture import PAS, VA, Access, MecidSource, Regime, Security
from emu.debug.events import Event, RegisterWritten, TlbFilled, TranslationFailed
from emu.mec.rules.model import Report, Rule, Severity, Watched
from emu.mec.rules.words import at
from emu.mec.selection import MecControls, explain_amec_fault, is_amec_fault, mec_controls, mecid_value
from emu.translation.records import FaultKind, Request
from emu.translation.regimes import regime_of

_HOST = (Regime.EL2, Regime.EL20)
_BIT_63 = 1 << 63


class _AmecFault(Rule):
    """A Translation fault because of AMEC=1, which looks like a mapping that is not there."""

    severity = Severity.ERROR
    kinds: ClassVar = (TranslationFailed,)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, TranslationFailed)
        request = event.request
        if event.fault.kind is not FaultKind.TRANSLATION or request.regime not in _HOST:
            return
        controls = mec_controls(machine.acting, machine.features)
        upper = request.regime is Regime.EL20 and bool(request.va >> 55 & 1)
        if not is_amec_fault(controls, request.regime, PAS.REALM, upper, 1):
            return
        if event.fault.reason != explain_amec_fault(controls, request.regime, bool(request.va >> 55 & 1)):
            return
        if not controls.tcr2en and (controls.amec0 or controls.amec1):
            return  # `tcr2en-missing` says so
        has_other_half = request.regime is Regime.EL20 and controls.allows_alternate(not upper)
        if has_other_half is not self.is_about_halves:
            return
        key = (event.moment.pc, request.va >> 12)
        if not report.repeats(self, key):
            report.add(self, key, event.moment, self.words(event, machine, controls, upper), va=request.va)

    is_about_halves: ClassVar[bool]

    def words(self, event: TranslationFailed, machine: Watched, controls: MecControls, upper: bool) -> str:
        request = event.request
        return (
            f"the {request.access.value} of {request.va:#x} at {at(machine, event.moment)} takes a Translation fault "
            f"at level {event.fault.level} although its descriptor is valid: {event.fault.reason}"
        )


class AmecNotEnabled(_AmecFault):
    id = "amec-not-enabled"
    numbers = (11,)
    title = "A leaf has AMEC=1 while AMEC0 or AMEC1 is 0"
    why = (
        "While EMEC is 1, a leaf with AMEC=1 takes a Translation fault at its own level unless TCR2_EL2.AMEC0 (lower "
        "half, and EL2 with one range) or AMEC1 (upper half) is 1. The descriptor looks valid, and the fault looks "
        "like a mapping that is missing."
    )
    fix = "set TCR2_EL2.AMEC0 or AMEC1 for the half that the mapping is in, then ISB; or clear AMEC in the leaf"
    is_about_halves = False


class AmecWrongHalf(_AmecFault):
    id = "amec-wrong-half"
    numbers = (13,)
    title = "A leaf has AMEC=1 in the half that AMEC is not enabled for"
    why = (
        "VA[55] chooses: AMEC0 is for the lower half of EL2&0, AMEC1 for the upper one. A leaf with AMEC=1 in the half "
        "whose bit is 0 takes a Translation fault at its own level."
    )
    fix = "put the mapping into the other half, or set the AMEC bit of this half in TCR2_EL2"
    is_about_halves = True

    def words(self, event: TranslationFailed, machine: Watched, controls: MecControls, upper: bool) -> str:
        return f"{super().words(event, machine, controls, upper)}, AMEC{int(not upper)} is 1"


class AmecOnNonSecure(Rule):
    id = "amec-on-non-secure-leaf"
    numbers = (12,)
    severity = Severity.INFO
    title = "AMEC=1 in a leaf for Non-secure memory"
    why = (
        "Only Realm memory has MECIDs. In a leaf that maps another address space AMEC is ignored: the access has "
        "MECID 0, and no fault tells."
    )
    fix = "clear AMEC in leaves with NS=1, or NS if Realm memory was meant"
    kinds: ClassVar = (TlbFilled,)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, TlbFilled)
        entry, translation = event.entry, event.entry.translation
        if entry.security is not Security.REALM or not translation.amec or translation.pas is PAS.REALM:
            return
        key = (entry.regime, translation.va_base)
        if not report.repeats(self, key):
            message = (
                f"the leaf for {translation.va_base:#x} ({entry.regime.value}, used at {at(machine, event.moment)}) "
                f"has AMEC=1, but it maps {translation.pas.label} memory (PA {translation.pa_base:#x}): MECID 0"
            )
            report.add(self, key, event.moment, message, va=VA(translation.va_base), pa=translation.pa_base)


class TableBit63(Rule):
    id = "table-bit-63"
    numbers = (14,)
    severity = Severity.INFO
    title = "Bit 63 is set in a table descriptor"
    why = (
        "Bit 63 means AMEC in blocks and pages only. In a table descriptor it is NSTable, which Realm state ignores: "
        "tables below it are read under the same MECID as ever."
    )
    fix = "clear bit 63 of the table descriptor and set AMEC in the leaves that should have it"
    kinds: ClassVar = (TlbFilled,)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, TlbFilled)
        entry = event.entry
        if entry.security is not Security.REALM or entry.stage == "2":
            return
        walk = machine.explain(
            Request(VA(entry.base), Access.READ, entry.regime.el, entry.regime, entry.security, is_at=True)
        )
        steps = [*walk.steps, *walk.stage2, *(inner for step in walk.steps for inner in step.stage2)]
        for step in steps:
            if step.kind != "table" or step.descriptor is None or not step.descriptor & _BIT_63:
                continue
            key = (step.stage, step.address)
            if not report.repeats(self, key):
                message = (
                    f"the stage {step.stage} level {step.level} table descriptor at {step.address:#x} has bit 63 set "
                    f"({step.descriptor:#x}), read for {entry.base:#x} at {at(machine, event.moment)}: ignored"
                )
                report.add(self, key, event.moment, message, va=VA(entry.base), pa=step.pa)


class MmuOffUsesP0(Rule):
    id = "mmu-off-uses-p0"
    numbers = (30,)
    severity = Severity.INFO
    title = "EL2 turns its MMU off while its MECIDs differ"
    why = (
        "With stage 1 off every access of Realm EL2 uses MECID_P0_EL2, for whatever half of the address space: what "
        "was stored through the upper half, or through mappings with AMEC=1, is noise until the MMU is on again."
    )
    fix = "touch only memory of MECID_P0_EL2 while the MMU is off"
    kinds: ClassVar = (RegisterWritten,)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, RegisterWritten)
        moment = event.moment
        if event.register != "SCTLR_EL2" or not event.old & ~event.new & 1:
            return
        if moment.el != 2 or moment.security is not Security.REALM:
            return
        registers, features = machine.registers, machine.features
        if not mec_controls(registers, features).is_el2_on or regime_of(2, registers) is not Regime.EL20:
            return
        lower, upper = (mecid_value(registers, source, features) for source in (MecidSource.P0, MecidSource.P1))
        if lower != upper:
            message = (
                f"EL2 turns its MMU off at {at(machine, moment)}: every access uses MECID_P0_EL2={lower} now, those "
                f"that used MECID_P1_EL2={upper} too"
            )
            report.add(self, moment.pc, moment, message)


RULES: tuple[type[Rule], ...] = (AmecNotEnabled, AmecWrongHalf, AmecOnNonSecure, TableBit63, MmuOffUsesP0)
