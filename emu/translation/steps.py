"""The record of one descriptor fetch, gathered while it happens: only where somebody listens."""

from __future__ import annotations

from emu.architecture import PA, PAS, MecidSource, Regime, Security
from emu.debug.events import Owner
from emu.mec.selection import explain_stage1, explain_stage2
from emu.translation.attributes import stage1_attributes
from emu.translation.descriptors import INVALID_LAYOUT, Layout, decode, leaf_layout, table_layout
from emu.translation.faults import describe
from emu.translation.geometry import LAST_LEVEL
from emu.translation.plan import AF, Leaf, Plan, output_pas
from emu.translation.records import DescriptorField, Fault, GpcResult, WalkStep

_DEVICE = ("Device-nGnRnE", "Device-nGnRE", "Device-nGRE", "Device-GRE")
_CACHEABILITY = ("reserved", "NC", "WT", "WB")
_FORCED = ("Normal, stage 1's attributes", "Normal NC", "Normal WB", "stage 1's attributes")


class Draft:
    """A WalkStep in the making."""

    def __init__(self, plan: Plan, level: int, table: int, table_name: str, address: int) -> None:
        self.stage2: list[WalkStep] = []
        self.is_mismatch = False
        self._plan = plan
        self._level = level
        self._table = table
        self._table_name = table_name
        self._address = address
        self._pa: PA | None = None
        self._pas: PAS | None = None
        self._mecid = 0
        self._source = MecidSource.ZERO
        self._why = "stage 2 did not translate the descriptor's address"
        self._gpc: GpcResult | None = None
        self._owner: Owner | None = None

    def goes_to(
        self, pa: PA, pas: PAS, mecid: int, source: MecidSource, why: str, gpc: GpcResult, owner: Owner | None
    ) -> None:
        """Where the fetch goes, once stage 2 has said so."""
        self._pa, self._pas, self._mecid, self._source, self._why = pa, pas, mecid, source, why
        self._gpc, self._owner = gpc, owner

    def finish(self, descriptor: int | None, found: int | Leaf | Fault) -> WalkStep:
        """The step, for what was read (None: nothing) and what it led to."""
        plan, geometry = self._plan, self._plan.geometry
        kind = "not read" if descriptor is None else self._kind(descriptor)
        if isinstance(found, int):
            next_address: int | None = found
            outcome = f"table at {found:#x}"
        elif isinstance(found, Leaf):
            low = plan.address & (found.size - 1)
            next_address = (found.base | low) & -geometry.leaf_size(self._level)
            outcome = f"{kind} at {next_address:#x} ({_space_name(plan, found.pas)})"
        else:
            next_address = None
            outcome = describe(found)
        owner = self._owner
        return WalkStep(
            stage=plan.stage,
            level=self._level,
            regime=plan.regime,
            table=self._table,
            table_source=self._table_name,
            index=geometry.index(self._level, plan.address),
            index_high=geometry.tops[self._level],
            index_low=geometry.shifts[self._level],
            address=self._address,
            pa=self._pa,
            pas=self._pas,
            descriptor=descriptor,
            kind=kind,
            fields=() if descriptor is None else self._fields(descriptor, kind),
            mecid=self._mecid,
            source=self._source,
            why=self._why,
            gpc=self._gpc,
            owner=None if owner is None else (owner.pas, owner.mecid, owner.generation),
            is_mismatch=self.is_mismatch,
            next_address=next_address,
            outcome=outcome,
            stage2=tuple(self.stage2),
        )

    def _kind(self, descriptor: int) -> str:
        bits = descriptor & 3
        if bits == 3:
            return "page" if self._level == LAST_LEVEL else "table"
        return "block" if bits == 1 and self._level in self._plan.geometry.block_levels else "invalid"

    def _fields(self, descriptor: int, kind: str) -> tuple[DescriptorField, ...]:
        plan, geometry = self._plan, self._plan.geometry
        if kind == "invalid":
            return decode(INVALID_LAYOUT, descriptor, {})
        if kind == "table":
            layout: Layout = table_layout(plan.stage, plan.regime, plan.security, geometry.granule.shift, geometry.form)
            return decode(layout, descriptor, {})
        low = geometry.shifts[self._level]
        layout = leaf_layout(plan.stage, plan.regime, plan.security, low, kind == "block", geometry.form)
        return decode(layout, descriptor, leaf_notes(plan, descriptor, self._pas))


def leaf_notes(plan: Plan, descriptor: int, table_pas: PAS | None) -> dict[str, str]:
    """Meanings that depend on more than the field's own value."""
    pas = output_pas(plan, descriptor, table_pas if table_pas is not None else plan.table_pas)
    amec = descriptor >> 63
    notes = {"OutputAddress": f"output address, {_space_name(plan, pas)}"} | _update_notes(plan, descriptor)
    if plan.stage == 2:
        notes["MemAttr"] = _memattr_text(descriptor >> 2 & 0xF, plan.is_forced)
        notes["AMEC"] = explain_stage2(plan.mec, pas, amec)
        return notes
    byte = plan.mair >> (descriptor >> 2 & 7) * 8 & 0xFF
    notes["AttrIdx"] = stage1_attributes(byte, plan.shareability_of(descriptor)).text
    notes["AMEC"] = explain_stage1(plan.mec, plan.regime, pas, plan.upper, amec)
    if plan.regime is Regime.EL3 or plan.security is Security.REALM:
        notes["NS"] = f"output is {pas.label}"
        notes["NSE"] = notes["NS"]
    elif plan.security is Security.SECURE:
        notes["NS"] = f"output is {pas.label}"
    return notes


def _update_notes(plan: Plan, descriptor: int) -> dict[str, str]:
    """What hardware updates of the descriptor mean for its fields (FEAT_HAFDBS)."""
    notes = {}
    if plan.ha and not descriptor & AF:
        notes["AF"] = "not accessed: hardware sets it with the first access"
    if plan.has_writes_enabled(descriptor):
        name, after = ("AP", "clears AP[2]") if plan.stage == 1 else ("S2AP", "sets S2AP[1]")
        if plan.is_clean(descriptor):
            notes["DBM"] = f"yes, the leaf is clean: the first store is allowed and {after}"
            notes[name] = "clean: read-only in the table, writable by the dirty bit modifier"
        else:
            notes["DBM"] = "yes, the leaf is dirty: it has been written"
    return notes


def _space_name(plan: Plan, pas: PAS) -> str:
    return f"{pas.label} IPA" if plan.nested is not None else pas.label


def _memattr_text(memattr: int, is_forced: bool) -> str:
    if is_forced:
        return _FORCED[memattr & 3] if memattr & 4 else _DEVICE[memattr & 3]
    if memattr >> 2 == 0:
        return _DEVICE[memattr & 3]
    return f"Normal, outer {_CACHEABILITY[memattr >> 2]}, inner {_CACHEABILITY[memattr & 3]}"
