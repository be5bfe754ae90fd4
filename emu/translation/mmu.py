"""The memory management unit: what a CPU asks about every access, and what a debugger asks without touching it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emu.architecture import IPA, PA, PAS, VA, MecidSource, Regime, Security
from emu.debug.events import Moment
from emu.features import Features
from emu.mec.selection import mecid_value
from emu.rme.gpt import GptCache, GranuleInfo, is_pa_operation
from emu.tlb_rows import tag_of
from emu.translation.at import AT_OPERATIONS, at_request, encode_failure, encode_success, is_taken
from emu.translation.checks import alignment_fault, canonical, e0pd_fault, stage1_fault, stage2_fault
from emu.translation.controls import TTBR_NAME, Stage1Control, Stage2Control, vmid_of
from emu.translation.invalidations import Done, Invalidation, InvalidationLog, When
from emu.translation.ports import GranuleCheck, LookingGranuleCheck, WalkMemory, WatchedMemory
from emu.translation.records import Fault, FaultKind, MemoryAttributes, Request, Translation, Walk
from emu.translation.regimes import RegisterView, is_el2_enabled, regime_of
from emu.translation.situation import Situation, situation_of
from emu.translation.stage2_cache import TlbStage2
from emu.translation.staleness import Comparison, compare
from emu.translation.story import tell
from emu.translation.tables import Read
from emu.translation.tlb import Tlb
from emu.translation.tlb_entry import TlbEntry, space_of
from emu.translation.tlbi import Scopes, Stages
from emu.translation.walk import Walker

_GPT_REGISTERS = ("GPCCR_EL3", "GPTBR_EL3")
_EL3_CONTEXT = ("SCR_EL3", "SCTLR_EL3", "TCR_EL3", "TTBR0_EL3", "MAIR_EL3", "SCTLR2_EL3", "MECID_RL_A_EL3")
_EL2_CONTEXT = (
    "SCR_EL3",
    "HCR_EL2",
    "SCTLR_EL2",
    "TCR_EL2",
    "TTBR0_EL2",
    "TTBR1_EL2",
    "MAIR_EL2",
    "SCTLR2_EL2",
    "TCR2_EL2",
    "MECID_P0_EL2",
    "MECID_A0_EL2",
    "MECID_P1_EL2",
    "MECID_A1_EL2",
)
_EL1_CONTEXT = (
    "SCR_EL3",
    "HCR_EL2",
    "SCTLR_EL1",
    "TCR_EL1",
    "TTBR0_EL1",
    "TTBR1_EL1",
    "MAIR_EL1",
    "VTCR_EL2",
    "VTTBR_EL2",
    "VSTCR_EL2",
    "VSTTBR_EL2",
    "SCTLR2_EL2",
    "VMECID_P_EL2",
    "VMECID_A_EL2",
)
CONTEXT_REGISTERS: dict[Regime, tuple[str, ...]] = {
    Regime.EL3: _EL3_CONTEXT + _GPT_REGISTERS,
    Regime.EL2: _EL2_CONTEXT + _GPT_REGISTERS,
    Regime.EL20: _EL2_CONTEXT + _GPT_REGISTERS,
    Regime.EL10: _EL1_CONTEXT + _GPT_REGISTERS,
}
"""The registers that decide how accesses of a regime translate, MECIDs and granule protection included."""


@dataclass(frozen=True, slots=True)
class Located:
    """Where an access goes: an address in a physical address space, under a MECID."""

    pa: PA
    pas: PAS
    mecid: int
    source: MecidSource
    """The register that supplied the MECID."""
    attributes: MemoryAttributes
    is_device: bool
    translation: Translation


@dataclass(frozen=True, slots=True)
class MmuState:
    """What the MMU remembers beyond the registers."""

    entries: tuple[TlbEntry, ...]
    granules: dict[int, dict[int, GranuleInfo]]
    log: tuple[Invalidation | Done, ...] = ()
    answers: tuple[int, ...] = ()
    """How often each entry has answered, as `TlbUses.answers` has it."""


_NO_CONTRADICTION = (FaultKind.PERMISSION, FaultKind.ALIGNMENT)
"""Faults of an access that say nothing against a translation of its address."""


class Mmu:
    """Translation, granule protection and MECID selection of one PE.

    A strict TLB serves what it holds until it is told to forget. A forgiving one walks again at every use and keeps
    what it holds only to be looked at, so that software which forgets a TLBI works: stores to tables that walks have
    read are noticed (`WatchedMemory`), and changed registers are another context to the caches of engines.
    """

    def __init__(
        self,
        regs: RegisterView,
        memory: WalkMemory,
        features: Features,
        *,
        tlb_entries: int = 128,
        now: Callable[[], Moment],
        is_forgiving: bool = False,
    ) -> None:
        self.tlb = Tlb(tlb_entries)
        self.log = InvalidationLog()
        self._scopes = Scopes(regs)
        self.is_forgiving = is_forgiving
        read_memory: WalkMemory = WatchedMemory(memory) if is_forgiving else memory
        self.granules = GptCache(regs, read_memory.read_u64, features, is_forgiving=is_forgiving)
        self._regs = regs
        self._memory = memory
        self._features = features
        self._now = now
        stage2 = TlbStage2(self.tlb, regs, now, is_forgiving=is_forgiving)
        self._walker = Walker(regs, features, read_memory, self.granules, stage2, updates_tables=True)
        self.walked: tuple[Read, ...] = ()
        """Stage 1's descriptor fetches for the last access, if they put an entry into the TLB and changed none."""
        self.second_walked: tuple[Read, ...] = ()
        """Stage 2's for the address that those led to; empty where the TLB had it."""
        self._context = {
            regime: tuple(name for name in names if features.has_mec or "MECID" not in name)
            for regime, names in CONTEXT_REGISTERS.items()
        }
        self._fresh_granules = LookingGranuleCheck(self.granules, as_cached=False)
        self._fresh_walker = Walker(regs, features, memory, self._fresh_granules)
        self._cached_granules = LookingGranuleCheck(self.granules, as_cached=True)
        looking_stage2 = TlbStage2(self.tlb, regs, None, is_forgiving=is_forgiving)
        self._looking_walker = Walker(regs, features, memory, self._cached_granules, looking_stage2)

    # --- what the CPU asks ----------------------------------------------------------------------------------------

    def access(self, request: Request) -> Located | Fault:
        """Where an access within one page goes, or the fault it takes; fills the TLB.

        Checks come in the order of mec-reference.md 4.5: alignment, translation, permissions, granule protection.
        """
        self.walked = self.second_walked = ()
        return self._access(request, self._walker, self.granules, True)

    def look(self, request: Request) -> Located | None:
        """Where an access would go now, stale TLB entries included; None where it would fault. Changes nothing."""
        with self._memory.unobserved():
            found = self._access(request, self._looking_walker, self._cached_granules, False)
        return None if isinstance(found, Fault) else found

    def explain(self, request: Request) -> Walk:
        """The story of an address by the tables as they are, ignoring every cache. Changes nothing."""
        with self._memory.unobserved():
            walker, granules = self._fresh_walker, self._fresh_granules
            return tell(request, walker, self._regs, self._features, self._memory, granules)

    def at(self, name: str, va: VA, el: int, *, pan: bool = False) -> tuple[int | None, Fault | None]:
        """An AT instruction executed at `el`: (value for PAR_EL1, None), or (None, fault to take as an exception).

        (None, None) where the instruction is UNDEFINED: at EL3 for a lower EL while SCR_EL3.{NSE,NS} is reserved or
        for an EL2 that is not enabled. `pan` is PSTATE.PAN, which the *P forms honour. The walk is a fresh one: it
        neither uses nor fills TLB entries of the regime, but reads tables for real and goes through stage-2 entries.
        """
        operation = AT_OPERATIONS[name.rpartition(" ")[2]]
        request = at_request(operation, va, self._regs, pan)
        if request is None:
            return None, None
        is_stage1_only = not operation.both_stages
        found = self._walker.translate(request, is_stage1_only=is_stage1_only)
        if isinstance(found, Fault):
            if is_taken(found, el, request.security, self._regs):
                return None, found
            return encode_failure(found), None
        return encode_success(found, self._walker.physical(request, found), request), None

    def invalidate(self, name: str, operand: int, el: int, moment: Moment | None = None) -> int:
        """A TLBI instruction executed at `el`; returns how many entries (or cached GPT ranges) it removed.

        The TLB's `on_gone` hears of each entry. After the PA operations whoever keeps verdicts of granule
        protection must ask again.
        """
        moment = moment or self._now()
        when = moment.instruction, int(moment.pc), moment.el, moment.security
        operation = name.rpartition(" ")[2]
        if is_pa_operation(operation):
            return self.perform_on_granules(operation, operand, when)
        return self.perform(operation, operand, when, 0)

    def perform(self, operation: str, operand: int, when: When, situation: int) -> int:
        """The same without "TLBI " in the name, for one about entries.

        `situation` is a number that stands for the values of the registers, 0 where it is not known.
        """
        scope = self._scopes.of(operation, operand, situation)
        removed = self.tlb.invalidate_scope(scope)
        self.log.add((when, operation, operand, scope, None, removed, 0))
        return len(removed)

    def perform_on_granules(self, operation: str, operand: int, when: When) -> int:
        """The same for an operation on granule protection information."""
        span = self.granules.span(operation, operand)
        count = self.granules.invalidate_span(*span)
        self.log.add((when, operation, operand, None, span, (), count))
        return count

    def context_key(self, el: int) -> tuple[int | str, ...]:
        """Everything but PSTATE that decides how accesses at an EL translate, MECIDs included, as raw values."""
        regs = self._regs
        regime = regime_of(el, regs)
        return (el, regime.value, *[regs[name] for name in self._context[regime]])

    def half(self, regime: Regime, upper: bool) -> Stage1Control:
        """One half of a regime as its TCR_ELx describes it."""
        return self._walker.stage1_control(regime, upper)

    def stage2_control(self, security: Security) -> Stage2Control:
        """Stage 2 as its VTCR_EL2 or VSTCR_EL2 describes it, for intermediate addresses of the state's own space."""
        return self._walker.stage2.control(security, security.pas)

    def stage2_key(self, request: Request) -> tuple[int, int] | None:
        """Where stage 2's own entries for a request's intermediate addresses are, as for `tlb_key`; None where it is
        off. The addresses are those of the Security state's own space.
        """
        if not situation_of(request, self._regs).is_stage2_on:
            return None
        vmid = vmid_of(self._regs["VTTBR_EL2"], self._regs["VTCR_EL2"])
        return space_of(Stages.STAGE2, Regime.EL10, request.security), tag_of(vmid, None, request.security.pas)

    def tlb_key(self, request: Request) -> tuple[int, int] | None:
        """Where entries for a request like this are: `space_of` and `tag_of`. None where stage 1 is off."""
        situation = situation_of(request, self._regs)
        if not situation.is_stage1_on:
            return None
        stages = Stages.BOTH if situation.is_stage2_on else Stages.STAGE1
        vmid, asid = self._tags(request.regime, request.security)
        return space_of(stages, request.regime, request.security), tag_of(vmid, asid, None)

    def walk_source(self) -> MecidSource:
        """The register that supplies the MECID of the descriptor fetch under way."""
        return self._walker.tables.source

    def walk_table(self) -> tuple[int, Regime]:
        """Whose table that fetch reads: (stage, regime)."""
        return self._walker.tables.stage, self._walker.tables.regime

    # --- what a debugger asks -------------------------------------------------------------------------------------

    def staleness(self, entry: TlbEntry) -> str | None:
        """How a fresh walk contradicts a TLB entry; None when it agrees or cannot be compared."""
        return self.compare(entry).text or None

    def compare(self, entry: TlbEntry) -> Comparison:
        """A TLB entry beside a fresh walk, field by field. Changes nothing."""
        with self._memory.unobserved():
            return compare(entry, self._fresh_walker, self._regs, *self._tags(entry.regime, entry.security))

    def snapshot(self) -> MmuState:
        """What has to be kept to come back to this instant."""
        return MmuState(self.tlb.entries(), self.granules.state(), self.log.state(), self.tlb.uses.answers())

    def restore(self, state: MmuState) -> None:
        """Come back to an instant; nobody is told."""
        self.tlb.restore(state.entries)
        self.tlb.uses.restore(state.answers)
        self.granules.restore(state.granules)
        self.log.restore(state.log)

    def invalidate_all(self) -> None:
        """Reset: nothing is cached any more; nobody is told."""
        self.tlb.clear()
        self.granules.restore({})
        self.log.restore(())

    # --- inside ---------------------------------------------------------------------------------------------------

    def _tags(self, regime: Regime, security: Security) -> tuple[int | None, int | None]:
        """(VMID, ASID) that a regime runs under now; None where it has none.

        The ASID is TTBR1's with TCR_ELx.A1, else TTBR0's, for both halves; 8 bits of it unless AS.
        """
        regs = self._regs
        if not regime.has_two_ranges:
            return None, None
        vmid = None
        if regime is Regime.EL10 and is_el2_enabled(security, regs):
            vmid = vmid_of(regs["VTTBR_EL2"], regs["VTCR_EL2"])
        control = self._walker.stage1_control(regime, False)
        asid = regs[TTBR_NAME[regime, control.a1]] >> 48
        return vmid, asid if control.has_wide_asid else asid & 0xFF

    def _access(self, request: Request, walker: Walker, granules: GranuleCheck, is_real: bool) -> Located | Fault:
        situation = situation_of(request, self._regs)
        fault = alignment_fault(request, situation.sctlr)
        if fault is not None:
            return fault
        found = self._translate(request, situation, walker, is_real)
        if isinstance(found, Fault):
            return found
        pa, pas = walker.physical(request, found), found.pas
        if not request.is_at and not granules.passes(pa, pas, request.security):
            result = granules.check(pa, pas, request.security)
            return Fault(FaultKind.GPC, 0, result.reason, gpc=result)
        source, attributes = found.source, found.attributes
        mecid = 0 if source is MecidSource.ZERO else mecid_value(self._regs, source, self._features, found.mecen)
        return Located(pa, pas, mecid, source, attributes, attributes.is_device, found)

    def _translate(self, request: Request, situation: Situation, walker: Walker, is_real: bool) -> Translation | Fault:
        if not situation.is_stage1_on:
            return walker.translate(request)
        regime, security = request.regime, request.security
        two_ranges = regime.has_two_ranges
        upper = two_ranges and bool(request.va >> 55 & 1)
        control = walker.stage1_control(regime, upper)
        stages = Stages.BOTH if situation.is_stage2_on else Stages.STAGE1
        vmid, asid = self._tags(regime, security)
        untagged = canonical(request.va, two_ranges, control.ignores_tag(request.access))
        row = self.tlb.find(space_of(stages, regime, security), tag_of(vmid, asid, None), untagged)
        entry = None if row is None else self.tlb.entry_of(row)
        if row is not None and entry is not None and not self.is_forgiving:
            fault = e0pd_fault(request, control, upper) or _permission_fault(
                request, entry.translation, untagged, situation
            )
            if not (is_real and request.is_dirtying and _is_update_due(entry.translation, fault)):
                if is_real:
                    self.tlb.uses.note(row)
                return fault or entry.translation
        found = walker.translate(request)
        if not is_real:
            return found
        if row is not None and entry is not None:
            is_contradicted = isinstance(found, Fault) and found.kind not in _NO_CONTRADICTION
            if found == entry.translation or (isinstance(found, Fault) and not is_contradicted):
                self.tlb.uses.note(row)
                return found
            self.tlb.remove(entry)
        if isinstance(found, Translation):
            tag = None if found.is_global else asid
            self.tlb.insert(TlbEntry(stages, regime, security, vmid, tag, found, self._now()))
            self.walked = tuple(self._walker.tables.reads)
            if stages is Stages.BOTH:
                self.second_walked = tuple(self._walker.tables.second_reads)
        return found


def _is_update_due(translation: Translation, fault: Fault | None) -> bool:
    """Whether a write has to go back to the tables, to mark a leaf dirty: stage 1's even where stage 2 then faults."""
    if fault is None:
        return translation.is_write_pending
    return fault.second_stage and translation.is_clean


def _permission_fault(request: Request, translation: Translation, untagged: int, situation: Situation) -> Fault | None:
    """The checks of a walk that depend on the request, against a TLB entry."""
    is_device = translation.stage1_is_device
    fault = stage1_fault(translation.permissions, is_device, translation.level, request, situation.sctlr)
    if fault is not None or translation.stage2_permissions is None:
        return fault
    level, base, ipa_pas = translation.stage2_level, translation.ipa_base, translation.ipa_pas
    assert level is not None
    assert base is not None
    assert ipa_pas is not None
    ipa = IPA(base + (untagged - translation.va_base))
    is_device = translation.attributes.is_device
    return stage2_fault(translation.stage2_permissions, is_device, level, request, ipa, ipa_pas)
