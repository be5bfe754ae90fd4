"""SYS instructions that maintain caches, forget predictions or translate addresses: IC, DC, CFP, DVP, CPP and AT.

Absent, and so UNDEFINED: the DC forms with allocation tags (no MTE), the AT forms without permission checks
(FEAT_ATS1A). The points of persistence and of deep persistence are the Point of Coherence.
"""

from __future__ import annotations

from emu.registers.model import Operation, Trap
from emu.registers.traps import NO_EL2, PREDICTION_RESTRICTION, RESERVED_STATE, ZERO_BLOCK, cache_maintenance

_SET_WAY = (Trap(1, 2, "HCR_EL2.TSW"),)
_UNIFICATION = (Trap(1, 2, "HCR_EL2.TPU"), Trap(1, 2, "HCR_EL2.TOCU"))
_UNIFICATION_SHARED = (Trap(1, 2, "HCR_EL2.TPU"), Trap(1, 2, "HCR_EL2.TICAB"))
_COHERENCE = (Trap(1, 2, "HCR_EL2.TPC"),)


def _by_address(name: str, crm: int, meaning: str, control: str, feature: str = "") -> Operation:
    """Maintenance by virtual address that EL0 may be allowed."""
    controls = ("TPU", "TOCU") if control == "TPU" else (control,)
    return Operation(name, (1, 3, 7, crm, 1), meaning, el=0, feature=feature, traps=cache_maintenance(*controls))


def _prediction(name: str, op2: int, meaning: str) -> Operation:
    """Prediction restriction by the context in a register."""
    return Operation(
        f"{name} RCTX", (1, 3, 7, 3, op2), meaning, el=0, feature="FEAT_SPECRES", traps=PREDICTION_RESTRICTION
    )


def _translate(name: str, op1: int, crm: int, op2: int, meaning: str) -> Operation:
    # From EL3 the state below it must exist to be translated for; EL3's own regime always does.
    traps: tuple[Trap, ...] = {
        0: (Trap(1, 2, "HCR_EL2.AT"), *RESERVED_STATE),
        4: RESERVED_STATE if name.startswith("AT S12") else RESERVED_STATE + NO_EL2,
        6: (),
    }[op1]
    return Operation(name, (1, op1, 7, crm, op2), meaning, el=op1 // 2 or 1, traps=traps)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "IC IALLUIS",
        (1, 0, 7, 1, 0),
        "Invalidate all instruction caches, Inner Shareable",
        takes_register=False,
        traps=_UNIFICATION_SHARED,
    ),
    Operation(
        "IC IALLU", (1, 0, 7, 5, 0), "Invalidate all instruction caches", takes_register=False, traps=_UNIFICATION
    ),
    _by_address("IC IVAU", 5, "Invalidate instruction caches by address to the Point of Unification", "TPU"),
    Operation(
        "DC IVAC", (1, 0, 7, 6, 1), "Invalidate data caches by address to the Point of Coherence", traps=_COHERENCE
    ),
    Operation("DC ISW", (1, 0, 7, 6, 2), "Invalidate a data cache by set and way", traps=_SET_WAY),
    Operation("DC CSW", (1, 0, 7, 10, 2), "Clean a data cache by set and way", traps=_SET_WAY),
    Operation("DC CISW", (1, 0, 7, 14, 2), "Clean and invalidate a data cache by set and way", traps=_SET_WAY),
    Operation("DC ZVA", (1, 3, 7, 4, 1), "Write zeros to a block of memory", el=0, traps=ZERO_BLOCK),
    _by_address("DC CVAC", 10, "Clean data caches by address to the Point of Coherence", "TPC"),
    _by_address("DC CVAU", 11, "Clean data caches by address to the Point of Unification", "TPU"),
    _by_address("DC CIVAC", 14, "Clean and invalidate data caches by address to the Point of Coherence", "TPC"),
    _by_address("DC CVAP", 12, "Clean data caches by address to the Point of Persistence", "TPC", "FEAT_DPB"),
    _by_address("DC CVADP", 13, "Clean data caches by address to the Point of Deep Persistence", "TPC", "FEAT_DPB2"),
    _prediction("CFP", 4, "Forget predictions of control flow made in a context; there are none here"),
    _prediction("DVP", 5, "Forget predictions of data values made in a context; there are none here"),
    _prediction("CPP", 7, "Forget prefetches of caches predicted in a context; there are none here"),
    # Neither MECEn nor EMEC gates it. An EL1 attempt is UNDEFINED whatever HCR_EL2 says.
    Operation(
        "DC CIPAE",
        (1, 4, 7, 14, 0),
        "Clean and invalidate by physical address to the Point of Encryption",
        el=2,
        feature="FEAT_MEC",
        realm_only=True,
    ),
    Operation(
        "DC CIPAPA",
        (1, 6, 7, 14, 1),
        "Clean and invalidate by physical address to the Point of Physical Aliasing",
        el=3,
    ),
    _translate("AT S1E1R", 0, 8, 0, "Translate at stage 1 as an EL1 read"),
    _translate("AT S1E1W", 0, 8, 1, "Translate at stage 1 as an EL1 write"),
    _translate("AT S1E0R", 0, 8, 2, "Translate at stage 1 as an EL0 read"),
    _translate("AT S1E0W", 0, 8, 3, "Translate at stage 1 as an EL0 write"),
    _translate("AT S1E1RP", 0, 9, 0, "Translate at stage 1 as an EL1 read that honours PAN"),
    _translate("AT S1E1WP", 0, 9, 1, "Translate at stage 1 as an EL1 write that honours PAN"),
    _translate("AT S1E2R", 4, 8, 0, "Translate at stage 1 as an EL2 read"),
    _translate("AT S1E2W", 4, 8, 1, "Translate at stage 1 as an EL2 write"),
    _translate("AT S12E1R", 4, 8, 4, "Translate at both stages as an EL1 read"),
    _translate("AT S12E1W", 4, 8, 5, "Translate at both stages as an EL1 write"),
    _translate("AT S12E0R", 4, 8, 6, "Translate at both stages as an EL0 read"),
    _translate("AT S12E0W", 4, 8, 7, "Translate at both stages as an EL0 write"),
    _translate("AT S1E3R", 6, 8, 0, "Translate as an EL3 read"),
    _translate("AT S1E3W", 6, 8, 1, "Translate as an EL3 write"),
)
