"""Memory copy and memory set instructions (Arm ARM C4.1: "Memory Copy and Memory Set"); SETG* need FEAT_MTE."""

from __future__ import annotations

from emu.isa.ops import Escape, Ops
from emu.isa.pattern import A64, Fields, Value


def _are_distinct(fields: Fields) -> bool:
    """Registers that overlap, or a size or an address in register 31, are UNDEFINED (CONSTRAINED UNPREDICTABLE)."""
    registers = (fields["rs"], fields["rn"], fields["rd"])
    return len(set(registers)) == 3 and 31 not in registers[1:]


def _may_copy(fields: Fields) -> bool:
    return _are_distinct(fields) and fields["rs"] != 31


def _copy(stage: str, name: str) -> None:
    """Register CPYF* and CPY* of some stages."""

    @A64.instruction(
        f"00 011 x 01 {stage} 0 rs:5 xxxx 01 rn:5 rd:5",
        allocated=_may_copy,
        feature="FEAT_MOPS",
        name=f"memory_copy_{name}",
    )
    def memory_copy(ops: Ops, rs: Value, rn: Value, rd: Value) -> None:
        """CPYFP, CPYFM, CPYFE, CPYP, CPYM, CPYE with all their options."""
        ops.escape(Escape.MEMORY_COPY)


_copy("0x", "begin")
_copy("10", "end")


@A64.instruction(
    "00 011 0 01 11 0 rs:5 stage:2 xx 01 rn:5 rd:5",
    allocated=lambda f: f["stage"] != 3 and _are_distinct(f),
    feature="FEAT_MOPS",
)
def memory_set(ops: Ops, rs: Value, stage: Value, rn: Value, rd: Value) -> None:
    """SETP, SETM, SETE with their options."""
    ops.escape(Escape.MEMORY_COPY)
