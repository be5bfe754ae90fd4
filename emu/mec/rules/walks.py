"""Rules about translation tables that were stored under another MECID than they are walked under (1.5, table d)."""

from __future__ import annotations

from typing import ClassVar

from emu.architecture import PAS, Access, MecidSource, Regime
from emu.debug.events import Event, Hit
from emu.mec.rules.model import Report, Rule, Severity, Watched
from emu.mec.rules.words import at, context
from emu.mec.selection import mecid_value
from emu.mec.writers import Writer


class _ForeignTable(Rule):
    """A descriptor fetch that returned noise."""

    severity = Severity.ERROR
    kinds: ClassVar = (Hit,)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, Hit)
        if event.access is not Access.WALK or not self.is_mine(event):
            return
        writer = event.writer
        key = (event.pa >> 12, event.mecid, event.owned_by, None if writer is None else writer.pc)
        if report.repeats(self, key):
            return
        if writer is None:
            stored = f"was stored under {context(event.owned_by)}"
        else:
            by = f" ({writer.source.value})" if isinstance(writer, Writer) and writer.source.value != "0" else ""
            stored = f"was stored at {at(machine, writer)} under {context(event.owned_by)}{by}"
        number = f"{event.source.value}={event.mecid}" if event.source is not MecidSource.ZERO else "MECID 0"
        regime = "" if event.regime is None else f" of {event.regime.value}"
        message = (
            f"the stage {event.stage} walk{regime} for {at(machine, event.moment)} reads its descriptor at PA "
            f"{event.pa:#x} under {number}, but it {stored}: the descriptor is noise"
        )
        report.add(self, key, event.moment, message, fix=self.advice(event, machine), other=writer, pa=event.pa)

    def is_mine(self, hit: Hit) -> bool:
        raise NotImplementedError

    def advice(self, hit: Hit, machine: Watched) -> str:
        """A fix that fits better than the rule's own, or ""."""
        return ""


class El2TableForeign(_ForeignTable):
    id = "el2-table-foreign"
    numbers = (15,)
    title = "EL2's own tables are walked under another MECID than they were stored under"
    why = (
        "Walks of the EL2 regime use MECID_P0_EL2. Those of EL2&0 use MECID_P0_EL2 only with TCR_EL2.A1=1, else "
        "MECID_P1_EL2, for both halves. Under the wrong one tables are noise: Translation and Address size faults, "
        "aborts, granule protection faults, or a mapping to nowhere."
    )
    fix = "store the tables under the MECID that walks use"

    def is_mine(self, hit: Hit) -> bool:
        return hit.regime in (Regime.EL2, Regime.EL20, Regime.EL3)

    def advice(self, hit: Hit, machine: Watched) -> str:
        if hit.owned_by.pas is not PAS.REALM:
            return f"store the tables through the {hit.pas.label} address space, which walks read them through"
        other = {MecidSource.P1: MecidSource.P0, MecidSource.P0: MecidSource.P1}.get(hit.source)
        if hit.regime is not Regime.EL20 or other is None:
            return f"store the tables under {hit.source.value} ({hit.mecid}), which walks use"
        if mecid_value(machine.acting, other, machine.features) == hit.owner:
            bit = int(other is MecidSource.P0)
            return f"set TCR_EL2.A1={bit}, so that walks use {other.value} ({hit.owner}) as the tables do, then ISB"
        return f"store the tables under {hit.source.value} ({hit.mecid}), which walks use while TCR_EL2.A1 is as it is"


class Stage2TableForeign(_ForeignTable):
    id = "stage2-table-foreign"
    numbers = (16,)
    title = "A Realm's stage 2 tables were not stored under the Realm's MECID"
    why = (
        "Stage 2 walks use VMECID_P_EL2, the Realm's own MECID, never the RMM's. Tables that the RMM stored under its "
        "own primary MECID are noise to the walk: stage 2 faults at random addresses."
    )
    fix = "store stage 2 tables through a mapping with AMEC=1 while MECID_A0_EL2 or MECID_A1_EL2 is the Realm's MECID"

    def is_mine(self, hit: Hit) -> bool:
        return hit.regime is Regime.EL10 and hit.stage == 2

    def advice(self, hit: Hit, machine: Watched) -> str:
        writer = hit.writer
        if hit.owner and isinstance(writer, Writer) and writer.source in (MecidSource.A0, MecidSource.A1):
            return (
                f"write {hit.owner}, the MECID that the tables were stored under through {writer.source.value}, to "
                "VMECID_P_EL2 before every ERET to this Realm"
            )
        return ""


class Stage1TableForeign(_ForeignTable):
    id = "stage1-table-foreign"
    numbers = (17,)
    title = "A Realm's stage 1 tables are walked under another MECID than they were stored under"
    why = (
        "The stage 1 walk of EL1 reads its tables through stage 2: AMEC of the stage 2 leaf that maps the table "
        "chooses between VMECID_P_EL2 and VMECID_A_EL2. Where software stored the table under the other one, "
        "it is noise."
    )
    fix = "give the stage 2 leaf of the table page the AMEC bit of the MECID that the table was stored under"

    def is_mine(self, hit: Hit) -> bool:
        return hit.regime is Regime.EL10 and hit.stage == 1


RULES: tuple[type[Rule], ...] = (El2TableForeign, Stage2TableForeign, Stage1TableForeign)
