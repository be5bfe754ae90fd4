"""Data processing, immediate operand (Arm ARM C4.1: "Data Processing -- Immediate")."""

from __future__ import annotations

from emu.isa.arithmetic import add_with_carry, set_flags_logical, write_result
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Fields, Value


@A64.instruction("op:1 immlo:2 10000 immhi:19 rd:5", static="op")
def pc_relative(ops: Ops, op: int, immlo: Value, immhi: Value, rd: Value) -> None:
    """ADR, ADRP."""
    offset = ops.sext(ops.or_(ops.shl(immhi, 2), immlo), 21)
    if op:
        ops.write_x(rd, ops.add(ops.and_(ops.pc(), ~0xFFF & (1 << 64) - 1), ops.shl(offset, 12)))
    else:
        ops.write_x(rd, ops.add(ops.pc(), offset))


@A64.instruction("sf:1 op:1 S:1 100010 sh:1 imm12:12 rn:5 rd:5", static="sf op S sh")
def add_subtract_immediate(ops: Ops, sf: int, op: int, S: int, sh: int, imm12: Value, rn: Value, rd: Value) -> None:
    """ADD, ADDS, SUB, SUBS (immediate)."""
    operand = ops.shl(imm12, 12) if sh else imm12
    result = add_with_carry(ops, sf, ops.read_xsp(rn), operand, subtract=op, set_flags=S)
    if S:
        write_result(ops, sf, rd, result)
    else:
        ops.write_xsp(rd, result if sf else ops.zext(result, 32))


def _logical_immediate(element: int, sf_field: str, n: int, imms: str) -> None:
    """Register the bitmask immediates whose repeated element has `element` bits (DecodeBitMasks in the manual)."""
    ones = element - 1

    def allocated(fields: Fields) -> bool:
        return fields["s"] != ones  # a run that fills its element is reserved

    @A64.instruction(
        f"{sf_field} opc:2 100100 {n} immr:6 {imms} rn:5 rd:5",
        static="sf opc" if "sf" in sf_field else "opc",
        allocated=allocated,
        name=f"logical_immediate_{element}",
    )
    def logical_immediate(ops: Ops, opc: int, immr: Value, s: Value, rn: Value, rd: Value, sf: int = 1) -> None:
        """AND, ORR, EOR, ANDS (bitmask immediate)."""
        run = ops.sub(ops.shl(2, s), 1)
        rotation = ops.and_(immr, ones)
        left = ops.and_(ops.sub(element, rotation), ones)
        rotated = ops.or_(ops.shr(run, rotation), ops.shl(run, left))
        mask = ops.mul(ops.zext(rotated, element), ((1 << 64) - 1) // ((1 << element) - 1))
        if not sf:
            mask = ops.zext(mask, 32)
        value = ops.read_x(rn) if sf else ops.zext(ops.read_x(rn), 32)
        result = (ops.and_, ops.or_, ops.xor, ops.and_)[opc](value, mask)
        if opc == 3:
            set_flags_logical(ops, sf, result)
            ops.write_x(rd, result)
        else:
            ops.write_xsp(rd, result)


_logical_immediate(64, "1", 1, "s:6")
_logical_immediate(32, "sf:1", 0, "0 s:5")
_logical_immediate(16, "sf:1", 0, "10 s:4")
_logical_immediate(8, "sf:1", 0, "110 s:3")
_logical_immediate(4, "sf:1", 0, "1110 s:2")
_logical_immediate(2, "sf:1", 0, "11110 s:1")


@A64.instruction(
    "sf:1 opc:2 100101 hw:2 imm16:16 rd:5",
    static="sf opc hw",
    allocated=lambda f: f["opc"] != 1 and (f["sf"] == 1 or f["hw"] < 2),
)
def move_wide(ops: Ops, sf: int, opc: int, hw: int, imm16: Value, rd: Value) -> None:
    """MOVN, MOVZ, MOVK."""
    shift = 16 * hw
    value = ops.shl(imm16, shift)
    if opc == 3:
        kept = ops.and_(ops.read_x(rd), ~(0xFFFF << shift) & (1 << 64) - 1)
        value = ops.or_(kept, value)
    elif opc == 0:
        value = ops.xor(value, (1 << 64) - 1)
    write_result(ops, sf, rd, value)


@A64.instruction(
    "sf:1 opc:2 100110 N:1 immr:6 imms:6 rn:5 rd:5",
    static="sf opc N",
    allocated=lambda f: f["opc"] != 3 and f["N"] == f["sf"] and (f["sf"] == 1 or (f["immr"] < 32 and f["imms"] < 32)),
)
def bitfield(ops: Ops, sf: int, opc: int, N: int, immr: Value, imms: Value, rn: Value, rd: Value) -> None:
    """SBFM, BFM, UBFM.

    The field's top bit goes to bit 63 first; one right shift then serves extraction and insertion alike, because
    both distances are (immr - imms - 1) modulo the register width.
    """
    to_top = ops.sub(63, imms)
    distance = ops.and_(ops.sub(ops.sub(immr, imms), 1), 63 if sf else 31)
    if not sf:
        distance = ops.add(distance, 32)
    top = ops.shl(ops.read_x(rn), to_top)
    if opc == 0:
        result = ops.sar(top, distance)
    elif opc == 2:
        result = ops.shr(top, distance)
    else:
        mask = ops.shr(ops.shl((1 << 64) - 1, to_top), distance)
        kept = ops.and_(ops.read_x(rd), ops.xor(mask, (1 << 64) - 1))
        result = ops.or_(kept, ops.shr(top, distance))
    write_result(ops, sf, rd, result)


@A64.instruction(
    "sf:1 00 100111 N:1 0 rm:5 imms:6 rn:5 rd:5",
    static="sf N",
    allocated=lambda f: f["N"] == f["sf"] and (f["sf"] == 1 or f["imms"] < 32),
)
def extract(ops: Ops, sf: int, N: int, rm: Value, imms: Value, rn: Value, rd: Value) -> None:
    """EXTR."""
    low, high = ops.read_x(rm), ops.read_x(rn)
    if sf:
        # A distance of 64 - 0 is no shift at all: two steps keep every amount below 64.
        upper = ops.shl(ops.shl(high, ops.sub(63, imms)), 1)
        ops.write_x(rd, ops.or_(ops.shr(low, imms), upper))
    else:
        both = ops.or_(ops.shl(high, 32), ops.zext(low, 32))
        ops.write_x(rd, ops.zext(ops.shr(both, imms), 32))
