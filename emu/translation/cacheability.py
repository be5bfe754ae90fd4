"""Whether an access or a table walk is cacheable: the memory's type, and the switches above it.

One level of cache stands for inner and outer alike, so memory that is cacheable in either sense is cached.
"""

from __future__ import annotations

from emu.architecture import Access, Regime
from emu.translation.attributes import NORMAL_NC
from emu.translation.controls import TCR_NAME
from emu.translation.plan import Plan
from emu.translation.records import MemoryAttributes, Translation
from emu.translation.regimes import HCR_DC, RegisterView, hcr_of, sctlr_name

SCTLR_C, SCTLR_I = 1 << 2, 1 << 12
_HCR_CD, _HCR_ID = 1 << 32, 1 << 33
_RGN = 0b1111
"""IRGN0 and ORGN0 of TCR_ELx and VTCR_EL2 in bits [11:8]; IRGN1 and ORGN1 are sixteen bits above."""
_WRITE_BACK = 0b0100


def is_cacheable(attributes: MemoryAttributes) -> bool:
    """Whether memory of this type may be cached."""
    return not attributes.is_device and attributes.mair != NORMAL_NC


def is_write_back(attributes: MemoryAttributes) -> bool:
    """Whether cacheable memory is Write-Back, inner or outer; else it is Write-Through."""
    return any(
        nibble & _WRITE_BACK and nibble != _WRITE_BACK for nibble in (attributes.mair >> 4, attributes.mair & 15)
    )


def is_cacheable_access(translation: Translation, access: Access, regime: Regime, regs: RegisterView) -> bool:
    """Whether an access is cacheable: SCTLR_ELx.C and I switch caching off, and HCR_EL2.CD and ID do at stage 2.

    HCR_EL2.DC overrides SCTLR_EL1 in this, and so does Write-Back that stage 2 forces.
    """
    if not is_cacheable(translation.attributes):
        return False
    is_fetch = access is Access.FETCH
    hcr = regs["HCR_EL2"] if translation.stage2_level is not None else 0
    is_overridden = translation.attributes.is_forced or bool(hcr & HCR_DC)
    if not is_overridden and not regs[sctlr_name(regime)] & (SCTLR_I if is_fetch else SCTLR_C):
        return False
    return not hcr & (_HCR_ID if is_fetch else _HCR_CD)


def is_cacheable_walk(plan: Plan, mapped: Translation | None, regs: RegisterView) -> bool:
    """Whether descriptor fetches of a walk are cacheable: IRGN and ORGN of TCR_ELx or VTCR_EL2, and the switches.

    `mapped` is stage 2 of a stage-1 table's address, which must be cacheable too.
    """
    hcr = hcr_of(plan.security, regs) if plan.regime is Regime.EL10 else 0
    if plan.stage == 2:
        return bool(regs["VTCR_EL2"] >> 8 & _RGN) and not hcr & _HCR_CD
    is_forced = mapped is not None and mapped.attributes.is_forced
    if not is_forced and not regs[TCR_NAME[plan.regime]] >> (24 if plan.upper else 8) & _RGN:
        return False
    if not is_forced and not regs[sctlr_name(plan.regime)] & SCTLR_C:
        return False
    return mapped is None or (is_cacheable(mapped.attributes) and not hcr & _HCR_CD)
