"""Traps that many registers and operations share, each in the order the manual's access pseudocode tests them.

Where HCR_EL2.{E2H,TGE} is {1,1}, EL0 belongs to the EL2 host: the controls of EL1 and of HCR_EL2 do not look at it,
SCTLR_EL2 and CNTHCTL_EL2 do.
"""

from __future__ import annotations

from emu.registers.model import UNDEFINED_EC, Trap, When

# The stage 1 translation controls of EL1: writes and reads have separate controls.
VIRTUAL_MEMORY = (Trap(1, 2, "HCR_EL2.TVM", on="w"), Trap(1, 2, "HCR_EL2.TRVM", on="r"))

ID_GROUP_1 = (Trap(1, 2, "HCR_EL2.TID1", on="r"),)
ID_GROUP_2 = (Trap(1, 2, "HCR_EL2.TID2"),)
CACHE_GEOMETRY = (*ID_GROUP_2, Trap(1, 2, "HCR_EL2.TID4"))
ID_GROUP_3 = (Trap(1, 2, "HCR_EL2.TID3", on="r"),)

AUXILIARY_CONTROL = (Trap(1, 2, "HCR_EL2.TACR"),)

CACHE_TYPE = (
    Trap(0, 1, "SCTLR_EL1.UCT", value=0, when=When.GUEST),
    Trap(0, 2, "HCR_EL2.TID2", when=When.GUEST),
    Trap(0, 2, "SCTLR_EL2.UCT", value=0, when=When.HOST),
    *ID_GROUP_2,
)

# DAIF from EL0. SCTLR_EL2 has no UMA: under a host every access traps, whatever E2H (which HOST says is 1).
INTERRUPT_MASKS = (
    Trap(0, 2, "HCR_EL2.E2H", when=When.HOST),
    Trap(0, 1, "SCTLR_EL1.UMA", value=0),
)


def extended_control(enable: str) -> tuple[Trap, ...]:
    """Traps of SCTLR2_EL1 and TCR2_EL1, whose enable bit has the same name in HCRX_EL2 and SCR_EL3."""
    return (
        *VIRTUAL_MEMORY,
        Trap(1, 2, f"HCRX_EL2.{enable}", value=0),
        Trap(1, 3, f"SCR_EL3.{enable}", value=0),
        Trap(2, 3, f"SCR_EL3.{enable}", value=0),
    )


def counter(enable: str) -> tuple[Trap, ...]:
    """Traps of a counter read at EL0; `enable` is EL0PCTEN or EL0VCTEN."""
    return (
        Trap(0, 1, f"CNTKCTL_EL1.{enable}", value=0, when=When.GUEST),
        Trap(0, 2, f"CNTHCTL_EL2.{enable}", value=0, when=When.HOST),
    )


def _virtual(control: str) -> tuple[Trap, ...]:
    """FEAT_ECV's traps of the virtual counter or timer to EL2, which do not look at a host's EL0."""
    return (
        Trap(0, 2, f"CNTHCTL_EL2.{control}", when=When.GUEST),
        Trap(1, 2, f"CNTHCTL_EL2.{control}"),
    )


PHYSICAL_COUNTER = (
    *counter("EL0PCTEN"),
    Trap(0, 2, "CNTHCTL_EL2.EL1PCTEN", value=0, when=When.GUEST),
    Trap(1, 2, "CNTHCTL_EL2.EL1PCTEN", value=0),
)
VIRTUAL_COUNTER = (*counter("EL0VCTEN"), *_virtual("EL1TVCT"))

# CNTFRQ_EL0 is open to EL0 as soon as it may read either counter.
COUNTER_FREQUENCY = (
    Trap(0, 1, "CNTKCTL_EL1.EL0PCTEN", value=0, when=When.GUEST, also=(("CNTKCTL_EL1.EL0VCTEN", 0),)),
    Trap(0, 2, "CNTHCTL_EL2.EL0PCTEN", value=0, when=When.HOST, also=(("CNTHCTL_EL2.EL0VCTEN", 0),)),
)

# The enable of EL1's physical timer is called EL1PCEN in the E2H=0 layout of CNTHCTL_EL2 and EL1PTEN in the other.
PHYSICAL_TIMER = (
    *counter("EL0PTEN"),
    Trap(0, 2, "CNTHCTL_EL2.EL1PCEN", value=0, when=When.GUEST),
    Trap(0, 2, "CNTHCTL_EL2.EL1PTEN", value=0, when=When.GUEST),
    Trap(1, 2, "CNTHCTL_EL2.EL1PCEN", value=0),
    Trap(1, 2, "CNTHCTL_EL2.EL1PTEN", value=0),
)
VIRTUAL_TIMER = (*counter("EL0VTEN"), *_virtual("EL1TVT"))

# The Secure EL1 timer: EL3 lends it to Secure EL1 with ST, unless Secure EL2 is there to virtualise it.
SECURE_TIMER = (
    Trap(1, 1, "SCR_EL3.EEL2", ec=UNDEFINED_EC),
    Trap(1, 3, "SCR_EL3.ST", value=0),
)

# Registers of Secure EL2, seen from EL3: there is no Secure EL2 while EEL2 is 0.
SECURE_EL2 = (Trap(3, 3, "SCR_EL3.EEL2", value=0, ec=UNDEFINED_EC),)

MECID = (Trap(2, 3, "SCR_EL3.MECEn", value=0),)

# Instructions that HFGITR_EL2 traps: the bit, and the exception class that tells of them.
SUPERVISOR_CALL = (
    Trap(0, 2, "HFGITR_EL2.SVC_EL0", ec=0x15, when=When.GUEST),
    Trap(1, 2, "HFGITR_EL2.SVC_EL1", ec=0x15),
)
EXCEPTION_RETURN = (Trap(1, 2, "HFGITR_EL2.ERET", ec=0x1A),)


def debug(group: str) -> tuple[Trap, ...]:
    """Traps of self-hosted debug registers; `group` is MDCR_EL2's own control for them: TDA, TDRA or TDOSA."""
    el3 = "TDOSA" if group == "TDOSA" else "TDA"
    return (
        Trap(1, 2, "MDCR_EL2.TDE"),
        Trap(1, 2, f"MDCR_EL2.{group}"),
        Trap(1, 3, f"MDCR_EL3.{el3}"),
        Trap(2, 3, f"MDCR_EL3.{el3}"),
    )


# The debug channel. At EL0 MDSCR_EL1 speaks first; both MDCRs have a control for the channel beside the one for all.
DEBUG_CHANNEL = (
    *(Trap(el, 2, f"MDCR_EL2.{control}") for control in ("TDCC", "TDE", "TDA") for el in (0, 1)),
    *(Trap(el, 3, f"MDCR_EL3.{control}") for control in ("TDCC", "TDA") for el in (0, 1, 2)),
)
DEBUG_CHANNEL_AT_EL0 = (Trap(0, 1, "MDSCR_EL1.TDCC"), *DEBUG_CHANNEL)


def cache_maintenance(*controls: str) -> tuple[Trap, ...]:
    """Traps of maintenance by VA, which SCTLR_ELx.UCI opens to EL0; `controls` are fields of HCR_EL2."""
    return (
        Trap(0, 1, "SCTLR_EL1.UCI", value=0, when=When.GUEST),
        *(Trap(0, 2, f"HCR_EL2.{control}", when=When.GUEST) for control in controls),
        Trap(0, 2, "SCTLR_EL2.UCI", value=0, when=When.HOST),
        *(Trap(1, 2, f"HCR_EL2.{control}") for control in controls),
    )


ZERO_BLOCK = (
    Trap(0, 1, "SCTLR_EL1.DZE", value=0, when=When.GUEST),
    Trap(0, 2, "HCR_EL2.TDZ", when=When.GUEST),
    Trap(0, 2, "SCTLR_EL2.DZE", value=0, when=When.HOST),
    Trap(1, 2, "HCR_EL2.TDZ"),
)

_FP_ACCESS = 0x07
"""Exception class of a trapped use of floating point, instructions and registers alike."""


def _fpen(
    source: int, target: int, register: str, values: tuple[int, ...], when: When = When.ALWAYS
) -> tuple[Trap, ...]:
    return tuple(Trap(source, target, f"{register}.FPEN", value=value, ec=_FP_ACCESS, when=when) for value in values)


# AArch64.CheckFPAdvSIMDEnabled. EL0's trap to EL1 arrives at EL2 as an Undefined Instruction where TGE is 1.
FLOATING_POINT = (
    *(
        Trap(0, 2, "CPACR_EL1.FPEN", value=value, ec=UNDEFINED_EC, when=When.GUEST, also=(("HCR_EL2.TGE", 1),))
        for value in (0, 1, 2)
    ),
    *_fpen(0, 1, "CPACR_EL1", (0, 1, 2), When.GUEST),
    *_fpen(1, 1, "CPACR_EL1", (0, 2)),
    *_fpen(0, 2, "CPTR_EL2", (0, 2)),
    *_fpen(0, 2, "CPTR_EL2", (1,), When.HOST),
    *_fpen(1, 2, "CPTR_EL2", (0, 2)),
    *_fpen(2, 2, "CPTR_EL2", (0, 2)),
    *(Trap(source, 2, "CPTR_EL2.TFP", ec=_FP_ACCESS) for source in (0, 1, 2)),
    *(Trap(source, 3, "CPTR_EL3.TFP", ec=_FP_ACCESS) for source in (0, 1, 2, 3)),
)

# EL0's use of CFP, DVP and CPP RCTX.
PREDICTION_RESTRICTION = (
    Trap(0, 1, "SCTLR_EL1.EnRCTX", value=0, when=When.GUEST),
    Trap(0, 2, "SCTLR_EL2.EnRCTX", value=0, when=When.HOST),
)

# The pointer authentication keys, which EL3 and EL2 lend.
POINTER_KEYS = (
    Trap(1, 2, "HCR_EL2.APK", value=0),
    Trap(1, 3, "SCR_EL3.APK", value=0),
    Trap(2, 3, "SCR_EL3.APK", value=0),
)

# At EL3 SCR_EL3.{NSE,NS} name the Security state that an operation for a lower level works on; {1,0} is none.
RESERVED_STATE = (Trap(3, 3, "SCR_EL3.NSE", ec=UNDEFINED_EC, also=(("SCR_EL3.NS", 0),)),)
# The same for operations on EL2, which Secure state has only with EEL2.
NO_EL2 = (Trap(3, 3, "SCR_EL3.EEL2", value=0, ec=UNDEFINED_EC, also=(("SCR_EL3.NS", 0),)),)
