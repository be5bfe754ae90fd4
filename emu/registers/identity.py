"""Which processor this is: main ID and affinity, and what EL2 has EL1 read instead."""

from __future__ import annotations

from emu.registers.model import Field, Mode, Register, bit, packed
from emu.registers.traps import ID_GROUP_1

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
)
