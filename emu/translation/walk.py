"""The walker: from an access to its translation through both stages, or to the fault that stops it."""

from __future__ import annotations

from dataclasses import dataclass, field

from emu.architecture import IPA, PA, PAS, VA, Access, Regime, Security
from emu.features import Features
from emu.mec.selection import (
    MecControls,
    explain_mmu_off,
    explain_stage1,
    mec_controls,
    select_mmu_off,
    select_stage1,
)
from emu.translation.attributes import (
    DEFAULT_CACHEABLE,
    STAGE1_OFF_DATA,
    STAGE1_OFF_FETCH_CACHED,
    STAGE1_OFF_FETCH_UNCACHED,
    combine,
    stage1_attributes,
)
from emu.translation.checks import (
    SCTLR_I,
    SCTLR_WXN,
    canonical,
    device_alignment_fault,
    range_fault,
    stage1_fault,
    stage2_fault,
)
from emu.translation.controls import (
    MAIR_NAME,
    TCR_NAME,
    TTBR_NAME,
    Stage1Control,
    stage1_control,
)
from emu.translation.permissions import ALL, stage1_permissions
from emu.translation.plan import Leaf, Plan
from emu.translation.ports import GranuleCheck, WalkMemory
from emu.translation.records import Fault, FaultKind, MemoryAttributes, Request, Translation, WalkStep
from emu.translation.regimes import (
    HCR_DC,
    HCR_FWB,
    SCR_SIF,
    RegisterView,
)
from emu.translation.situation import Situation, situation_of
from emu.translation.stage2 import Stage2Cache, Stage2Walker
from emu.translation.tables import TableWalker

_LOW56 = (1 << 56) - 1


@dataclass(slots=True)
class Trace:
    """The descriptor fetches of a walk, for those who want to see them."""

    steps: list[WalkStep] = field(default_factory=list)
    """Stage 1, each with the stage-2 walk of its own address."""
    stage2: list[WalkStep] = field(default_factory=list)
    """Stage 2 of the final address."""


class Walker:
    """Translates requests by walking tables (mec-reference.md 4.5 to 4.7, 4.10). Knows no TLB but for stage 2's."""

    def __init__(
        self,
        regs: RegisterView,
        features: Features,
        memory: WalkMemory,
        granules: GranuleCheck,
        stage2_cache: Stage2Cache | None = None,
        *,
        updates_tables: bool = False,
    ) -> None:
        """`updates_tables`: the walks are the machine's own, so that hardware updates of descriptors happen."""
        self._regs = regs
        self._features = features
        self.tables = TableWalker(regs, features, memory, granules, updates_tables=updates_tables)
        self.stage2 = Stage2Walker(regs, features, self.tables, stage2_cache)
        self._controls: dict[tuple[Regime, bool, int], Stage1Control] = {}
        self._mec_key: tuple[int, ...] = ()
        self._mec = mec_controls(regs, features)

    def translate(
        self, request: Request, trace: Trace | None = None, *, is_stage1_only: bool = False
    ) -> Translation | Fault:
        """The translation of a request, permission and alignment checked; without granule protection of the result.

        `is_stage1_only` (AT S1E1x) leaves out stage 2 of the final address, whose `pa_base` is then an IPA.
        """
        situation = situation_of(request, self._regs)
        mec = self.mec_controls(request.security)
        if situation.is_stage1_on:
            first = self._stage1(request, situation, mec, None if trace is None else trace.steps)
        else:
            first = self._stage1_off(request, situation, mec)
        if isinstance(first, Fault) or is_stage1_only or not situation.is_stage2_on:
            return first
        steps = None if trace is None else trace.stage2
        return self._both(request, first, self._untagged(request), situation, mec, steps)

    def physical(self, request: Request, translation: Translation) -> PA:
        """The output address of a request through its translation."""
        return PA(translation.pa_base + (self._untagged(request) - translation.va_base))

    # --- controls -------------------------------------------------------------------------------------------------

    def mec_controls(self, security: Security) -> MecControls:
        """The MECID controls as they are now. Outside Realm and Root state they decide nothing and may be old."""
        if security is Security.REALM or security is Security.ROOT:
            regs = self._regs
            key = (regs["SCR_EL3"], regs["SCTLR2_EL2"], regs["SCTLR2_EL3"], regs["TCR2_EL2"], regs["TCR_EL2"])
            if key != self._mec_key:
                self._mec_key = key
                self._mec = mec_controls(regs, self._features)
        return self._mec

    def stage1_control(self, regime: Regime, upper: bool) -> Stage1Control:
        """One half's TCR_ELx decoded."""
        tcr = self._regs[TCR_NAME[regime]]
        key = (regime, upper, tcr)
        control = self._controls.get(key)
        if control is None:
            if len(self._controls) > 64:
                self._controls.clear()
            control = self._controls[key] = stage1_control(regime, upper, tcr, self._features)
        return control

    def _untagged(self, request: Request) -> int:
        regime, va = request.regime, request.va
        upper = regime.has_two_ranges and bool(va >> 55 & 1)
        return canonical(va, regime.has_two_ranges, self.stage1_control(regime, upper).ignores_tag(request.access))

    # --- stage 1 --------------------------------------------------------------------------------------------------

    def _stage1_off(self, request: Request, situation: Situation, mec: MecControls) -> Translation | Fault:
        """4.10: the address is its own output, in the address space of the state."""
        regime, security = request.regime, request.security
        upper = regime.has_two_ranges and bool(request.va >> 55 & 1)
        is_tagged = self.stage1_control(regime, upper).ignores_tag(request.access)
        if (request.va & _LOW56 if is_tagged else request.va) >> self._features.pa_bits:
            reason = f"stage 1 is off and the address has bits beyond {self._features.pa_bits}"
            return Fault(FaultKind.ADDRESS_SIZE, 0, reason)
        attributes = _attributes_off(request, situation)
        fault = device_alignment_fault(attributes.is_device, request)
        if fault is not None:
            return fault
        pas = security.pas
        return Translation(
            va_base=VA(0),
            size=1 << self._features.pa_bits,
            pa_base=PA(0),
            pas=pas,
            permissions=ALL,
            stage2_permissions=None,
            attributes=attributes,
            source=select_mmu_off(mec, regime, pas),
            why=explain_mmu_off(mec, regime, pas),
            level=0,
            emec=_emec(mec, regime, security),
            mecen=mec.mecen,
            stage1_is_device=attributes.is_device,
        )

    def _stage1(
        self, request: Request, situation: Situation, mec: MecControls, steps: list[WalkStep] | None
    ) -> Translation | Fault:
        regime, security, regs = request.regime, request.security, self._regs
        upper = regime.has_two_ranges and bool(request.va >> 55 & 1)
        control = self.stage1_control(regime, upper)
        untagged = canonical(request.va, regime.has_two_ranges, control.ignores_tag(request.access))
        fault = range_fault(request, control, untagged, upper)
        if fault is not None:
            return fault
        if control.epd:
            return Fault(FaultKind.TRANSLATION, 0, f"TCR_ELx.EPD{int(upper)}=1 disables walks for this half")
        ttbr = TTBR_NAME[regime, upper]
        mair = regs[MAIR_NAME[regime]]
        plan = Plan(
            stage=1,
            regime=regime,
            security=security,
            geometry=control.geometry,
            address=untagged,
            upper=upper,
            table=control.geometry.root(regs[ttbr], control.is_root_wide),
            table_pas=security.pas,
            table_name=ttbr,
            limit=control.limit,
            output_pas=_fixed_output(regime, security),
            mec=mec,
            nested=self.stage2.nested(security, situation.hcr, mec) if situation.is_stage2_on else None,
            mair=mair,
            ha=control.ha,
            hd=control.hd,
            shareability=control.shareability,
        )
        while True:
            leaf = self.tables.descend(plan, steps)
            if isinstance(leaf, Fault):
                return leaf
            found = self._stage1_leaf(request, situation, plan, leaf, control)
            if isinstance(found, Fault):
                return found
            settled = self.tables.settle(plan, leaf, request.is_dirtying)
            if isinstance(settled, Fault):
                return settled
            if settled:
                return found

    def _stage1_leaf(
        self, request: Request, situation: Situation, plan: Plan, leaf: Leaf, control: Stage1Control
    ) -> Translation | Fault:
        """Checks 15 and 16, and the translation that stage 1 gives."""
        regime, security, mec, bits = request.regime, request.security, plan.mec, leaf.descriptor
        limits = 0 if control.hpd else leaf.hierarchy
        forbids_fetch = (
            leaf.pas != security.pas and regime is not Regime.EL10 and security in (Security.ROOT, Security.REALM)
        ) or (security is Security.SECURE and leaf.pas == PAS.NON_SECURE and bool(self._regs["SCR_EL3"] & SCR_SIF))
        permissions = stage1_permissions(
            regime.has_two_ranges,
            bits >> 6 & (1 if plan.has_writes_enabled(bits) else 3),
            limits >> 61 & 3,
            bool((bits >> 53 | limits >> 59) & 1),
            bool((bits >> 54 | limits >> 60) & 1),
            bool(situation.sctlr & SCTLR_WXN),
            forbids_fetch,
        )
        attributes = stage1_attributes(plan.mair >> (bits >> 2 & 7) * 8 & 0xFF, plan.shareability_of(bits))
        fault = stage1_fault(permissions, attributes.is_device, leaf.level, request, situation.sctlr)
        if fault is not None:
            return fault
        amec = bits >> 63 if security is Security.REALM and regime is not Regime.EL10 else 0
        is_from_non_secure = security is Security.SECURE and leaf.table_pas == PAS.NON_SECURE
        return Translation(
            va_base=VA(plan.address & -leaf.size),
            size=leaf.size,
            pa_base=PA(leaf.base),
            pas=leaf.pas,
            permissions=permissions,
            stage2_permissions=None,
            attributes=attributes,
            source=select_stage1(mec, regime, leaf.pas, plan.upper, amec),
            why=explain_stage1(mec, regime, leaf.pas, plan.upper, amec),
            level=leaf.level,
            is_global=not regime.has_two_ranges or not (bits >> 11 & 1 or is_from_non_secure),
            amec=amec,
            emec=_emec(mec, regime, security),
            mecen=mec.mecen,
            stage1_is_device=attributes.is_device,
            is_clean=plan.is_clean(bits) and not request.is_dirtying,
            is_guarded=bool(bits >> 50 & 1) and "FEAT_BTI" in self._features.isa,
        )

    # --- both -----------------------------------------------------------------------------------------------------

    def _both(
        self,
        request: Request,
        first: Translation,
        untagged: int,
        situation: Situation,
        mec: MecControls,
        steps: list[WalkStep] | None,
    ) -> Translation | Fault:
        """Check 18: stage 2 of stage 1's output, and what the two give together."""
        ipa = first.pa_base + (untagged & (first.size - 1))
        is_forced = bool(situation.hcr & HCR_FWB)

        def check(second: Translation) -> Fault | None:
            allowed, is_device = second.stage2_permissions, _combined(first, second, is_forced).is_device
            assert allowed is not None
            return stage2_fault(allowed, is_device, second.level, request, ipa, first.pas)

        self.tables.second_reads.clear()
        second = self.stage2.translate(
            request.security, situation.hcr, mec, ipa, first.pas, steps, check=check, is_write=request.is_dirtying
        )
        if isinstance(second, Fault):
            return second
        self.stage2.keep(request.security, first.pas, second)
        size = min(first.size, second.size)
        return Translation(
            va_base=VA(untagged & -size),
            size=size,
            pa_base=PA(second.pa_base + ((ipa - second.va_base) & -size)),
            pas=second.pas,
            permissions=first.permissions,
            stage2_permissions=second.stage2_permissions,
            attributes=_combined(first, second, is_forced),
            source=second.source,
            why=second.why,
            level=first.level,
            stage2_level=second.level,
            is_global=first.is_global,
            ipa_base=IPA(ipa & -size),
            ipa_pas=first.pas,
            amec=second.amec,
            emec=second.emec,
            mecen=second.mecen,
            stage1_size=first.size,
            stage1_is_device=first.stage1_is_device,
            is_clean=first.is_clean,
            is_stage2_clean=second.is_stage2_clean,
            is_guarded=first.is_guarded,
        )


def _combined(first: Translation, second: Translation, is_forced: bool) -> MemoryAttributes:
    """Both stages' attributes together."""
    raw = second.stage2_memattr
    assert raw is not None
    return combine(first.attributes, raw & 0xF, raw >> 4, is_forced)


def _attributes_off(request: Request, situation: Situation) -> MemoryAttributes:
    if request.regime is Regime.EL10 and situation.hcr & HCR_DC:
        return DEFAULT_CACHEABLE
    if request.access is not Access.FETCH:
        return STAGE1_OFF_DATA
    return STAGE1_OFF_FETCH_CACHED if situation.sctlr & SCTLR_I else STAGE1_OFF_FETCH_UNCACHED


def _fixed_output(regime: Regime, security: Security) -> PAS | None:
    """Output address space of stage 1 where its leaves have no say (3.3)."""
    if security is Security.NON_SECURE:
        return PAS.NON_SECURE
    return PAS.REALM if regime is Regime.EL10 and security is Security.REALM else None


def _emec(mec: MecControls, regime: Regime, security: Security) -> bool:
    if regime is Regime.EL3:
        return mec.is_el3_on
    return security is Security.REALM and mec.is_el2_on
