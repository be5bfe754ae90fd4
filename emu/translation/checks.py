"""The checks an access meets once its leaf is known: alignment, permission; the same on a TLB hit as after a walk."""

from __future__ import annotations

from emu.architecture import IPA, PAS, Access
from emu.translation.controls import Stage1Control
from emu.translation.permissions import denial_of
from emu.translation.records import Fault, FaultKind, Permissions, Request

SCTLR_A = 1 << 1
SCTLR_I = 1 << 12
SCTLR_WXN = 1 << 19
SCTLR_EPAN = 1 << 57


def is_unaligned(request: Request) -> bool:
    """Whether a data access is not aligned to its size, or to the alignment that it names instead."""
    return request.va % (request.alignment or request.size) != 0 and not (
        request.is_at or request.is_cache_maintenance or request.access is Access.FETCH
    )


def alignment_fault(request: Request, sctlr: int) -> Fault | None:
    """Alignment faults that do not depend on the memory type; they come before translation (4.5)."""
    alignment = request.alignment or request.size
    if alignment == 1 or not is_unaligned(request):
        return None
    if request.is_aligned_only:
        reason = f"this access must be aligned to its {alignment} bytes"
    elif sctlr & SCTLR_A:
        reason = f"the address is not a multiple of {alignment} and SCTLR_ELx.A=1"
    else:
        return None
    return Fault(FaultKind.ALIGNMENT, 0, reason)


def canonical(va: int, has_two_ranges: bool, tbi: bool) -> int:
    """An address without its tag: with `tbi` bits [63:56] become copies of bit 55, or 0 in a single range."""
    if not tbi:
        return va
    if has_two_ranges and va >> 55 & 1:
        return va | 0xFF << 56
    return va & ~(0xFF << 56)


def range_fault(request: Request, control: Stage1Control, untagged: int, upper: bool) -> Fault | None:
    """Checks 1 to 3 of 4.5: TxSZ is legal, the address is inside its half's range, and EL0 may use that half."""
    if control.problem:
        return Fault(FaultKind.TRANSLATION, 0, control.problem)
    bits = control.geometry.input_bits
    if untagged >> bits != ((1 << (64 - bits)) - 1 if upper else 0):
        return Fault(FaultKind.TRANSLATION, 0, f"the address does not fit the {bits} bits that TnSZ allows")
    return e0pd_fault(request, control, upper)


def e0pd_fault(request: Request, control: Stage1Control, upper: bool) -> Fault | None:
    """Check 3 of 4.5, which a TLB hit meets too."""
    if control.e0pd and request.el == 0:
        return Fault(FaultKind.TRANSLATION, 0, f"TCR_ELx.E0PD{int(upper)}=1 keeps EL0 out of this half")
    return None


def stage1_fault(permissions: Permissions, is_device: bool, level: int, request: Request, sctlr: int) -> Fault | None:
    """Checks 15 and 16 of 4.5. `sctlr` is the regime's SCTLR_ELx."""
    fault = device_alignment_fault(is_device, request)
    if fault is not None:
        return fault
    if request.ignores_permissions:
        return None
    pan = request.honours_pan and not request.is_cache_maintenance
    denial = denial_of(
        permissions, request.access, request.el, request.is_cache_maintenance, pan, bool(sctlr & SCTLR_EPAN)
    )
    if denial is None and is_device and request.access is Access.FETCH:
        denial = "instructions cannot be fetched from Device memory"
    return None if denial is None else Fault(FaultKind.PERMISSION, level, denial)


def stage2_fault(
    permissions: Permissions, is_device: bool, level: int, request: Request, ipa: int, ipa_pas: PAS
) -> Fault | None:
    """The same for stage 2 of the final address; `is_device` is about both stages combined."""
    fault = device_alignment_fault(is_device, request)
    if fault is not None:
        return fault
    if request.ignores_permissions:
        return None
    denial = denial_of(permissions, request.access, request.el, request.is_cache_maintenance, False, False)
    if denial is None and is_device and request.access is Access.FETCH:
        denial = "instructions cannot be fetched from Device memory"
    if denial is None:
        return None
    return Fault(
        FaultKind.PERMISSION, level, f"stage 2 gives {denial}", second_stage=True, ipa=IPA(ipa), ipa_pas=ipa_pas
    )


def device_alignment_fault(is_device: bool, request: Request) -> Fault | None:
    """Alignment faults of accesses to Device memory (check 15)."""
    if not is_device:
        return None
    if request.is_zeroing and not request.is_at:
        return Fault(FaultKind.ALIGNMENT, 0, "DC ZVA to Device memory")
    if is_unaligned(request):
        alignment = request.alignment or request.size
        return Fault(FaultKind.ALIGNMENT, 0, f"the address is not a multiple of {alignment} and the memory is Device")
    return None
