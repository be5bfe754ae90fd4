"""Registers of address translation, in the layouts of VMSAv8-64 with 64-bit descriptors."""

from __future__ import annotations

from emu.registers.model import Field, Register, Reset, Trap, bit
from emu.registers.traps import SECURE_EL2, VIRTUAL_MEMORY, extended_control

_HOST = ("HCR_EL2.E2H", 1)
_NOT_HOST = ("HCR_EL2.E2H", 0)

_GRANULE_0 = {0: "4 KB", 1: "64 KB", 2: "16 KB"}
_GRANULE_1 = {1: "16 KB", 2: "4 KB", 3: "64 KB"}
_CACHEABILITY = {0: "Non-cacheable", 1: "WB RA WA", 2: "WT RA", 3: "WB RA"}
_SHAREABILITY = {0: "NSH", 2: "OSH", 3: "ISH"}
_SIZE = {0: "32 bits", 1: "36 bits", 2: "40 bits", 3: "42 bits", 4: "44 bits", 5: "48 bits", 6: "52 bits"}
_DS = "52-bit addresses with the 4 KB and 16 KB granules: other places of descriptors hold addresses"


def _reused(half: str, low: int, when: tuple[str, int] | None = None) -> tuple[Field, ...]:
    """HWU59 to HWU62: which bits of leaves may have an IMPLEMENTATION DEFINED use; none has one here."""
    return tuple(
        bit(f"HWU{half}{59 + index}", low + index, f"Bit {59 + index} of leaves may be used by hardware", when=when)
        for index in range(4)
    )


def _two_ranges(when: tuple[str, int] | None = None) -> tuple[Field, ...]:
    """The layout of TCR_EL1, and of TCR_EL2 when E2H is 1."""
    return (
        Field("T0SZ", 5, 0, "The lower range is 2^(64-T0SZ) bytes", when=when),
        bit("EPD0", 7, "No walks through TTBR0: a miss faults", when=when),
        Field("IRGN0", 9, 8, "Inner cacheability of walks through TTBR0", _CACHEABILITY, when),
        Field("ORGN0", 11, 10, "Outer cacheability of walks through TTBR0", _CACHEABILITY, when),
        Field("SH0", 13, 12, "Shareability of walks through TTBR0", _SHAREABILITY, when),
        Field("TG0", 15, 14, "Granule of the lower range", _GRANULE_0, when),
        Field("T1SZ", 21, 16, "The upper range is 2^(64-T1SZ) bytes", when=when),
        bit("A1", 22, "Which TTBR holds the ASID", {0: "TTBR0", 1: "TTBR1"}, when=when),
        bit("EPD1", 23, "No walks through TTBR1: a miss faults", when=when),
        Field("IRGN1", 25, 24, "Inner cacheability of walks through TTBR1", _CACHEABILITY, when),
        Field("ORGN1", 27, 26, "Outer cacheability of walks through TTBR1", _CACHEABILITY, when),
        Field("SH1", 29, 28, "Shareability of walks through TTBR1", _SHAREABILITY, when),
        Field("TG1", 31, 30, "Granule of the upper range", _GRANULE_1, when),
        Field("IPS", 34, 32, "Output address size", _SIZE, when),
        bit("AS", 36, "ASID size", {0: "8 bits", 1: "16 bits"}, when=when),
        bit("TBI0", 37, "The top byte of lower addresses is ignored", when=when),
        bit("TBI1", 38, "The top byte of upper addresses is ignored", when=when),
        bit("TBID0", 51, "TBI0 is about data alone", when=when, feature="FEAT_PAuth"),
        bit("TBID1", 52, "TBI1 is about data alone", when=when, feature="FEAT_PAuth"),
        bit("HPD0", 41, "Hierarchical permissions are off in the lower range", when=when),
        bit("HPD1", 42, "Hierarchical permissions are off in the upper range", when=when),
        bit("HA", 39, "Hardware sets the Access flag", when=when),
        bit("HD", 40, "With HA, hardware sets the dirty state", when=when),
        *_reused("0", 43, when),
        *_reused("1", 47, when),
        bit("E0PD0", 55, "EL0 faults on the lower range", when=when),
        bit("E0PD1", 56, "EL0 faults on the upper range", when=when),
        bit("DS", 59, _DS, when=when),
    )


def _one_range(when: tuple[str, int] | None = None) -> tuple[Field, ...]:
    """The layout of TCR_EL3, and of TCR_EL2 when E2H is 0."""
    return (
        Field("T0SZ", 5, 0, "The range is 2^(64-T0SZ) bytes", when=when),
        Field("IRGN0", 9, 8, "Inner cacheability of walks", _CACHEABILITY, when),
        Field("ORGN0", 11, 10, "Outer cacheability of walks", _CACHEABILITY, when),
        Field("SH0", 13, 12, "Shareability of walks", _SHAREABILITY, when),
        Field("TG0", 15, 14, "Granule", _GRANULE_0, when),
        Field("PS", 18, 16, "Output address size", _SIZE, when),
        bit("TBI", 20, "The top byte of addresses is ignored", when=when),
        bit("TBID", 29, "TBI is about data alone", when=when, feature="FEAT_PAuth"),
        bit("HA", 21, "Hardware sets the Access flag", when=when),
        bit("HD", 22, "With HA, hardware sets the dirty state", when=when),
        bit("HPD", 24, "Hierarchical permissions are off", when=when),
        *_reused("", 25, when),
        bit("DS", 32, _DS, when=when),
    )


_TTBR = (
    Field("ASID", 63, 48, "Address space identifier, if TCR.A1 selects this register"),
    Field("BADDR", 47, 1, "Base address of the table, bits [47:1]; of a 52-bit one, [51:48] are in bits [5:2]"),
    bit("CnP", 0, "Common not Private: other PEs use the same tables"),
)
_TTBR_NO_ASID = _TTBR[1:]
_VTTBR = (
    Field("VMID", 63, 48, "Virtual machine identifier"),
    Field("BADDR", 47, 1, "Base address of the stage 2 table, bits [47:1]; of a 52-bit one, [51:48] are in bits [5:2]"),
    bit("CnP", 0, "Common not Private: other PEs use the same tables"),
)
_VTCR = (
    Field("T0SZ", 5, 0, "The intermediate range is 2^(64-T0SZ) bytes"),
    Field("SL0", 7, 6, "Level at which stage 2 walks start; its code depends on the granule"),
    Field("IRGN0", 9, 8, "Inner cacheability of stage 2 walks", _CACHEABILITY),
    Field("ORGN0", 11, 10, "Outer cacheability of stage 2 walks", _CACHEABILITY),
    Field("SH0", 13, 12, "Shareability of stage 2 walks", _SHAREABILITY),
    Field("TG0", 15, 14, "Granule of stage 2", _GRANULE_0),
    Field("PS", 18, 16, "Output address size of stage 2", _SIZE),
    bit("VS", 19, "VMID size", {0: "8 bits", 1: "16 bits"}),
    bit("HA", 21, "Hardware sets the Access flag of stage 2"),
    bit("HD", 22, "With HA, hardware sets the dirty state of stage 2"),
    *_reused("", 25),
    bit("NSW", 29, "Secure state: walks for Non-secure IPAs", {0: "Secure memory", 1: "Non-secure memory"}),
    bit("NSA", 30, "Secure state: output of Non-secure IPAs", {0: "Secure memory", 1: "Non-secure memory"}),
    bit("DS", 32, _DS),
    bit("SL2", 33, "With DS and 4 KB granules, stage 2 walks start at level -1"),
)
_VSTCR = (
    Field("T0SZ", 5, 0, "The Secure intermediate range is 2^(64-T0SZ) bytes"),
    Field("SL0", 7, 6, "Level at which walks for Secure IPAs start; its code depends on the granule"),
    Field("TG0", 15, 14, "Granule for Secure IPAs", _GRANULE_0),
    bit("SW", 29, "Walks for Secure IPAs", {0: "Secure memory", 1: "Non-secure memory"}),
    bit("SA", 30, "Output of Secure IPAs", {0: "Secure memory", 1: "Non-secure memory"}),
    bit("SL2", 33, "With VTCR_EL2.DS and 4 KB granules, walks for Secure IPAs start at level -1"),
)
_MAIR = tuple(
    Field(
        f"Attr{n}",
        8 * n + 7,
        8 * n,
        f"Memory type that AttrIndx {n} selects",
        {0x00: "Device-nGnRnE", 0x04: "Device-nGnRE", 0x44: "Normal NC", 0xBB: "Normal WT", 0xFF: "Normal WB"},
    )
    for n in range(7, -1, -1)
)
_AMEC0 = bit("AMEC0", 12, "Leaves with AMEC=1 may be used in EL2, or its lower range", feature="FEAT_MEC")
_AMEC1 = bit("AMEC1", 13, "Leaves with AMEC=1 may be used in EL2's upper range", when=_HOST, feature="FEAT_MEC")

# Results of AT: one layout for a translation that worked, another for one that did not. Bit 11 of the latter is RES1.
_DONE = ("PAR_EL1.F", 0)
_FAILED = ("PAR_EL1.F", 1)
_PAR = (
    bit("F", 0, "Whether the translation failed", {0: "done", 1: "failed"}),
    Field("SH", 8, 7, "Shareability", {0: "NSH", 2: "OSH", 3: "ISH"}, _DONE),
    bit("NS", 9, "Address space of the result, with NSE at EL3", when=_DONE),
    bit("NSE", 11, "Address space of the result, for the EL3 regime", when=_DONE),
    Field("PA", 55, 12, "Output address, bits [55:12]", when=_DONE),
    Field("ATTR", 63, 56, "Memory attributes, as in MAIR", when=_DONE),
    Field("FST", 6, 1, "Fault status code", when=_FAILED),
    bit("PTW", 8, "A stage 2 fault during a stage 1 walk", when=_FAILED),
    bit("S", 9, "Stage that failed", {0: "stage 1", 1: "stage 2"}, when=_FAILED),
)


def _el1(
    name: str,
    encoding: tuple[int, int, int, int, int],
    meaning: str,
    fields: tuple[Field, ...],
    reset: int | Reset = Reset.UNKNOWN,
    hook: str = "translation",
    traps: tuple[Trap, ...] = VIRTUAL_MEMORY,
    alias_traps: tuple[Trap, ...] = (),
    enabled_by: str = "",
) -> tuple[Register, Register]:
    """An EL1 register that an EL2 host sees as its own, and the _EL12 name by which it reaches EL1's."""
    op0, _, crn, crm, op2 = encoding
    return (
        Register(
            name,
            encoding,
            meaning,
            fields,
            reset=reset,
            group="translation",
            traps=traps,
            vhe=name.replace("_EL1", "_EL2"),
            hook=hook,
            enabled_by=enabled_by,
        ),
        Register(
            name + "2",
            (op0, 5, crn, crm, op2),
            f"{name}, from an EL2 host",
            fields,
            el=2,
            group="translation",
            traps=alias_traps,
            alias_of=name,
            hook=hook,
            enabled_by=enabled_by,
        ),
    )


def _higher(
    name: str,
    encoding: tuple[int, int, int, int, int],
    meaning: str,
    fields: tuple[Field, ...],
    el: int,
    reset: int | Reset = Reset.UNKNOWN,
    res1: int = 0,
    hook: str = "translation",
    traps: tuple[Trap, ...] = (),
    secure_only: bool = False,
    enabled_by: str = "",
) -> Register:
    """A register of EL2 or EL3."""
    return Register(
        name,
        encoding,
        meaning,
        fields,
        el=el,
        reset=reset,
        res1=res1,
        group="translation",
        traps=traps,
        hook=hook,
        secure_only=secure_only,
        enabled_by=enabled_by,
    )


_TCR2_OFF = (Trap(2, 3, "SCR_EL3.TCR2En", value=0),)

REGISTERS: tuple[Register, ...] = (
    *_el1("TTBR0_EL1", (3, 0, 2, 0, 0), "Tables of EL1 and EL0's lower range", _TTBR),
    *_el1("TTBR1_EL1", (3, 0, 2, 0, 1), "Tables of EL1 and EL0's upper range", _TTBR),
    *_el1("TCR_EL1", (3, 0, 2, 0, 2), "Translation control of EL1 and EL0", _two_ranges()),
    *_el1(
        "TCR2_EL1",
        (3, 0, 2, 0, 3),
        "Translation control of EL1 and EL0, continued; none of its features is here",
        (),
        reset=0,
        hook="",
        traps=extended_control("TCR2En"),
        alias_traps=_TCR2_OFF,
        enabled_by="SCR_EL3.TCR2En",
    ),
    *_el1("MAIR_EL1", (3, 0, 10, 2, 0), "Memory attributes of EL1 and EL0", _MAIR),
    *_el1("AMAIR_EL1", (3, 0, 10, 3, 0), "Auxiliary memory attributes: empty", (), reset=0, hook=""),
    *_el1(
        "CONTEXTIDR_EL1",
        (3, 0, 13, 0, 1),
        "Context identifier for debug and trace",
        (Field("PROCID", 31, 0, "Process identifier"),),
        hook="",
    ),
    _higher("TTBR0_EL2", (3, 4, 2, 0, 0), "Tables of EL2, or of its lower range", _TTBR, 2),
    _higher("TTBR1_EL2", (3, 4, 2, 0, 1), "Tables of EL2&0's upper range", _TTBR, 2),
    _higher("TCR_EL2", (3, 4, 2, 0, 2), "Translation control of EL2", _one_range(_NOT_HOST) + _two_ranges(_HOST), 2),
    _higher(
        "TCR2_EL2",
        (3, 4, 2, 0, 3),
        "Translation control of EL2, continued: alternate memory encryption contexts",
        (_AMEC0, _AMEC1),
        2,
        traps=_TCR2_OFF,
        enabled_by="SCR_EL3.TCR2En",
    ),
    _higher("VTTBR_EL2", (3, 4, 2, 1, 0), "Tables of stage 2", _VTTBR, 2),
    _higher("VTCR_EL2", (3, 4, 2, 1, 2), "Translation control of stage 2", _VTCR, 2, res1=1 << 31),
    _higher(
        "VSTTBR_EL2",
        (3, 4, 2, 6, 0),
        "Tables of stage 2 for Secure IPAs",
        _TTBR_NO_ASID,
        2,
        traps=SECURE_EL2,
        secure_only=True,
    ),
    _higher(
        "VSTCR_EL2",
        (3, 4, 2, 6, 2),
        "Translation control of stage 2 for Secure IPAs",
        _VSTCR,
        2,
        res1=1 << 31,
        traps=SECURE_EL2,
        secure_only=True,
    ),
    _higher("MAIR_EL2", (3, 4, 10, 2, 0), "Memory attributes of EL2", _MAIR, 2),
    _higher("AMAIR_EL2", (3, 4, 10, 3, 0), "Auxiliary memory attributes: empty", (), 2, reset=0, hook=""),
    _higher(
        "CONTEXTIDR_EL2",
        (3, 4, 13, 0, 1),
        "Context identifier of EL2 for debug and trace",
        (Field("PROCID", 31, 0, "Process identifier"),),
        2,
        hook="",
    ),
    _higher("TTBR0_EL3", (3, 6, 2, 0, 0), "Tables of EL3", _TTBR_NO_ASID, 3),
    _higher("TCR_EL3", (3, 6, 2, 0, 2), "Translation control of EL3", _one_range(), 3, res1=1 << 31 | 1 << 23),
    _higher("MAIR_EL3", (3, 6, 10, 2, 0), "Memory attributes of EL3", _MAIR, 3),
    _higher("AMAIR_EL3", (3, 6, 10, 3, 0), "Auxiliary memory attributes: empty", (), 3, reset=0, hook=""),
    Register(
        "PAR_EL1",
        (3, 0, 7, 4, 0),
        "Result of the last address translation instruction",
        _PAR,
        reset=Reset.UNKNOWN,
        group="translation",
    ),
)
