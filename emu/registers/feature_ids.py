"""Feature registers: what this implementation is, told exactly.

The set is small on purpose, smaller than the architecture allows a PE with RME: RAS, which that version demands, is
missing. The registers say what is really there, so that software which asks before it uses a feature runs. The
instruction set features of the machine's CPU come on top of what is written here (`emu.registers.claims`).
"""

from __future__ import annotations

from emu.registers import id_fields
from emu.registers.debug import BREAKPOINTS, CONTEXT_BREAKPOINTS, WATCHPOINTS
from emu.registers.model import Field, Mode, Register, packed
from emu.registers.traps import ID_GROUP_3


def _id(name: str, crm: int, op2: int, meaning: str, fields: tuple[Field, ...] = (), **contents: int) -> Register:
    """A register of the space op0=3, op1=0, CRn=0, whose reads HCR_EL2.TID3 traps."""
    return Register(
        name,
        (3, 0, 0, crm, op2),
        meaning,
        fields,
        mode=Mode.RO,
        reset=packed(fields, **contents),
        group="id",
        traps=ID_GROUP_3,
    )


# The registers of AArch32 exist in the encoding space and read as zero where no level can use AArch32.
_AARCH32 = (
    ("ID_PFR0_EL1", 1, 0),
    ("ID_PFR1_EL1", 1, 1),
    ("ID_DFR0_EL1", 1, 2),
    ("ID_AFR0_EL1", 1, 3),
    ("ID_MMFR0_EL1", 1, 4),
    ("ID_MMFR1_EL1", 1, 5),
    ("ID_MMFR2_EL1", 1, 6),
    ("ID_MMFR3_EL1", 1, 7),
    ("ID_ISAR0_EL1", 2, 0),
    ("ID_ISAR1_EL1", 2, 1),
    ("ID_ISAR2_EL1", 2, 2),
    ("ID_ISAR3_EL1", 2, 3),
    ("ID_ISAR4_EL1", 2, 4),
    ("ID_ISAR5_EL1", 2, 5),
    ("ID_MMFR4_EL1", 2, 6),
    ("ID_ISAR6_EL1", 2, 7),
    ("MVFR0_EL1", 3, 0),
    ("MVFR1_EL1", 3, 1),
    ("MVFR2_EL1", 3, 2),
    ("ID_PFR2_EL1", 3, 4),
    ("ID_DFR1_EL1", 3, 5),
    ("ID_MMFR5_EL1", 3, 6),
)

REGISTERS: tuple[Register, ...] = (
    *(_id(name, crm, op2, "AArch32 feature register: no AArch32 here, reads as zero") for name, crm, op2 in _AARCH32),
    _id(
        "ID_AA64PFR0_EL1",
        4,
        0,
        "Processor features 0: exception levels, Secure EL2, RME",
        id_fields.PFR0,
        EL0=1,
        EL1=1,
        EL2=1,
        EL3=1,
        FP=15,
        AdvSIMD=15,
        SEL2=1,
        RME=2,
    ),
    _id("ID_AA64PFR1_EL1", 4, 1, "Processor features 1: branch targets, memory tagging", id_fields.PFR1),
    _id("ID_AA64PFR2_EL1", 4, 2, "Processor features 2: none"),
    _id("ID_AA64ZFR0_EL1", 4, 4, "SVE features: none"),
    _id("ID_AA64SMFR0_EL1", 4, 5, "SME features: none"),
    _id("ID_AA64FPFR0_EL1", 4, 7, "FP8 features: none"),
    _id(
        "ID_AA64DFR0_EL1",
        5,
        0,
        "Debug features 0",
        id_fields.DFR0,
        DebugVer=7,
        PMUVer=7,
        BRPs=BREAKPOINTS - 1,
        WRPs=WATCHPOINTS - 1,
        CTX_CMPs=CONTEXT_BREAKPOINTS - 1,
        MTPMU=15,
    ),
    _id("ID_AA64DFR1_EL1", 5, 1, "Debug features 1: none"),
    _id("ID_AA64DFR2_EL1", 5, 2, "Debug features 2: none"),
    _id("ID_AA64AFR0_EL1", 5, 4, "Auxiliary features 0: none"),
    _id("ID_AA64AFR1_EL1", 5, 5, "Auxiliary features 1: none"),
    _id("ID_AA64ISAR0_EL1", 6, 0, "Instruction sets 0: atomics, crypto, TLB maintenance", id_fields.ISAR0, TLB=2),
    _id("ID_AA64ISAR1_EL1", 6, 1, "Instruction sets 1: pointer authentication, barriers", id_fields.ISAR1),
    _id("ID_AA64ISAR2_EL1", 6, 2, "Instruction sets 2: short sequences, memory copies", id_fields.ISAR2),
    _id("ID_AA64ISAR3_EL1", 6, 3, "Instruction sets 3: none"),
    _id(
        "ID_AA64MMFR0_EL1",
        7,
        0,
        "Memory model 0: address sizes and granules",
        id_fields.MMFR0,
        PARange=6,
        ASIDBits=2,
        SNSMem=1,
        TGran16=2,
        TGran4=1,
        TGran16_2=3,
        TGran64_2=2,
        TGran4_2=3,
        FGT=1,
        ECV=2,
    ),
    _id(
        "ID_AA64MMFR1_EL1",
        7,
        1,
        "Memory model 1: virtualisation, PAN, HCRX_EL2",
        id_fields.MMFR1,
        HAFDBS=2,
        VMIDBits=2,
        VH=1,
        HPDS=2,
        PAN=3,
        XNX=1,
        HCX=1,
    ),
    _id(
        "ID_AA64MMFR2_EL1",
        7,
        2,
        "Memory model 2: translation details",
        id_fields.MMFR2,
        CnP=1,
        UAO=1,
        VARange=1,
        ST=1,
        FWB=1,
        TTL=1,
        BBM=2,
        EVT=2,
        E0PD=1,
    ),
    _id("ID_AA64MMFR3_EL1", 7, 3, "Memory model 3: TCR2, SCTLR2, MEC", id_fields.MMFR3, TCRX=1, SCTLRX=1, MEC=1),
    _id("ID_AA64MMFR4_EL1", 7, 4, "Memory model 4: E2H", id_fields.MMFR4),
)
