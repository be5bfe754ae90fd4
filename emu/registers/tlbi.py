"""TLB maintenance: every TLBI, in its local, Inner Shareable, Outer Shareable and range forms.

The nXS forms (CRn = 9) are absent, and so UNDEFINED, as FEAT_XS is.
"""

from __future__ import annotations

from emu.registers.model import Operation, Trap
from emu.registers.traps import NO_EL2

# CRm of each scope, for single operations and for range ones.
_SCOPES = (("", 7, 6), ("IS", 3, 2), ("OS", 1, 5))
_SCOPE_MEANING = {"": "this PE", "IS": "Inner Shareable", "OS": "Outer Shareable"}

# (op1, op2, name, meaning, takes a register)
_SINGLE = (
    (0, 0, "VMALLE1", "stage 1 of EL1 and EL0, current VMID", False),
    (0, 1, "VAE1", "an address of EL1 and EL0, with ASID", True),
    (0, 2, "ASIDE1", "an ASID of EL1 and EL0", True),
    (0, 3, "VAAE1", "an address of EL1 and EL0, any ASID", True),
    (0, 5, "VALE1", "an address of EL1 and EL0, with ASID, last level only", True),
    (0, 7, "VAALE1", "an address of EL1 and EL0, any ASID, last level only", True),
    (4, 0, "ALLE2", "all of EL2", False),
    (4, 1, "VAE2", "an address of EL2", True),
    (4, 4, "ALLE1", "all of EL1 and EL0, every VMID, both stages", False),
    (4, 5, "VALE2", "an address of EL2, last level only", True),
    (4, 6, "VMALLS12E1", "both stages of EL1 and EL0, current VMID", False),
    (6, 0, "ALLE3", "all of EL3", False),
    (6, 1, "VAE3", "an address of EL3", True),
    (6, 5, "VALE3", "an address of EL3, last level only", True),
)
_RANGE = (
    (0, 1, "RVAE1", "a range of EL1 and EL0, with ASID"),
    (0, 3, "RVAAE1", "a range of EL1 and EL0, any ASID"),
    (0, 5, "RVALE1", "a range of EL1 and EL0, with ASID, last level only"),
    (0, 7, "RVAALE1", "a range of EL1 and EL0, any ASID, last level only"),
    (4, 1, "RVAE2", "a range of EL2"),
    (4, 5, "RVALE2", "a range of EL2, last level only"),
    (6, 1, "RVAE3", "a range of EL3"),
    (6, 5, "RVALE3", "a range of EL3, last level only"),
)
# Stage 2 by intermediate physical address has a layout of its own: (CRm, op2, name, meaning).
_STAGE_2 = (
    (0, 1, "IPAS2E1IS", "an IPA, Inner Shareable"),
    (0, 2, "RIPAS2E1IS", "a range of IPAs, Inner Shareable"),
    (0, 5, "IPAS2LE1IS", "an IPA, last level only, Inner Shareable"),
    (0, 6, "RIPAS2LE1IS", "a range of IPAs, last level only, Inner Shareable"),
    (4, 0, "IPAS2E1OS", "an IPA, Outer Shareable"),
    (4, 1, "IPAS2E1", "an IPA, this PE"),
    (4, 2, "RIPAS2E1", "a range of IPAs, this PE"),
    (4, 3, "RIPAS2E1OS", "a range of IPAs, Outer Shareable"),
    (4, 4, "IPAS2LE1OS", "an IPA, last level only, Outer Shareable"),
    (4, 5, "IPAS2LE1", "an IPA, last level only, this PE"),
    (4, 6, "RIPAS2LE1", "a range of IPAs, last level only, this PE"),
    (4, 7, "RIPAS2LE1OS", "a range of IPAs, last level only, Outer Shareable"),
)
# Granule protection information: (CRm, op2, name, meaning, takes a register).
_GRANULES = (
    (7, 4, "PAALL", "all granule protection information, this PE", False),
    (1, 4, "PAALLOS", "all granule protection information, Outer Shareable", False),
    (4, 3, "RPAOS", "granule protection information of a range, Outer Shareable", True),
    (4, 7, "RPALOS", "granule protection information of a range, last level only, Outer Shareable", True),
)


def _traps(op1: int, name: str, scope: str) -> tuple[Trap, ...]:
    if op1 == 0:
        return (Trap(1, 2, "HCR_EL2.TTLB"), *((Trap(1, 2, f"HCR_EL2.TTLB{scope}"),) if scope else ()))
    # What belongs to EL2 cannot be invalidated from EL3 in a state that has no EL2.
    return NO_EL2 if name.endswith("E2") else ()


def _tlbi(op1: int, crm: int, op2: int, name: str, scope: str, meaning: str, register: bool) -> Operation:
    return Operation(
        f"TLBI {name}{scope}",
        (1, op1, 8, crm, op2),
        f"Invalidate TLB entries: {meaning}, {_SCOPE_MEANING[scope]}",
        el=op1 // 2 or 1,
        takes_register=register,
        traps=_traps(op1, name, scope),
    )


OPERATIONS: tuple[Operation, ...] = (
    *(
        _tlbi(op1, crm, op2, name, scope, meaning, register)
        for op1, op2, name, meaning, register in _SINGLE
        for scope, crm, _ in _SCOPES
    ),
    *(
        _tlbi(op1, crm, op2, name, scope, meaning, True)
        for op1, op2, name, meaning in _RANGE
        for scope, _, crm in _SCOPES
    ),
    *(
        Operation(f"TLBI {name}", (1, 4, 8, crm, op2), f"Invalidate stage 2 TLB entries: {meaning}", el=2)
        for crm, op2, name, meaning in _STAGE_2
    ),
    *(
        Operation(
            f"TLBI {name}",
            (1, 6, 8, crm, op2),
            f"Invalidate {meaning}",
            el=3,
            takes_register=register,
        )
        for crm, op2, name, meaning, register in _GRANULES
    ),
)
