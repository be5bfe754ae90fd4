"""Rules about what TLBs may still hold after EMEC or AMEC changed (mec-reference.md 1.6)."""

from __future__ import annotations

from typing import ClassVar

from emu.architecture import VA, Regime
from emu.debug.events import Event, Moment, RegisterWritten, StaleControlUsed
from emu.mec.rules.model import Report, Rule, Severity, Watched
from emu.mec.rules.words import at
from emu.mec.selection import SCTLR2_EMEC, TCR2_AMEC0, TCR2_AMEC1

_TLBI = {Regime.EL3: "TLBI ALLE3", Regime.EL2: "TLBI ALLE2", Regime.EL20: "TLBI ALLE2", Regime.EL10: "TLBI ALLE1"}
_BITS = {"EMEC": SCTLR2_EMEC, "AMEC0": TCR2_AMEC0, "AMEC1": TCR2_AMEC1}


class _StaleEntry(Rule):
    """Use of an entry that a TLBI should have removed; who changed the control is remembered for the message."""

    severity = Severity.ERROR
    kinds: ClassVar = (StaleControlUsed, RegisterWritten)
    controls: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self.changed: dict[str, Moment] = {}

    def ignores(self, event: Event) -> bool:
        if not isinstance(event, RegisterWritten):
            return False
        return not any(control.startswith(f"{event.register}.") for control in self.controls)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        if isinstance(event, RegisterWritten):
            for control in self.controls:
                register, bit = control.split(".")
                if event.register == register and (event.old ^ event.new) & _BITS[bit]:
                    self.changed[control] = event.moment
            return
        assert isinstance(event, StaleControlUsed)
        if event.control not in self.controls:
            return
        key = (event.control, event.made_under, event.translation.va_base, event.moment.pc)
        if report.repeats(self, key):
            return
        changed = self.changed.get(event.control)
        changer = "" if changed is None else f", which {at(machine, changed)} changed"
        request = event.request
        message = (
            f"the {request.access.value} of {request.va:#x} at {at(machine, event.moment)} uses a TLB entry made under "
            f"{event.control}={event.made_under}; it is {event.acting} now{changer}"
        )
        fix = f"{_TLBI[request.regime]}, DSB and ISB after the change of {event.control}"
        report.add(self, key, event.moment, message, fix=fix, other=changed, va=VA(request.va))


class StaleAfterEmec(_StaleEntry):
    id = "stale-entry-after-emec"
    numbers = (10,)
    title = "A TLB entry from before a change of EMEC is used"
    why = (
        "EMEC may be kept in TLB entries. Until a TLBI removes those made under the old value, some accesses go under "
        "a MECID and others under 0, by what the TLB happens to hold."
    )
    fix = "TLBI for the regimes concerned, DSB and ISB after the change of EMEC"
    controls = ("SCTLR2_EL2.EMEC", "SCTLR2_EL3.EMEC")


class StaleAfterAmec(_StaleEntry):
    id = "stale-entry-after-amec"
    numbers = (10,)
    title = "A TLB entry from before AMEC was cleared is used"
    why = (
        "TCR2_EL2.AMEC0 and AMEC1 may be kept in TLB entries while they are 1. After they are cleared, a mapping with "
        "AMEC=1 goes on working until a TLBI removes it, and faults on the next miss."
    )
    fix = "TLBI ALLE2, DSB and ISB after AMEC0 or AMEC1 is cleared"
    controls = ("TCR2_EL2.AMEC0", "TCR2_EL2.AMEC1")


RULES: tuple[type[Rule], ...] = (StaleAfterEmec, StaleAfterAmec)
