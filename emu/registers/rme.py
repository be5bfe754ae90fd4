"""Registers of the Realm Management Extension: granule protection."""

from __future__ import annotations

from emu.registers.model import Field, Register, Reset, bit

_GPCCR = (
    Field(
        "PPS",
        2,
        0,
        "Size of the protected address space",
        {0: "32 bits", 1: "36 bits", 2: "40 bits", 3: "42 bits", 4: "44 bits", 5: "48 bits", 6: "52 bits"},
    ),
    bit("RLPAD", 5, "Nobody may reach the Realm address space"),
    bit("NSPAD", 6, "Nobody may reach the Non-secure address space"),
    bit("SPAD", 7, "Nobody may reach the Secure address space"),
    Field("IRGN", 9, 8, "Inner cacheability of table reads", {0: "NC", 1: "WB RA WA", 2: "WT RA", 3: "WB RA"}),
    Field("ORGN", 11, 10, "Outer cacheability of table reads", {0: "NC", 1: "WB RA WA", 2: "WT RA", 3: "WB RA"}),
    Field("SH", 13, 12, "Shareability of table reads", {0: "NSH", 2: "OSH", 3: "ISH"}),
    Field("PGS", 15, 14, "Size of a granule", {0: "4 KB", 1: "64 KB", 2: "16 KB"}),
    bit("GPC", 16, "Granule protection checks are on"),
    bit("GPCP", 17, "Faults on a table walk are reported before faults of stage 2"),
    bit("NSO", 19, "GPI 0b1101 is valid: Non-secure memory that only Non-secure and Root state may reach"),
    Field(
        "L0GPTSZ",
        23,
        20,
        "Memory that one level 0 entry covers",
        {0: "1 GB", 4: "16 GB", 6: "64 GB", 9: "512 GB"},
        read_only=True,
    ),
)

REGISTERS: tuple[Register, ...] = (
    # TBGPCD is for trace buffers: not here, so RES0.
    Register(
        "GPCCR_EL3",
        (3, 6, 2, 1, 6),
        "Control of granule protection checks",
        _GPCCR,
        el=3,
        group="rme",
        hook="translation",
    ),
    Register(
        "GPTBR_EL3",
        (3, 6, 2, 1, 4),
        "Base of the granule protection table",
        (Field("BADDR", 39, 0, "Address of the level 0 table, bits [51:12]"),),
        el=3,
        reset=Reset.UNKNOWN,
        group="rme",
        hook="translation",
    ),
    Register(
        "MFAR_EL3",
        (3, 6, 6, 0, 5),
        "Physical address of the last granule protection fault taken to EL3",
        (
            bit("NS", 63, "Address space, with NSE"),
            bit("NSE", 62, "Address space, with NS"),
            Field("FPA", 55, 12, "Physical address, bits [55:12]"),
        ),
        el=3,
        reset=Reset.UNKNOWN,
        group="rme",
    ),
)
