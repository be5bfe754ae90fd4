"""Identification registers: what this implementation is, told exactly.

The set is small on purpose, smaller than the architecture allows a PE with RME: RAS, which that version demands, is
missing. The registers say what is really there, so that software which asks before it uses a feature runs. The
instruction set features of the machine's CPU come on top of what is written here (`CLAIMS`).
"""

from __future__ import annotations

from collections.abc import Mapping

from emu.registers.debug import BREAKPOINTS, CONTEXT_BREAKPOINTS, WATCHPOINTS
from emu.registers.model import Field, Mode, Register, Trap, bit, packed
from emu.registers.traps import CACHE_GEOMETRY, CACHE_TYPE, ID_GROUP_1, ID_GROUP_3


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


def _nibble(name: str, low: int, meaning: str, none: int = 0, **yes: str) -> Field:
    """A four-bit ID field; `none` is the value that says the feature is absent."""
    return Field(name, low + 3, low, meaning, {none: "no"} | {int(code[1:]): text for code, text in yes.items()})


_PFR0 = (
    _nibble("EL0", 0, "Execution states of EL0", v1="AArch64 only"),
    _nibble("EL1", 4, "Execution states of EL1", v1="AArch64 only"),
    _nibble("EL2", 8, "Execution states of EL2", v1="AArch64 only"),
    _nibble("EL3", 12, "Execution states of EL3", v1="AArch64 only"),
    _nibble("FP", 16, "Scalar floating point", none=15, v0="yes", v1="and half precision"),
    _nibble("AdvSIMD", 20, "Advanced SIMD", none=15, v0="yes", v1="and half precision"),
    _nibble("GIC", 24, "System register interface to the interrupt controller"),
    _nibble("RAS", 28, "Reliability, availability and serviceability extension"),
    _nibble("SVE", 32, "Scalable vectors"),
    _nibble("SEL2", 36, "EL2 in Secure state", v1="yes"),
    _nibble("MPAM", 40, "Memory partitioning and monitoring, major version"),
    _nibble("AMU", 44, "Activity monitors"),
    _nibble("DIT", 48, "Data-independent timing", v1="yes"),
    _nibble("RME", 52, "Realm Management Extension", v1="four Security states and granule protection", v2="GPC2"),
    _nibble("CSV2", 56, "Speculation from branch targets trained elsewhere: nothing is promised"),
    _nibble("CSV3", 60, "Speculative use of data that faulted: nothing is promised"),
)
_PFR1 = (
    _nibble("BT", 0, "Branch target identification", v1="yes"),
    _nibble("SSBS", 4, "Speculative store bypass control", v1="PSTATE.SSBS", v2="and MSR and MRS of it"),
    _nibble("MTE", 8, "Memory tagging"),
    _nibble("RNDR_trap", 28, "Reads of random numbers can be trapped to EL3", v1="yes"),
)
_DFR0 = (
    Field("DebugVer", 3, 0, "Debug architecture version", {6: "Armv8", 7: "with Virtualization Host Extensions"}),
    _nibble("TraceVer", 4, "System register access to a trace unit"),
    _nibble("PMUVer", 8, "Performance monitors", v7="PMUv3 for Armv8.7"),
    Field("BRPs", 15, 12, "Number of breakpoints, minus 1"),
    Field("WRPs", 23, 20, "Number of watchpoints, minus 1"),
    Field("CTX_CMPs", 31, 28, "Number of context-aware breakpoints, minus 1"),
    _nibble("DoubleLock", 36, "OS Double Lock", none=15, v0="yes"),
    _nibble("MTPMU", 48, "Events of several threads can be counted together", none=15, v0="as it likes", v1="yes"),
)
_ISAR0 = (
    _nibble("AES", 4, "AES and polynomial multiply instructions", v1="AES", v2="both"),
    _nibble("SHA1", 8, "SHA1 instructions", v1="yes"),
    _nibble("SHA2", 12, "SHA2 instructions", v1="SHA256", v2="and SHA512"),
    _nibble("CRC32", 16, "CRC32 instructions", v1="yes"),
    _nibble("Atomic", 20, "LSE atomic instructions", v2="yes"),
    _nibble("RDM", 28, "Rounding double multiply instructions", v1="yes"),
    _nibble("SHA3", 32, "SHA3 instructions", v1="yes"),
    _nibble("SM3", 36, "SM3 instructions", v1="yes"),
    _nibble("SM4", 40, "SM4 instructions", v1="yes"),
    _nibble("DP", 44, "Dot product instructions", v1="yes"),
    _nibble("FHM", 48, "Half-precision multiplications that accumulate in single precision", v1="yes"),
    _nibble("TS", 52, "Flag manipulation instructions", v1="yes", v2="and floating-point formats"),
    _nibble("TLB", 56, "Wider TLB maintenance", v1="Outer Shareable", v2="Outer Shareable and range"),
    _nibble("RNDR", 60, "Random number registers", v1="yes"),
)
_ISAR1 = (
    _nibble("DPB", 0, "DC CVAP and DC CVADP", v1="DC CVAP", v2="both"),
    _nibble("APA", 4, "Pointer authentication with QARMA5", v1="yes", v3="PAuth2", v4="FPAC", v5="FPAC combined"),
    _nibble("API", 8, "Pointer authentication with a private algorithm"),
    _nibble("JSCVT", 12, "JavaScript conversion instruction", v1="yes"),
    _nibble("LRCPC", 20, "Load-acquire RCpc instructions", v1="yes", v2="and with an offset"),
    _nibble("FCMA", 16, "Complex number instructions", v1="yes"),
    _nibble("FRINTTS", 32, "Rounding to 32-bit and 64-bit integers", v1="yes"),
    _nibble("GPA", 24, "Generic authentication with QARMA5", v1="yes"),
    _nibble("SB", 36, "Speculation barrier instruction", v1="yes"),
    _nibble("SPECRES", 40, "Prediction invalidation instructions", v1="yes"),
    _nibble("BF16", 44, "BFloat16 instructions", v1="yes"),
    _nibble("I8MM", 52, "8-bit matrix multiplication instructions", v1="yes"),
    _nibble("XS", 56, "The nXS forms of DSB and TLBI"),
)
_ISAR2 = (
    _nibble("WFxT", 0, "WFE and WFI with a time limit", v2="yes"),
    _nibble("APA3", 12, "Pointer authentication with QARMA3"),
    _nibble("MOPS", 16, "Memory copy and set instructions", v1="yes"),
    _nibble("BC", 20, "Hinted conditional branches", v1="yes"),
    _nibble("PAC_frac", 24, "Constant pointer authentication fields"),
    _nibble("CSSC", 52, "Common short sequence instructions", v1="yes"),
)
_STAGE2_GRANULE = {0: "as stage 1", 1: "no", 2: "yes", 3: "with 52-bit addresses"}
_MMFR0 = (
    Field("PARange", 3, 0, "Physical address size", {0: "32", 1: "36", 2: "40", 3: "42", 4: "44", 5: "48", 6: "52"}),
    Field("ASIDBits", 7, 4, "ASID size", {0: "8 bits", 2: "16 bits"}),
    _nibble("BigEnd", 8, "Mixed-endian support above EL0"),
    _nibble("SNSMem", 12, "Secure and Non-secure memory are told apart", v1="yes"),
    _nibble("BigEndEL0", 16, "Mixed-endian support at EL0 only"),
    _nibble("TGran16", 20, "16 KB granule at stage 1", v1="yes", v2="with 52-bit addresses"),
    _nibble("TGran64", 24, "64 KB granule at stage 1", none=15, v0="yes"),
    _nibble("TGran4", 28, "4 KB granule at stage 1", none=15, v0="yes", v1="with 52-bit addresses"),
    Field("TGran16_2", 35, 32, "16 KB granule at stage 2", _STAGE2_GRANULE),
    Field("TGran64_2", 39, 36, "64 KB granule at stage 2", {0: "as stage 1", 1: "no", 2: "yes"}),
    Field("TGran4_2", 43, 40, "4 KB granule at stage 2", _STAGE2_GRANULE),
    _nibble("ExS", 44, "Exceptions that do not synchronise context"),
    _nibble("FGT", 56, "Fine-grained traps", v1="yes"),
    _nibble("ECV", 60, "Enhanced counter virtualisation", v1="without CNTPOFF_EL2", v2="yes"),
)
_MMFR1 = (
    _nibble("HAFDBS", 0, "Hardware update of descriptors", v1="Access flag", v2="Access flag and dirty state"),
    Field("VMIDBits", 7, 4, "VMID size", {0: "8 bits", 2: "16 bits"}),
    _nibble("VH", 8, "Virtualization Host Extensions", v1="yes"),
    _nibble("HPDS", 12, "Hierarchical permissions can be turned off", v1="yes", v2="and the bits reused"),
    _nibble("LO", 16, "Limited ordering regions"),
    _nibble("PAN", 20, "Privileged Access Never", v1="PAN", v2="and AT S1E1RP/WP", v3="and SCTLR_ELx.EPAN"),
    _nibble("SpecSEI", 24, "SErrors from speculative reads"),
    _nibble("XNX", 28, "Execute-never for EL1 and EL0 apart at stage 2", v1="yes"),
    _nibble("TWED", 32, "Delayed WFE traps"),
    _nibble("ETS", 36, "Enhanced translation synchronisation"),
    _nibble("HCX", 40, "HCRX_EL2", v1="yes"),
    _nibble("AFP", 44, "Alternate floating-point behaviour"),
    _nibble("nTLBPA", 48, "No caching of intermediate physical translations"),
    _nibble("TIDCP1", 52, "EL0 access to IMPLEMENTATION DEFINED registers can be trapped"),
    _nibble("CMOW", 56, "Cache maintenance needs write permission"),
    _nibble("ECBHB", 60, "Branch history from before an exception is not used after it"),
)
_MMFR2 = (
    _nibble("CnP", 0, "Common-not-Private translations", v1="yes"),
    _nibble("UAO", 4, "User Access Override", v1="yes"),
    _nibble("LSM", 8, "Control of load and store multiple"),
    _nibble("IESB", 12, "Implicit error synchronisation"),
    Field("VARange", 19, 16, "Virtual address size", {0: "48 bits", 1: "52 bits with 64 KB granules"}),
    Field("CCIDX", 23, 20, "Format of CCSIDR_EL1", {0: "32 bits", 1: "64 bits"}),
    _nibble("NV", 24, "Nested virtualisation"),
    _nibble("ST", 28, "Small translation tables", v1="yes"),
    _nibble("AT", 32, "Single-copy atomic unaligned accesses in 16 bytes"),
    Field("IDS", 39, 36, "Exception class of an ID register read at EL0", {0: "0x00", 1: "0x18"}),
    _nibble("FWB", 40, "Stage 2 can force write-back", v1="yes"),
    _nibble("TTL", 48, "Level hints in TLBI operands", v1="yes"),
    Field("BBM", 55, 52, "Level of support for changing block size", {0: "level 0", 1: "level 1", 2: "level 2"}),
    _nibble("EVT", 56, "Enhanced virtualisation traps", v1="of caches", v2="and of TLB maintenance by scope"),
    _nibble("E0PD", 60, "EL0 can be kept from half of the address space", v1="yes"),
)
_MMFR3 = (
    _nibble("TCRX", 0, "TCR2_ELx", v1="yes"),
    _nibble("SCTLRX", 4, "SCTLR2_ELx", v1="yes"),
    _nibble("S1PIE", 8, "Permission indirection at stage 1"),
    _nibble("S2PIE", 12, "Permission indirection at stage 2"),
    _nibble("S1POE", 16, "Permission overlays at stage 1"),
    _nibble("S2POE", 20, "Permission overlays at stage 2"),
    _nibble("AIE", 24, "Attribute index enhancement"),
    Field("MEC", 31, 28, "Memory Encryption Contexts", {0: "no", 1: "yes"}, feature="FEAT_MEC"),
    _nibble("D128", 32, "128-bit descriptors at stage 1"),
    _nibble("D128_2", 36, "128-bit descriptors at stage 2"),
    _nibble("SNERR", 40, "How Normal memory errors are reported on fetches"),
    _nibble("ANERR", 44, "Asynchronous errors on Normal memory reads"),
    _nibble("SDERR", 52, "Synchronous errors on Device memory reads"),
    _nibble("ADERR", 56, "Asynchronous errors on Device memory reads"),
    _nibble("Spec_FPACC", 60, "Speculation after a failed pointer authentication"),
)
_MMFR4 = (Field("E2H0", 27, 24, "HCR_EL2.E2H can be 0", {0: "yes", 15: "no"}),)

_MIDR = (
    Field("Implementer", 31, 24, "Who made it", {0: "reserved for software use"}),
    Field("Variant", 23, 20, "Major revision"),
    Field("Architecture", 19, 16, "Architecture version", {15: "see the ID registers"}),
    Field("PartNum", 15, 4, "Part number"),
    Field("Revision", 3, 0, "Minor revision"),
)
_MIDR_VALUE = packed(_MIDR, Architecture=0xF, PartNum=0x3EC)
_MPIDR = (
    Field("Aff3", 39, 32, "Affinity level 3"),
    bit("U", 30, "1: the only PE of the system", {0: "one of several", 1: "uniprocessor"}),
    bit("MT", 24, "1: the lowest affinity level is threads of one core"),
    Field("Aff2", 23, 16, "Affinity level 2"),
    Field("Aff1", 15, 8, "Affinity level 1"),
    Field("Aff0", 7, 0, "Affinity level 0: the PE's number"),
)
_CTR = (
    Field("TminLine", 37, 32, "Log2 of the words in a tag cache line"),
    bit("DIC", 29, "1: new instructions need no invalidation of instruction caches"),
    bit("IDC", 28, "1: new instructions need no cleaning of data caches"),
    Field("CWG", 27, 24, "Cache write-back granule: log2 of its words"),
    Field("ERG", 23, 20, "Exclusives reservation granule: log2 of its words"),
    Field("DminLine", 19, 16, "Log2 of the words in the smallest data cache line"),
    Field("L1Ip", 15, 14, "Instruction cache policy", {2: "VIPT", 3: "PIPT"}),
    Field("IminLine", 3, 0, "Log2 of the words in the smallest instruction cache line"),
)
_DCZID = (
    bit("DZP", 4, "1: DC ZVA is prohibited at this exception level"),
    Field("BS", 3, 0, "Log2 of the words that DC ZVA clears"),
)
_CLIDR = (
    Field("LoUU", 29, 27, "Level of Unification, uniprocessor"),
    Field("LoC", 26, 24, "Level of Coherence"),
    Field("LoUIS", 23, 21, "Level of Unification, Inner Shareable"),
    Field("Ctype1", 2, 0, "Cache type of level 1", {0: "no cache", 4: "unified cache"}),
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

_ISAR0_NAME, _ISAR1_NAME, _ISAR2_NAME = "ID_AA64ISAR0_EL1", "ID_AA64ISAR1_EL1", "ID_AA64ISAR2_EL1"

CLAIMS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "FEAT_LSE": ((f"{_ISAR0_NAME}.Atomic", 2),),
    "FEAT_CRC32": ((f"{_ISAR0_NAME}.CRC32", 1),),
    "FEAT_FlagM": ((f"{_ISAR0_NAME}.TS", 1),),
    "FEAT_FlagM2": ((f"{_ISAR0_NAME}.TS", 2),),
    "FEAT_RNG": ((f"{_ISAR0_NAME}.RNDR", 1),),
    "FEAT_RNG_TRAP": (("ID_AA64PFR1_EL1.RNDR_trap", 1),),
    "FEAT_DPB": ((f"{_ISAR1_NAME}.DPB", 1),),
    "FEAT_DPB2": ((f"{_ISAR1_NAME}.DPB", 2),),
    "FEAT_LRCPC": ((f"{_ISAR1_NAME}.LRCPC", 1),),
    "FEAT_LRCPC2": ((f"{_ISAR1_NAME}.LRCPC", 2),),
    "FEAT_SB": ((f"{_ISAR1_NAME}.SB", 1),),
    "FEAT_SPECRES": ((f"{_ISAR1_NAME}.SPECRES", 1),),
    "FEAT_WFxT": ((f"{_ISAR2_NAME}.WFxT", 2),),
    "FEAT_HBC": ((f"{_ISAR2_NAME}.BC", 1),),
    "FEAT_MOPS": ((f"{_ISAR2_NAME}.MOPS", 1),),
    "FEAT_CSSC": ((f"{_ISAR2_NAME}.CSSC", 1),),
    "FEAT_PAuth": ((f"{_ISAR1_NAME}.APA", 1), (f"{_ISAR1_NAME}.GPA", 1)),
    "FEAT_PAuth2": ((f"{_ISAR1_NAME}.APA", 3),),
    "FEAT_FPAC": ((f"{_ISAR1_NAME}.APA", 4),),
    "FEAT_FPACCOMBINE": ((f"{_ISAR1_NAME}.APA", 5),),
    "FEAT_BTI": (("ID_AA64PFR1_EL1.BT", 1),),
    "FEAT_LSE2": (("ID_AA64MMFR2_EL1.AT", 1),),
    "FEAT_DIT": (("ID_AA64PFR0_EL1.DIT", 1),),
    "FEAT_SSBS": (("ID_AA64PFR1_EL1.SSBS", 1),),
    "FEAT_SSBS2": (("ID_AA64PFR1_EL1.SSBS", 2),),
    "FEAT_AES": ((f"{_ISAR0_NAME}.AES", 1),),
    "FEAT_PMULL": ((f"{_ISAR0_NAME}.AES", 2),),
    "FEAT_SHA1": ((f"{_ISAR0_NAME}.SHA1", 1),),
    "FEAT_SHA256": ((f"{_ISAR0_NAME}.SHA2", 1),),
    "FEAT_SHA512": ((f"{_ISAR0_NAME}.SHA2", 2),),
    "FEAT_SHA3": ((f"{_ISAR0_NAME}.SHA3", 1),),
    "FEAT_SM3": ((f"{_ISAR0_NAME}.SM3", 1),),
    "FEAT_SM4": ((f"{_ISAR0_NAME}.SM4", 1),),
    "FEAT_RDM": ((f"{_ISAR0_NAME}.RDM", 1),),
    "FEAT_DotProd": ((f"{_ISAR0_NAME}.DP", 1),),
    "FEAT_FHM": ((f"{_ISAR0_NAME}.FHM", 1),),
    "FEAT_FCMA": ((f"{_ISAR1_NAME}.FCMA", 1),),
    "FEAT_I8MM": ((f"{_ISAR1_NAME}.I8MM", 1),),
    "FEAT_FP": (("ID_AA64PFR0_EL1.FP", 0),),
    "FEAT_AdvSIMD": (("ID_AA64PFR0_EL1.AdvSIMD", 0),),
    "FEAT_FP16": (("ID_AA64PFR0_EL1.FP", 1), ("ID_AA64PFR0_EL1.AdvSIMD", 1)),
    "FEAT_JSCVT": ((f"{_ISAR1_NAME}.JSCVT", 1),),
    "FEAT_FRINTTS": ((f"{_ISAR1_NAME}.FRINTTS", 1),),
    "FEAT_BF16": ((f"{_ISAR1_NAME}.BF16", 1),),
}
"""What each instruction set feature adds to the ID registers: fields and their values, the highest value winning."""

REGISTERS: tuple[Register, ...] = (
    Register(
        "MIDR_EL1",
        (3, 0, 0, 0, 0),
        "Main ID: which processor this is",
        _MIDR,
        mode=Mode.RO,
        reset=_MIDR_VALUE,
        group="id",
        virtual="VPIDR_EL2",
    ),
    Register(
        "MPIDR_EL1",
        (3, 0, 0, 0, 5),
        "Multiprocessor affinity: which PE of the system this is",
        _MPIDR,
        mode=Mode.RO,
        reset=1 << 31,
        res1=1 << 31,
        group="id",
        virtual="VMPIDR_EL2",
    ),
    Register(
        "REVIDR_EL1",
        (3, 0, 0, 0, 6),
        "Revision details beyond MIDR_EL1: none",
        mode=Mode.RO,
        group="id",
        traps=ID_GROUP_1,
    ),
    Register(
        "AIDR_EL1",
        (3, 1, 0, 0, 7),
        "Auxiliary ID, IMPLEMENTATION DEFINED: none",
        mode=Mode.RO,
        group="id",
        traps=ID_GROUP_1,
    ),
    # Out of reset EL1 sees the true identity, as if a hypervisor had copied it.
    Register(
        "VPIDR_EL2",
        (3, 4, 0, 0, 0),
        "What EL1 reads as MIDR_EL1",
        _MIDR,
        el=2,
        reset=_MIDR_VALUE,
        group="id",
    ),
    Register(
        "VMPIDR_EL2",
        (3, 4, 0, 0, 5),
        "What EL1 reads as MPIDR_EL1",
        _MPIDR,
        el=2,
        reset=1 << 31,
        res1=1 << 31,
        group="id",
    ),
    *(_id(name, crm, op2, "AArch32 feature register: no AArch32 here, reads as zero") for name, crm, op2 in _AARCH32),
    _id(
        "ID_AA64PFR0_EL1",
        4,
        0,
        "Processor features 0: exception levels, Secure EL2, RME",
        _PFR0,
        EL0=1,
        EL1=1,
        EL2=1,
        EL3=1,
        FP=15,
        AdvSIMD=15,
        SEL2=1,
        RME=2,
    ),
    _id("ID_AA64PFR1_EL1", 4, 1, "Processor features 1: branch targets, memory tagging", _PFR1),
    _id("ID_AA64PFR2_EL1", 4, 2, "Processor features 2: none"),
    _id("ID_AA64ZFR0_EL1", 4, 4, "SVE features: none"),
    _id("ID_AA64SMFR0_EL1", 4, 5, "SME features: none"),
    _id("ID_AA64FPFR0_EL1", 4, 7, "FP8 features: none"),
    _id(
        "ID_AA64DFR0_EL1",
        5,
        0,
        "Debug features 0",
        _DFR0,
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
    _id("ID_AA64ISAR0_EL1", 6, 0, "Instruction sets 0: atomics, crypto, TLB maintenance", _ISAR0, TLB=2),
    _id("ID_AA64ISAR1_EL1", 6, 1, "Instruction sets 1: pointer authentication, barriers", _ISAR1),
    _id("ID_AA64ISAR2_EL1", 6, 2, "Instruction sets 2: short sequences, memory copies", _ISAR2),
    _id("ID_AA64ISAR3_EL1", 6, 3, "Instruction sets 3: none"),
    _id(
        "ID_AA64MMFR0_EL1",
        7,
        0,
        "Memory model 0: address sizes and granules",
        _MMFR0,
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
        _MMFR1,
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
        _MMFR2,
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
    _id("ID_AA64MMFR3_EL1", 7, 3, "Memory model 3: TCR2, SCTLR2, MEC", _MMFR3, TCRX=1, SCTLRX=1, MEC=1),
    _id("ID_AA64MMFR4_EL1", 7, 4, "Memory model 4: E2H", _MMFR4),
    Register(
        "CTR_EL0",
        (3, 3, 0, 0, 1),
        "Cache type: line sizes, and what new instructions need",
        _CTR,
        el=0,
        mode=Mode.RO,
        reset=packed(_CTR, IminLine=4, L1Ip=3, DminLine=4, ERG=4, CWG=4, IDC=1, DIC=1) | 1 << 31,
        res1=1 << 31,
        group="id",
        traps=CACHE_TYPE,
    ),
    Register(
        "DCZID_EL0",
        (3, 3, 0, 0, 7),
        "DC ZVA: block size, and whether it may be used",
        _DCZID,
        el=0,
        mode=Mode.RO,
        reset=packed(_DCZID, BS=4),
        group="id",
        hook="zva",
    ),
    # Unless the data cache is modelled (emu.caches) memory behaves as if there were none at all, so none is announced
    # and software's set/way loops end at once.
    Register(
        "CLIDR_EL1",
        (3, 1, 0, 0, 1),
        "Cache levels",
        _CLIDR,
        mode=Mode.RO,
        group="id",
        traps=CACHE_GEOMETRY,
    ),
    Register(
        "CCSIDR_EL1",
        (3, 1, 0, 0, 0),
        "Geometry of the cache that CSSELR_EL1 selects; 0 where no cache is modelled",
        mode=Mode.RO,
        group="id",
        traps=CACHE_GEOMETRY,
    ),
    Register(
        "CSSELR_EL1",
        (3, 2, 0, 0, 0),
        "Selects the cache that CCSIDR_EL1 describes",
        (Field("Level", 3, 1, "Cache level, minus 1"), bit("InD", 0, "Instruction cache instead of data")),
        group="id",
        traps=CACHE_GEOMETRY,
    ),
)


def _reserved() -> tuple[Register, ...]:
    named = {register.encoding for register in REGISTERS}
    traps: tuple[Trap, ...] = ID_GROUP_3
    return tuple(
        Register(f"S3_0_C0_C{crm}_{op2}", (3, 0, 0, crm, op2), "Reserved, reads as zero", mode=Mode.RO, traps=traps)
        for crm in range(1, 8)
        for op2 in range(8)
        if (3, 0, 0, crm, op2) not in named
    )


RESERVED: tuple[Register, ...] = _reserved()
"""Encodings of the ID space that the architecture holds for later: readable at EL1 and above, always zero."""
