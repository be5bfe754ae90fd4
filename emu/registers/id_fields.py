"""What the fields of the AArch64 feature registers say: each with its values in words."""

from __future__ import annotations

from emu.registers.model import Field


def _nibble(name: str, low: int, meaning: str, none: int = 0, **yes: str) -> Field:
    """A four-bit ID field; `none` is the value that says the feature is absent."""
    return Field(name, low + 3, low, meaning, {none: "no"} | {int(code[1:]): text for code, text in yes.items()})


PFR0 = (
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
PFR1 = (
    _nibble("BT", 0, "Branch target identification", v1="yes"),
    _nibble("SSBS", 4, "Speculative store bypass control", v1="PSTATE.SSBS", v2="and MSR and MRS of it"),
    _nibble("MTE", 8, "Memory tagging"),
    _nibble("RNDR_trap", 28, "Reads of random numbers can be trapped to EL3", v1="yes"),
)
DFR0 = (
    Field("DebugVer", 3, 0, "Debug architecture version", {6: "Armv8", 7: "with Virtualization Host Extensions"}),
    _nibble("TraceVer", 4, "System register access to a trace unit"),
    _nibble("PMUVer", 8, "Performance monitors", v7="PMUv3 for Armv8.7"),
    Field("BRPs", 15, 12, "Number of breakpoints, minus 1"),
    Field("WRPs", 23, 20, "Number of watchpoints, minus 1"),
    Field("CTX_CMPs", 31, 28, "Number of context-aware breakpoints, minus 1"),
    _nibble("DoubleLock", 36, "OS Double Lock", none=15, v0="yes"),
    _nibble("MTPMU", 48, "Events of several threads can be counted together", none=15, v0="as it likes", v1="yes"),
)
ISAR0 = (
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
ISAR1 = (
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
ISAR2 = (
    _nibble("WFxT", 0, "WFE and WFI with a time limit", v2="yes"),
    _nibble("APA3", 12, "Pointer authentication with QARMA3"),
    _nibble("MOPS", 16, "Memory copy and set instructions", v1="yes"),
    _nibble("BC", 20, "Hinted conditional branches", v1="yes"),
    _nibble("PAC_frac", 24, "Constant pointer authentication fields"),
    _nibble("CSSC", 52, "Common short sequence instructions", v1="yes"),
)
_STAGE2_GRANULE = {0: "as stage 1", 1: "no", 2: "yes", 3: "with 52-bit addresses"}
MMFR0 = (
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
MMFR1 = (
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
MMFR2 = (
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
MMFR3 = (
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
MMFR4 = (Field("E2H0", 27, 24, "HCR_EL2.E2H can be 0", {0: "yes", 15: "no"}),)
