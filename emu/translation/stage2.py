"""Stage 2: from an intermediate to a physical address, for final addresses and for stage-1 tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from emu.architecture import IPA, PA, PAS, VA, Regime, Security
from emu.features import Features
from emu.mec.selection import MecControls, explain_stage2, select_stage2
from emu.translation.attributes import stage2_attributes
from emu.translation.controls import Stage2Control, stage2_control
from emu.translation.permissions import ALL, stage2_permissions
from emu.translation.plan import Leaf, Nested, Plan
from emu.translation.records import Fault, FaultKind, Translation, WalkStep
from emu.translation.regimes import HCR_FWB, HCR_PTW, RegisterView
from emu.translation.tables import TableWalker


class Stage2Cache(Protocol):
    """Translations of stage 2 alone that a TLB holds."""

    def stage2(self, security: Security, ipa: int, ipa_pas: PAS) -> Translation | None: ...

    def keep_stage2(self, security: Security, ipa_pas: PAS, translation: Translation) -> None: ...


Check = Callable[[Translation], "Fault | None"]
"""What an access demands of a translation: the fault it takes, or None."""


def _demands_nothing(_: Translation) -> None:
    return None


class Stage2Walker:
    """Translates intermediate addresses of EL1&0 (mec-reference.md 4.7)."""

    def __init__(self, regs: RegisterView, features: Features, tables: TableWalker, cache: Stage2Cache | None) -> None:
        self._regs = regs
        self._features = features
        self._tables = tables
        self._cache = cache
        self._served: Translation | None = None
        """What the cache gave last: it need not be put there."""

    def translate(
        self,
        security: Security,
        hcr: int,
        mec: MecControls,
        ipa: int,
        ipa_pas: PAS,
        steps: list[WalkStep] | None,
        *,
        s1ptw: bool = False,
        check: Check = _demands_nothing,
        is_write: bool = False,
    ) -> Translation | Fault:
        """One intermediate address; `va_base` of the result is an IPA.

        `check` says what the access demands; hardware updates of the leaf happen only once that is met. `is_write`
        as in `TableWalker.settle`.
        """
        if self._cache is not None:
            cached = self._cache.stage2(security, ipa, ipa_pas)
            if cached is not None and not (is_write and cached.is_stage2_clean):
                self._served = cached
                return check(cached) or cached
        is_secure_ipa = security is Security.SECURE and ipa_pas == PAS.SECURE
        vtcr = self._regs["VTCR_EL2"]
        vstcr = self._regs["VSTCR_EL2"] if security is Security.SECURE else 0
        control = self.control(security, ipa_pas)
        name = "VSTTBR_EL2" if is_secure_ipa else "VTTBR_EL2"
        table_pas, output_pas = stage2_spaces(security, is_secure_ipa, vtcr, vstcr)
        problem = _problem(control, ipa)
        if problem:
            return Fault(FaultKind.TRANSLATION, 0, problem, True, s1ptw, IPA(ipa), ipa_pas=ipa_pas)
        assert control.geometry is not None
        plan = Plan(
            stage=2,
            regime=Regime.EL10,
            security=security,
            geometry=control.geometry,
            address=ipa,
            upper=False,
            table=control.geometry.root(self._regs[name], control.is_root_wide),
            table_pas=table_pas,
            table_name=name,
            limit=control.limit,
            output_pas=output_pas,
            mec=mec,
            s1ptw=s1ptw,
            ipa_pas=ipa_pas,
            is_forced=bool(hcr & HCR_FWB),
            ha=control.ha,
            hd=control.hd,
            shareability=control.shareability,
        )
        while True:
            leaf = self._tables.descend(plan, steps)
            if isinstance(leaf, Fault):
                return leaf
            found = _translation(plan, leaf, is_write)
            settled = check(found) or self._tables.settle(plan, leaf, is_write)
            if isinstance(settled, Fault):
                return settled
            if settled:
                return found

    def control(self, security: Security, ipa_pas: PAS) -> Stage2Control:
        """The VTCR_EL2 or VSTCR_EL2 that intermediate addresses of an address space go by, decoded."""
        vtcr = self._regs["VTCR_EL2"]
        is_secure_ipa = security is Security.SECURE and ipa_pas == PAS.SECURE
        return stage2_control(self._regs["VSTCR_EL2"] if is_secure_ipa else vtcr, vtcr, self._features)

    def nested(self, security: Security, hcr: int, mec: MecControls) -> Nested:
        """Stage 2 for the addresses of stage-1 tables, with the permission that a walk needs."""

        def translate(
            ipa: int, ipa_pas: PAS, steps: list[WalkStep] | None, is_write: bool = False
        ) -> Translation | Fault:
            def check(found: Translation) -> Fault | None:
                reason = _table_denial(found, security, hcr, is_write)
                if not reason:
                    return None
                return Fault(FaultKind.PERMISSION, found.level, reason, True, True, IPA(ipa), ipa_pas=ipa_pas)

            found = self.translate(security, hcr, mec, ipa, ipa_pas, steps, s1ptw=True, check=check, is_write=is_write)
            if not isinstance(found, Fault):
                self.keep(security, ipa_pas, found)
            return found

        return translate

    def keep(self, security: Security, ipa_pas: PAS, translation: Translation) -> None:
        """Cache a translation that has served an access."""
        if self._cache is not None and translation is not self._served:
            self._cache.keep_stage2(security, ipa_pas, translation)


def stage2_spaces(security: Security, is_secure_ipa: bool, vtcr: int, vstcr: int) -> tuple[PAS, PAS | None]:
    """(address space of the tables, of the output; None where leaves choose it) (mec-reference.md 3.3)."""
    if security is Security.REALM:
        return PAS.REALM, None
    if security is not Security.SECURE:
        return PAS.NON_SECURE, PAS.NON_SECURE
    sw, sa, nsw, nsa = vstcr >> 29 & 1, vstcr >> 30 & 1, vtcr >> 29 & 1, vtcr >> 30 & 1
    is_secure_output = not (sw or sa) if is_secure_ipa else not (sw or sa or nsw or nsa)
    is_non_secure_table = sw if is_secure_ipa else nsw
    return (
        PAS.NON_SECURE if is_non_secure_table else PAS.SECURE,
        PAS.SECURE if is_secure_output else PAS.NON_SECURE,
    )


def _problem(control: Stage2Control, ipa: int) -> str:
    if control.geometry is None:
        return control.problem
    if ipa >> control.input_bits:
        return f"the intermediate address {ipa:#x} is beyond the {control.input_bits} bits that T0SZ allows"
    return ""


def _table_denial(found: Translation, security: Security, hcr: int, is_write: bool) -> str:
    if hcr & HCR_PTW and found.attributes.is_device:
        return "HCR_EL2.PTW=1 and the stage-1 table is in Device memory"
    if security is Security.REALM and found.pas != PAS.REALM:
        return "a Realm stage-1 table must not be in Non-secure memory"
    if found.stage2_permissions is not None and not found.stage2_permissions.priv_read:
        return "stage 2 gives no read permission for the stage-1 table"
    if is_write and found.stage2_permissions is not None and not found.stage2_permissions.priv_write:
        return "stage 2 gives no write permission for the hardware update of the stage-1 descriptor"
    return ""


def _translation(plan: Plan, leaf: Leaf, is_write: bool) -> Translation:
    bits = leaf.descriptor
    memattr, shareability = bits >> 2 & 0xF, plan.shareability_of(bits)
    s2ap = bits >> 6 & 3 | (2 if plan.has_writes_enabled(bits) else 0)
    is_realm = plan.security is Security.REALM
    amec = bits >> 63 if is_realm else 0
    base = plan.address & -leaf.size
    return Translation(
        va_base=VA(base),
        size=leaf.size,
        pa_base=PA(leaf.base),
        pas=leaf.pas,
        permissions=ALL,
        stage2_permissions=stage2_permissions(s2ap, bits >> 53 & 3, is_realm and leaf.pas != PAS.REALM),
        attributes=stage2_attributes(memattr, shareability, plan.is_forced),
        source=select_stage2(plan.mec, leaf.pas, amec),
        why=explain_stage2(plan.mec, leaf.pas, amec),
        level=leaf.level,
        stage2_level=leaf.level,
        ipa_base=IPA(base),
        amec=amec,
        emec=is_realm and plan.mec.is_el2_on,
        mecen=plan.mec.mecen,
        stage2_memattr=shareability << 4 | memattr,
        is_stage2_clean=plan.is_clean(bits) and not is_write,
    )
