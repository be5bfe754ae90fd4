"""FMOV: immediates, and bits moved between general and V registers unchanged."""

from __future__ import annotations

from emu.fp.formats import BY_WIDTH
from emu.isa.fp_scalar import FP, read_scalar, scalar, write_scalar
from emu.isa.lanes import check_access
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Value


@scalar("000 11110 ftype 1 imm8:8 100 00000 rd:5")
def fp_move_immediate(ops: Ops, width: int, imm8: Value, rd: Value) -> None:
    """FMOV (immediate): VFPExpandImm."""
    form = BY_WIDTH[width]
    # The exponent is NOT(b6), b6 repeated, b5, b4: one less than a power of two where b6 is 1.
    upper = ops.sub(1 << form.exponent_bits - 3, ops.and_(ops.shr(imm8, 6), 1))
    low = ops.shl(ops.and_(imm8, 0x3F), form.fraction_bits - 4)
    value = ops.or_(ops.shl(upper, form.fraction_bits + 2), low)
    write_scalar(ops, rd, ops.or_(value, ops.shl(ops.shr(imm8, 7), width - 1)))


@scalar("sf:1 00 11110 ftype 1 00 11 to_v:1 000000 rn:5 rd:5", static="sf to_v", allocated=lambda f: f["sf"] == f["sz"])
def fp_move_general(ops: Ops, width: int, sf: int, to_v: int, rn: Value, rd: Value) -> None:
    """FMOV between a general register and the low bits of a V register; half precision with either width."""
    if to_v:
        value = ops.read_x(rn)
        write_scalar(ops, rd, value if width == 64 else ops.zext(value, width))
    else:
        ops.write_x(rd, read_scalar(ops, rn, width))


@A64.instruction("1 00 11110 10 1 01 11 to_v:1 000000 rn:5 rd:5", static="to_v", feature=FP)
def fp_move_top(ops: Ops, to_v: int, rn: Value, rd: Value) -> None:
    """FMOV between Xn and Vd.D[1]; the low half of the V register stays."""
    check_access(ops)
    if to_v:
        ops.write_v(rd, ops.read_v(rd, 0), ops.read_x(rn))
    else:
        ops.write_x(rd, ops.read_v(rn, 1))
