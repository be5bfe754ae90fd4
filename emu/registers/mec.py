"""Registers of FEAT_MEC: which memory encryption context each kind of Realm access uses."""

from __future__ import annotations

from emu.registers.model import Encoding, Field, Mode, Register, Reset
from emu.registers.traps import MECID

_MECID = (Field("MECID", 15, 0, "Memory encryption context; bits beyond MECIDR_EL2's width are RES0"),)


def _el2(name: str, encoding: Encoding, meaning: str) -> Register:
    return Register(
        name,
        encoding,
        meaning,
        _MECID,
        el=2,
        reset=Reset.UNKNOWN,
        group="mec",
        feature="FEAT_MEC",
        traps=MECID,
        realm_only=True,
        hook="mecid",
        enabled_by="SCR_EL3.MECEn",
    )


REGISTERS: tuple[Register, ...] = (
    _el2("MECID_P0_EL2", (3, 4, 10, 8, 0), "Primary context of Realm EL2, or of its lower range"),
    _el2("MECID_A0_EL2", (3, 4, 10, 8, 1), "Alternate context of Realm EL2, or of its lower range"),
    _el2("MECID_P1_EL2", (3, 4, 10, 8, 2), "Primary context of Realm EL2&0's upper range"),
    _el2("MECID_A1_EL2", (3, 4, 10, 8, 3), "Alternate context of Realm EL2&0's upper range"),
    # An identification register: every Security state's EL2 may read it, and MECEn does not gate it.
    Register(
        "MECIDR_EL2",
        (3, 4, 10, 8, 7),
        "Size of a MECID",
        (Field("MECIDWidthm1", 3, 0, "Implemented bits of a MECID, minus 1"),),
        el=2,
        mode=Mode.RO,
        reset=15,
        group="mec",
        feature="FEAT_MEC",
    ),
    _el2("VMECID_P_EL2", (3, 4, 10, 9, 0), "Primary context of Realm EL1 and EL0, and of stage 2 walks"),
    _el2("VMECID_A_EL2", (3, 4, 10, 9, 1), "Alternate context of Realm EL1 and EL0"),
    Register(
        "MECID_RL_A_EL3",
        (3, 6, 10, 10, 1),
        "Context of EL3's accesses to Realm memory",
        _MECID,
        el=3,
        reset=Reset.UNKNOWN,
        group="mec",
        feature="FEAT_MEC",
        hook="mecid",
    ),
)
