"""From the first table to a leaf: the descriptor fetches of one stage, with every check on the way."""

from __future__ import annotations

from typing import NamedTuple

from emu.architecture import PA, PAS, MecidSource, Regime, Security
from emu.features import Features
from emu.mec.selection import explain_amec_fault, explain_walk, is_amec_fault, mecid_value, select_walk
from emu.translation.cacheability import is_cacheable_walk
from emu.translation.geometry import LAST_LEVEL
from emu.translation.plan import AF, Leaf, Plan, output_pas
from emu.translation.ports import GranuleCheck, WalkMemory
from emu.translation.records import Fault, FaultKind, Translation, WalkStep
from emu.translation.regimes import RegisterView
from emu.translation.steps import Draft

_NT = 1 << 16
_CONTIGUOUS = 1 << 52
_AMEC = 1 << 63
_NS_TABLE = 1 << 63


class _Place(NamedTuple):
    """Where a descriptor is, once stage 2 has said so, and under which MECID it is accessed."""

    pa: int
    pas: PAS
    source: MecidSource
    mecid: int
    why: str
    is_cacheable: bool
    mapped: Translation | None
    """Stage 2's translation of the address, if there was one."""


class _Fetched(NamedTuple):
    value: int
    mismatch: int
    """Owner id of the block where it is not the fetch's context: the value is noise."""


class Read(NamedTuple):
    """One descriptor fetch, for those who want to know what a walk has found without walking again."""

    level: int
    pa: int
    pas: PAS
    mecid: int
    value: int
    mismatch: int
    ipa: int | None
    """The address before stage 2, where that translated it."""
    mapped: Translation | None
    """Stage 2's translation of the address."""


class TableWalker:
    """Fetches and interprets descriptors."""

    def __init__(
        self,
        regs: RegisterView,
        features: Features,
        memory: WalkMemory,
        granules: GranuleCheck,
        *,
        updates_tables: bool,
    ) -> None:
        """`updates_tables`: walks are the machine's own, and hardware updates of descriptors happen."""
        self._updates_tables = updates_tables
        self._regs = regs
        self._features = features
        self._memory = memory
        self._granules = granules
        self.source = MecidSource.ZERO
        """The register that supplies the MECID of the fetch under way, for those who observe memory."""
        self.stage, self.regime = 0, Regime.EL3
        """Whose table that fetch reads."""
        self.reads: list[Read] = []
        """Stage-1 fetches of the last walk; empty once it has changed a descriptor."""
        self.second_reads: list[Read] = []
        """The same of stage 2's last walk."""

    def descend(self, plan: Plan, trace: list[WalkStep] | None) -> Leaf | Fault:
        """Checks 6 to 14 of mec-reference.md 4.5, and the same steps of 4.7: from the first entry to a usable leaf.

        With a `trace` every fetch is told there, the failing one included.
        """
        geometry = plan.geometry
        table, table_pas, name = plan.table, plan.table_pas, plan.table_name
        if table >= plan.limit:
            reason = f"{name} holds {table:#x}, beyond the output size of {plan.limit.bit_length() - 1} bits"
            return plan.fault(FaultKind.ADDRESS_SIZE, 0, reason)
        hierarchy = 0
        if plan.stage == 1:
            self.reads.clear()
        else:
            self.second_reads.clear()
        for level in range(geometry.start, LAST_LEVEL + 1):
            address = table | geometry.index(level, plan.address) << 3
            draft = None if trace is None else Draft(plan, level, table, name, address)
            fetched = self._fetch(plan, level, address, table_pas, draft)
            if isinstance(fetched, Fault):
                found: int | Leaf | Fault = fetched
                value = None
            else:
                value = fetched.value
                found = self._interpret(plan, level, fetched, address, table_pas, hierarchy)
            if draft is not None and trace is not None:
                trace.append(draft.finish(value, found))
            if not isinstance(found, int):
                return found
            table, name = found, f"level {level} descriptor"
            if plan.stage == 1:
                assert value is not None
                hierarchy |= value
                if value & _NS_TABLE and plan.security is Security.SECURE:
                    table_pas = PAS.NON_SECURE
        raise AssertionError("a walk ends at level 3 at the latest")

    def settle(self, plan: Plan, leaf: Leaf, is_write: bool) -> bool | Fault:
        """Hardware update of the Access flag and dirty state for an access that the leaf allows (4.5, check 17).

        False when the descriptor is no longer what the walk read: walk again. `is_write` is a write by an instruction
        that is not about translation or caches.
        """
        wanted = plan.settled(leaf.descriptor, is_write)
        if wanted == leaf.descriptor or not self._updates_tables:
            return True
        (self.reads if plan.stage == 1 else self.second_reads).clear()
        place = self._place(plan, leaf.address, leaf.table_pas, None, is_write=True)
        if isinstance(place, Fault):
            return place
        if not self._granules.passes(place.pa, place.pas, plan.security):
            result = self._granules.check(place.pa, place.pas, plan.security)
            return plan.fault(FaultKind.GPC_WALK, leaf.level, result.reason, result)
        self.source = place.source
        found = self._memory.swap_u64(PA(place.pa), place.pas, place.mecid, leaf.descriptor, wanted, place.is_cacheable)
        if found is None:
            reason = f"hardware cannot update the descriptor: nothing at {place.pa:#x} can be written"
            return plan.fault(FaultKind.EXTERNAL_WALK, leaf.level, reason)
        return found == leaf.descriptor

    def _place(
        self, plan: Plan, address: int, table_pas: PAS, steps: list[WalkStep] | None, *, is_write: bool = False
    ) -> _Place | Fault:
        """Stage 2 of a descriptor's address, and the MECID of its access."""
        mapped: Translation | None = None
        if plan.nested is not None:
            found = plan.nested(address, table_pas, steps, is_write)
            if isinstance(found, Fault):
                return found
            mapped = found
            pa, pas, source = mapped.pa_base + (address - mapped.va_base), mapped.pas, mapped.source
            why, mecen = mapped.why, mapped.mecen
        else:
            pa, pas = address, table_pas
            source, mecen = select_walk(plan.mec, plan.regime, pas, plan.stage), plan.mec.mecen
            why = "" if steps is None else explain_walk(plan.mec, plan.regime, pas, plan.stage)
        mecid = 0 if source is MecidSource.ZERO else mecid_value(self._regs, source, self._features, mecen)
        cacheable = self._features.has_cache and is_cacheable_walk(plan, mapped, self._regs)
        return _Place(pa, pas, source, mecid, why, cacheable, mapped)

    def _fetch(self, plan: Plan, level: int, address: int, table_pas: PAS, draft: Draft | None) -> _Fetched | Fault:
        """Steps 7 to 9: stage 2 of the entry's address, granule protection, the read itself."""
        place = self._place(plan, address, table_pas, None if draft is None else draft.stage2)
        if isinstance(place, Fault):
            return place
        pa, pas, source, mecid, why, is_cacheable, mapped = place
        if draft is not None:
            gpc = self._granules.check(pa, pas, plan.security)
            draft.goes_to(PA(pa), pas, mecid, source, why, gpc, self._memory.owner_of(PA(pa)))
        if not self._granules.passes(pa, pas, plan.security):
            result = self._granules.check(pa, pas, plan.security)
            return plan.fault(FaultKind.GPC_WALK, level, result.reason, result)
        self.source, self.stage, self.regime = source, plan.stage, plan.regime
        read = self._memory.read_u64(PA(pa), pas, mecid, is_cacheable)
        if read is None:
            return plan.fault(FaultKind.EXTERNAL_WALK, level, f"nothing answers at the descriptor's address {pa:#x}")
        if draft is not None:
            draft.is_mismatch = read[1] != 0
        reads = self.reads if plan.stage == 1 else self.second_reads
        reads.append(Read(level, pa, pas, mecid, *read, None if mapped is None else address, mapped))
        return _Fetched(*read)

    def _interpret(
        self, plan: Plan, level: int, fetched: _Fetched, address: int, table_pas: PAS, hierarchy: int
    ) -> int | Leaf | Fault:
        """Steps 10 to 14: the next table's address, a usable leaf, or what is wrong with the descriptor."""
        descriptor = fetched.value
        kind = descriptor & 3
        if kind == 3 and level != LAST_LEVEL:
            table = plan.geometry.table(descriptor)
            if table >= plan.limit:
                reason = f"next table {table:#x} is beyond the output size of {plan.limit.bit_length() - 1} bits"
                return plan.fault(FaultKind.ADDRESS_SIZE, level, _blaming(fetched, reason))
            return table
        if kind != 3 and (kind != 1 or level not in plan.geometry.block_levels):
            reason = "descriptor is invalid" if kind != 1 else f"no block is allowed at level {level}"
            return plan.fault(FaultKind.TRANSLATION, level, _blaming(fetched, reason))
        pas = output_pas(plan, descriptor, table_pas)
        if descriptor & _NT and level != LAST_LEVEL and self._features.bbm_level:
            return plan.fault(FaultKind.TRANSLATION, level, _blaming(fetched, "block has nT=1"))
        if descriptor & _AMEC and is_amec_fault(plan.mec, plan.regime, pas, plan.upper, 1):
            reason = explain_amec_fault(plan.mec, plan.regime, plan.upper)
            return plan.fault(FaultKind.TRANSLATION, level, _blaming(fetched, reason))
        size = plan.geometry.run_size(level, bool(descriptor & _CONTIGUOUS))
        output = plan.geometry.output(descriptor, level) & -size | plan.address & (size - 1)
        if output >= plan.limit:
            reason = f"output address {output:#x} is beyond the output size of {plan.limit.bit_length() - 1} bits"
            return plan.fault(FaultKind.ADDRESS_SIZE, level, _blaming(fetched, reason))
        if not descriptor & AF and not plan.ha:
            return plan.fault(FaultKind.ACCESS_FLAG, level, _blaming(fetched, "leaf has AF=0"))
        size = min(size, plan.limit)  # the largest blocks may reach beyond the output size
        return Leaf(descriptor, level, size, output & -size, pas, hierarchy, table_pas, address)


def _blaming(fetched: _Fetched, reason: str) -> str:
    if not fetched.mismatch:
        return reason
    return f"{reason}; it is noise, read under another encryption context than it was stored under"
