"""System control registers: what each exception level switches on, and what it traps from below."""

from __future__ import annotations

from emu.registers.model import Field, Register, Reset, Trap, bit
from emu.registers.traps import AUXILIARY_CONTROL, VIRTUAL_MEMORY, extended_control

_HOST = ("HCR_EL2.E2H", 1)
_NOT_HOST = ("HCR_EL2.E2H", 0)

_M = bit("M", 0, "Stage 1 translation on")
_A = bit("A", 1, "Alignment checking")
_C = bit("C", 2, "Data may be cached")
_SA = bit("SA", 3, "SP alignment checking")
_I = bit("I", 12, "Instructions may be cached")
_WXN = bit("WXN", 19, "Writable memory is never executable")
_POINTERS = (
    bit("EnDB", 13, "Pointer authentication with key DB", feature="FEAT_PAuth"),
    bit("EnDA", 27, "Pointer authentication with key DA", feature="FEAT_PAuth"),
    bit("EnIB", 30, "Pointer authentication with key IB", feature="FEAT_PAuth"),
    bit("EnIA", 31, "Pointer authentication with key IA", feature="FEAT_PAuth"),
)
_BT = bit("BT", 36, "PACIASP and PACIBSP are no landing pads for jumps", feature="FEAT_BTI")
_MSCEN = "EL0 may use memory copy and set instructions"
_NAA = bit("nAA", 6, "Acquire and release may be unaligned", feature="FEAT_LSE2")
_DSSBS = bit("DSSBS", 44, "PSTATE.SSBS after an exception to this level", feature="FEAT_SSBS")
# With little-endian data only, EE and E0E are RES0 and not listed; without ExS, EIS and EOS are RES1.

_SCTLR_EL1 = (
    _M,
    _A,
    _C,
    _SA,
    bit("SA0", 4, "SP alignment checking at EL0"),
    _NAA,
    *_POINTERS,
    bit("BT0", 35, "PACIASP and PACIBSP are no landing pads for jumps at EL0", feature="FEAT_BTI"),
    bit("BT1", 36, "PACIASP and PACIBSP are no landing pads for jumps at EL1", feature="FEAT_BTI"),
    bit("UMA", 9, "EL0 may access DAIF"),
    bit("EnRCTX", 10, "EL0 may use CFP, DVP and CPP RCTX", feature="FEAT_SPECRES"),
    _I,
    bit("DZE", 14, "EL0 may use DC ZVA"),
    bit("UCT", 15, "EL0 may read CTR_EL0"),
    bit("nTWI", 16, "WFI at EL0 is not trapped"),
    bit("nTWE", 18, "WFE at EL0 is not trapped"),
    _WXN,
    bit("SPAN", 23, "Exceptions to this level leave PSTATE.PAN alone", {0: "PAN is set", 1: "PAN is kept"}),
    bit("UCI", 26, "EL0 may use cache maintenance by address"),
    bit("MSCEn", 33, _MSCEN, feature="FEAT_MOPS"),
    _DSSBS,
    bit("EPAN", 57, "PAN also covers pages that EL0 may execute"),
)

# The manual shows EL0's bits only while TGE is 1 too. They are EL0 controls: nothing looks at them before that.
_SCTLR_EL2 = (
    _M,
    _A,
    _C,
    _SA,
    bit("SA0", 4, "SP alignment checking at EL0", when=_HOST),
    _NAA,
    *_POINTERS,
    bit("BT0", 35, "PACIASP and PACIBSP are no landing pads for jumps at EL0", when=_HOST, feature="FEAT_BTI"),
    _BT,
    bit("EnRCTX", 10, "EL0 may use CFP, DVP and CPP RCTX", when=_HOST, feature="FEAT_SPECRES"),
    _I,
    bit("DZE", 14, "EL0 may use DC ZVA", when=_HOST),
    bit("UCT", 15, "EL0 may read CTR_EL0", when=_HOST),
    bit("nTWI", 16, "WFI at EL0 is not trapped", when=_HOST),
    bit("nTWE", 18, "WFE at EL0 is not trapped", when=_HOST),
    _WXN,
    bit("SPAN", 23, "Exceptions to this level leave PSTATE.PAN alone", when=_HOST),
    bit("UCI", 26, "EL0 may use cache maintenance by address", when=_HOST),
    bit("MSCEn", 33, _MSCEN, when=_HOST, feature="FEAT_MOPS"),
    _DSSBS,
    bit("EPAN", 57, "PAN also covers pages that EL0 may execute", when=_HOST),
)

_FPEN = {0: "EL1 and EL0 trap", 1: "EL0 traps", 2: "EL1 and EL0 trap", 3: "no trap"}

# The bits of NV, RAS and MTE are RES0, as those features are absent; so is TID0, which traps AArch32 only.
# Three exceptions work although their feature (NV for AT, RAS for TEA, DoubleFault for SCR_EL3.EASE) is not announced:
# trapping AT and routing external aborts are useful by themselves.
_HCR = (
    bit("VM", 0, "Stage 2 translation on for EL1 and EL0"),
    bit("SWIO", 1, "Set/way invalidation also cleans"),
    bit("PTW", 2, "A stage 1 walk that reaches Device memory faults at stage 2"),
    bit("FMO", 3, "FIQs go to EL2 and virtual FIQs are on"),
    bit("IMO", 4, "IRQs go to EL2 and virtual IRQs are on"),
    bit("AMO", 5, "SErrors go to EL2 and virtual SErrors are on"),
    bit("VF", 6, "A virtual FIQ is pending"),
    bit("VI", 7, "A virtual IRQ is pending"),
    bit("VSE", 8, "A virtual SError is pending"),
    bit("FB", 9, "EL1's TLB and instruction cache maintenance is broadcast"),
    Field("BSU", 11, 10, "Least shareability domain of EL1's barriers", {0: "none", 1: "ISH", 2: "OSH", 3: "system"}),
    bit("DC", 12, "Default cacheable: EL1 stage 1 off, stage 2 on, data Normal write-back"),
    bit("TWI", 13, "Trap WFI of EL1 and EL0"),
    bit("TWE", 14, "Trap WFE of EL1 and EL0"),
    bit("TID1", 16, "Trap ID group 1: REVIDR_EL1, AIDR_EL1"),
    bit("TID2", 17, "Trap ID group 2: cache types"),
    bit("TID3", 18, "Trap ID group 3: feature registers"),
    bit("TSC", 19, "Trap SMC of EL1"),
    bit("TIDCP", 20, "Trap IMPLEMENTATION DEFINED registers and instructions of EL1"),
    bit("TACR", 21, "Trap ACTLR_EL1"),
    bit("TSW", 22, "Trap cache maintenance by set/way"),
    bit("TPC", 23, "Trap data cache maintenance to the Point of Coherence"),
    bit("TPU", 24, "Trap cache maintenance to the Point of Unification"),
    bit("TTLB", 25, "Trap TLB maintenance of EL1"),
    bit("TVM", 26, "Trap writes of EL1's translation controls"),
    bit("TGE", 27, "EL0's exceptions go to EL2"),
    bit("TDZ", 28, "Trap DC ZVA"),
    bit("TRVM", 30, "Trap reads of EL1's translation controls"),
    bit("RW", 31, "EL1 is AArch64; always 1 here"),
    bit("CD", 32, "Stage 2 makes data Non-cacheable"),
    bit("ID", 33, "Stage 2 makes instructions Non-cacheable"),
    bit("E2H", 34, "EL2 is a host: EL2&0 regime, and the _EL1 names reach EL2's registers"),
    bit("TEA", 37, "Synchronous external aborts of EL1 and EL0 go to EL2"),
    bit("APK", 40, "EL1 may use the pointer authentication keys", feature="FEAT_PAuth"),
    bit("API", 41, "EL1 and EL0 may use pointer authentication instructions", feature="FEAT_PAuth"),
    bit("AT", 44, "Trap address translation instructions of EL1"),
    bit("FWB", 46, "Stage 2 attributes can force write-back"),
    bit("GPF", 48, "Granule protection faults of EL1 and EL0 go to EL2"),
    bit("TID4", 49, "Trap ID group 4: cache geometry"),
    bit("TICAB", 50, "Trap IC IALLUIS"),
    bit("TOCU", 52, "Trap cache maintenance to the Point of Unification, but IC IALLUIS"),
    bit("TTLBIS", 54, "Trap Inner Shareable TLB maintenance of EL1"),
    bit("TTLBOS", 55, "Trap Outer Shareable TLB maintenance of EL1"),
)

# SCR_EL3 and HCR_EL2 reset to UNKNOWN values in the manual where software must set them; zero is the common choice of
# implementations, QEMU among them, and lets bare guests run that never touch them.
_SCR = (
    bit("NS", 0, "With NSE, the Security state below EL3", {0: "Secure", 1: "Non-secure, or Realm if NSE"}),
    bit("IRQ", 1, "IRQs go to EL3"),
    bit("FIQ", 2, "FIQs go to EL3"),
    bit("EA", 3, "External aborts and SErrors go to EL3"),
    bit("SMD", 7, "SMC is UNDEFINED"),
    bit("HCE", 8, "HVC works; otherwise it is UNDEFINED"),
    bit("SIF", 9, "Secure state may not execute from Non-secure memory"),
    bit("RW", 10, "The next lower level is AArch64; always 1 here"),
    bit("ST", 11, "Secure EL1 may use the Secure timer"),
    bit("TWI", 12, "Trap WFI from below EL3"),
    bit("TWE", 13, "Trap WFE from below EL3"),
    bit("APK", 16, "EL2 and EL1 may use the pointer authentication keys", feature="FEAT_PAuth"),
    bit("API", 17, "Below EL3 pointer authentication instructions may be used", feature="FEAT_PAuth"),
    bit("EEL2", 18, "Secure state has an EL2"),
    bit("EASE", 19, "Synchronous external aborts taken to EL3 use the SError vector"),
    bit("FGTEn", 27, "EL2's fine-grained traps work; otherwise accesses to their registers trap and they act as 0"),
    bit("ECVEn", 28, "CNTPOFF_EL2 works; otherwise accesses trap and it acts as 0"),
    bit("TRNDR", 40, "Trap reads of RNDR and RNDRRS to EL3", feature="FEAT_RNG_TRAP"),
    bit("HXEn", 38, "HCRX_EL2 works; otherwise accesses trap and it acts as 0"),
    bit("TCR2En", 43, "TCR2_EL1 and TCR2_EL2 work; otherwise accesses trap and they act as 0"),
    bit("SCTLR2En", 44, "SCTLR2_EL1 and SCTLR2_EL2 work; otherwise accesses trap and they act as 0"),
    bit("GPF", 48, "Granule protection faults go to EL3 as GPC exceptions"),
    bit(
        "MECEn",
        49,
        "EL2's MECID registers work; otherwise accesses trap and they act as 0",
        feature="FEAT_MEC",
    ),
    bit("NSE", 62, "With NS, the Security state below EL3", {0: "Secure or Non-secure", 1: "Realm if NS"}),
)

_EMEC = bit("EMEC", 1, "Memory encryption contexts are used", {0: "every MECID is 0"}, feature="FEAT_MEC")

_EL3_LOCK = (Trap(2, 3, "CPTR_EL3.TCPAC"),)

REGISTERS: tuple[Register, ...] = (
    Register(
        "SCTLR_EL1",
        (3, 0, 1, 0, 0),
        "System control of EL1 and EL0",
        _SCTLR_EL1,
        reset=0x3050_0980,
        res1=0x3050_0980,
        group="control",
        traps=VIRTUAL_MEMORY,
        vhe="SCTLR_EL2",
        hook="translation",
    ),
    Register(
        "SCTLR_EL12",
        (3, 5, 1, 0, 0),
        "SCTLR_EL1, from an EL2 host",
        _SCTLR_EL1,
        el=2,
        group="control",
        alias_of="SCTLR_EL1",
        hook="translation",
    ),
    # SA0, nTWI, nTWE and SPAN are RES1 in the E2H=0 layout: they start as 1 and can be written for the other one.
    Register(
        "SCTLR_EL2",
        (3, 4, 1, 0, 0),
        "System control of EL2, and of EL0 under an EL2 host",
        _SCTLR_EL2,
        el=2,
        reset=0x30C5_0830,
        res1=0x3040_0820,
        group="control",
        hook="translation",
    ),
    Register(
        "SCTLR_EL3",
        (3, 6, 1, 0, 0),
        "System control of EL3",
        (_M, _A, _C, _SA, _NAA, *_POINTERS, _I, _WXN, _BT, _DSSBS),
        el=3,
        reset=0x30C5_0830,
        res1=0x30C5_0830,
        group="control",
        hook="translation",
    ),
    Register(
        "SCTLR2_EL1",
        (3, 0, 1, 0, 3),
        "System control of EL1, continued; none of its features is here",
        group="control",
        traps=extended_control("SCTLR2En"),
        vhe="SCTLR2_EL2",
        enabled_by="SCR_EL3.SCTLR2En",
    ),
    Register(
        "SCTLR2_EL12",
        (3, 5, 1, 0, 3),
        "SCTLR2_EL1, from an EL2 host",
        el=2,
        group="control",
        traps=(Trap(2, 3, "SCR_EL3.SCTLR2En", value=0),),
        alias_of="SCTLR2_EL1",
        enabled_by="SCR_EL3.SCTLR2En",
    ),
    Register(
        "SCTLR2_EL2",
        (3, 4, 1, 0, 3),
        "System control of EL2, continued: memory encryption for Realm EL2, EL1 and EL0",
        (_EMEC,),
        el=2,
        reset=Reset.UNKNOWN,
        group="control",
        traps=(Trap(2, 3, "SCR_EL3.SCTLR2En", value=0),),
        hook="translation",
        enabled_by="SCR_EL3.SCTLR2En",
    ),
    Register(
        "SCTLR2_EL3",
        (3, 6, 1, 0, 3),
        "System control of EL3, continued: memory encryption for EL3's Realm accesses",
        (_EMEC,),
        el=3,
        group="control",
        hook="translation",
    ),
    Register(
        "ACTLR_EL1",
        (3, 0, 1, 0, 1),
        "Auxiliary control of EL1, IMPLEMENTATION DEFINED: empty",
        group="control",
        traps=AUXILIARY_CONTROL,
    ),
    Register("ACTLR_EL2", (3, 4, 1, 0, 1), "Auxiliary control of EL2: empty", el=2, group="control"),
    Register("ACTLR_EL3", (3, 6, 1, 0, 1), "Auxiliary control of EL3: empty", el=3, group="control"),
    Register(
        "CPACR_EL1",
        (3, 0, 1, 0, 2),
        "Access of EL1 and EL0 to floating point",
        (Field("FPEN", 21, 20, "Traps of floating point to EL1", _FPEN),),
        group="control",
        traps=(Trap(1, 2, "CPTR_EL2.TCPAC"), Trap(1, 3, "CPTR_EL3.TCPAC"), *_EL3_LOCK),
        vhe="CPTR_EL2",
        hook="fp_access",
    ),
    Register(
        "CPACR_EL12",
        (3, 5, 1, 0, 2),
        "CPACR_EL1, from an EL2 host",
        (Field("FPEN", 21, 20, "Traps of floating point to EL1", _FPEN),),
        el=2,
        group="control",
        traps=_EL3_LOCK,
        alias_of="CPACR_EL1",
        hook="fp_access",
    ),
    Register(
        "CPTR_EL2",
        (3, 4, 1, 1, 2),
        "Traps of floating point and of CPACR_EL1 to EL2",
        (
            bit("TFP", 10, "Trap floating point to EL2", when=_NOT_HOST),
            Field("FPEN", 21, 20, "Traps of floating point to EL2", _FPEN, when=_HOST),
            bit("TCPAC", 31, "Trap CPACR_EL1 to EL2"),
        ),
        el=2,
        group="control",
        traps=_EL3_LOCK,
        hook="fp_access",
    ),
    Register(
        "CPTR_EL3",
        (3, 6, 1, 1, 2),
        "Traps of floating point and of CPTR_EL2 and CPACR_EL1 to EL3",
        (bit("TFP", 10, "Trap floating point to EL3"), bit("TCPAC", 31, "Trap CPTR_EL2 and CPACR_EL1 to EL3")),
        el=3,
        group="control",
        hook="fp_access",
    ),
    Register(
        "HCR_EL2",
        (3, 4, 1, 1, 0),
        "Hypervisor configuration: stage 2, routing and traps",
        _HCR,
        el=2,
        reset=1 << 31,
        res1=1 << 31,
        group="control",
        hook="translation",
    ),
    Register(
        "HCRX_EL2",
        (3, 4, 1, 2, 2),
        "Hypervisor configuration, continued",
        (
            bit("MCE2", 10, "Memory copy exceptions of EL1 and EL0 go to EL2", feature="FEAT_MOPS"),
            bit("MSCEn", 11, "EL1 and EL0 may use memory copy and set instructions", feature="FEAT_MOPS"),
            bit("TCR2En", 14, "TCR2_EL1 is not trapped to EL2"),
            bit("SCTLR2En", 15, "SCTLR2_EL1 is not trapped to EL2"),
        ),
        el=2,
        group="control",
        traps=(Trap(2, 3, "SCR_EL3.HXEn", value=0),),
        enabled_by="SCR_EL3.HXEn",
    ),
    # All of HSTR_EL2 is about AArch32.
    Register("HSTR_EL2", (3, 4, 1, 1, 3), "Traps of AArch32 system registers: empty", el=2, group="control"),
    Register("HACR_EL2", (3, 4, 1, 1, 7), "Auxiliary hypervisor control: empty", el=2, group="control"),
    Register(
        "SCR_EL3",
        (3, 6, 1, 1, 0),
        "Secure configuration: the Security state below EL3, routing, and what lower levels may use",
        _SCR,
        el=3,
        reset=0x430,
        res1=0x430,
        # The manual leaves most of this register UNKNOWN; here those fields whose omission MEC firmware gets wrong.
        unknown=("TCR2En", "SCTLR2En", "MECEn"),
        group="control",
        hook="translation",
    ),
)
