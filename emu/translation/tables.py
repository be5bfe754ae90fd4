"""From the first table to a leaf: the descriptor fetches of one stage, with every check on the way."""

from __future__ import annotations

from typing import NamedTuple

from emu.architecture import PA, PAS, MecidSource, Security
from emu.features import Features
from emu.mec.selection import explain_amec_fault, explain_walk, is_amec_fault, mecid_value, select_walk
from emu.translation.geometry import LAST_LEVEL
from emu.translation.plan import Leaf, Plan, output_pas
from emu.translation.ports import GranuleCheck, WalkMemory
from emu.translation.records import Fault, FaultKind, WalkStep
from emu.translation.regimes import RegisterView
from emu.translation.steps import Draft

_ADDRESS = (1 << 48) - 1
_AF = 1 << 10
_NT = 1 << 16
_CONTIGUOUS = 1 << 52
_AMEC = 1 << 63
_NS_TABLE = 1 << 63


class _Fetched(NamedTuple):
    value: int
    mismatch: int
    """Owner id of the block where it is not the fetch's context: the value is noise."""


class TableWalker:
    """Fetches and interprets descriptors."""

    def __init__(self, regs: RegisterView, features: Features, memory: WalkMemory, granules: GranuleCheck) -> None:
        self._regs = regs
        self._features = features
        self._memory = memory
        self._granules = granules
        self.source = MecidSource.ZERO
        """The register that supplies the MECID of the fetch under way, for those who observe memory."""

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
        for level in range(geometry.start, LAST_LEVEL + 1):
            address = table | geometry.index(level, plan.address) << 3
            draft = None if trace is None else Draft(plan, level, table, name, address)
            fetched = self._fetch(plan, level, address, table_pas, draft)
            if isinstance(fetched, Fault):
                found: int | Leaf | Fault = fetched
                value = None
            else:
                value = fetched.value
                found = self._interpret(plan, level, fetched, table_pas, hierarchy)
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

    def _fetch(self, plan: Plan, level: int, address: int, table_pas: PAS, draft: Draft | None) -> _Fetched | Fault:
        """Steps 7 to 9: stage 2 of the entry's address, granule protection, the read itself."""
        if plan.nested is not None:
            mapped = plan.nested(address, table_pas, None if draft is None else draft.stage2)
            if isinstance(mapped, Fault):
                return mapped
            pa, pas, source = mapped.pa_base + (address - mapped.va_base), mapped.pas, mapped.source
            why = mapped.why
        else:
            pa, pas = address, table_pas
            source = select_walk(plan.mec, plan.regime, pas, plan.stage)
            why = "" if draft is None else explain_walk(plan.mec, plan.regime, pas, plan.stage)
        mecid = 0 if source is MecidSource.ZERO else mecid_value(self._regs, source, self._features)
        if draft is not None:
            draft.goes_to(PA(pa), pas, mecid, source, why, self._granules.check(pa, pas), self._memory.owner_of(PA(pa)))
        if not self._granules.passes(pa, pas):
            result = self._granules.check(pa, pas)
            return plan.fault(FaultKind.GPC_WALK, level, result.reason, result)
        self.source = source
        read = self._memory.read_u64(PA(pa), pas, mecid)
        if read is None:
            return plan.fault(FaultKind.EXTERNAL_WALK, level, f"nothing answers at the descriptor's address {pa:#x}")
        if draft is not None:
            draft.is_mismatch = read[1] != 0
        return _Fetched(*read)

    def _interpret(
        self, plan: Plan, level: int, fetched: _Fetched, table_pas: PAS, hierarchy: int
    ) -> int | Leaf | Fault:
        """Steps 10 to 14: the next table's address, a usable leaf, or what is wrong with the descriptor."""
        descriptor = fetched.value
        kind = descriptor & 3
        if kind == 3 and level != LAST_LEVEL:
            table = descriptor & plan.geometry.table_mask
            if table >= plan.limit:
                reason = f"next table {table:#x} is beyond the output size of {plan.limit.bit_length() - 1} bits"
                return plan.fault(FaultKind.ADDRESS_SIZE, level, _blaming(fetched, reason))
            return table
        if kind != 3 and (kind != 1 or level not in plan.geometry.granule.block_levels):
            reason = "descriptor is invalid" if kind != 1 else f"no block is allowed at level {level}"
            return plan.fault(FaultKind.TRANSLATION, level, _blaming(fetched, reason))
        pas = output_pas(plan, descriptor, table_pas)
        if descriptor & _NT and level != LAST_LEVEL and self._features.bbm_level:
            return plan.fault(FaultKind.TRANSLATION, level, _blaming(fetched, "block has nT=1"))
        if descriptor & _AMEC and is_amec_fault(plan.mec, plan.regime, pas, plan.upper, 1):
            reason = explain_amec_fault(plan.mec, plan.regime, plan.upper)
            return plan.fault(FaultKind.TRANSLATION, level, _blaming(fetched, reason))
        size = plan.geometry.run_size(level, bool(descriptor & _CONTIGUOUS))
        base = descriptor & _ADDRESS & -plan.geometry.leaf_size(level)
        if base >= plan.limit:
            reason = f"output address {base:#x} is beyond the output size of {plan.limit.bit_length() - 1} bits"
            return plan.fault(FaultKind.ADDRESS_SIZE, level, _blaming(fetched, reason))
        if not descriptor & _AF:
            return plan.fault(FaultKind.ACCESS_FLAG, level, _blaming(fetched, "leaf has AF=0"))
        return Leaf(descriptor, level, size, base & -size, pas, hierarchy, table_pas)


def _blaming(fetched: _Fetched, reason: str) -> str:
    if not fetched.mismatch:
        return reason
    return f"{reason}; it is noise, read under another encryption context than it was stored under"
