"""Integer extensions: CRC32, flag manipulation, common short sequences (Arm ARM C4.1: "Data Processing")."""

from __future__ import annotations

from emu import state
from emu.isa.arithmetic import ONES, write_result
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Value

_CRC32, _CRC32C = 0xEDB8_8320, 0x82F6_3B78
"""The generator polynomials, bits reversed as the instructions use them."""


@A64.instruction(
    "sf:1 00 11010110 rm:5 010 C:1 sz:2 rn:5 rd:5",
    static="sf C sz",
    allocated=lambda f: f["sf"] == (f["sz"] == 3),
    feature="FEAT_CRC32",
)
def crc32(ops: Ops, sf: int, C: int, sz: int, rm: Value, rn: Value, rd: Value) -> None:
    """CRC32B, CRC32H, CRC32W, CRC32X and the CRC32C forms."""
    width = 8 << sz
    remainder = ops.xor(ops.zext(ops.read_x(rn), 32), ops.zext(ops.read_x(rm), width))
    for _ in range(width):
        is_odd = ops.and_(remainder, 1)
        remainder = ops.xor(ops.shr(remainder, 1), ops.mul(is_odd, _CRC32C if C else _CRC32))
    ops.write_x(rd, remainder)


@A64.instruction("1101010100000 000 0100 0000 000 11111", feature="FEAT_FlagM")
def invert_carry(ops: Ops) -> None:
    """CFINV."""
    ops.set(state.C, ops.xor(ops.get(state.C), 1))


@A64.instruction("101 11010000 imm6:6 00001 rn:5 0 mask:4", static="mask", feature="FEAT_FlagM")
def rotate_into_flags(ops: Ops, imm6: Value, rn: Value, mask: int) -> None:
    """RMIF."""
    value = ops.read_x(rn)
    rotated = ops.or_(ops.shr(value, imm6), ops.shl(value, ops.and_(ops.sub(64, imm6), 63)))
    for slot, bit in ((state.N, 3), (state.Z, 2), (state.C, 1), (state.V, 0)):
        if mask >> bit & 1:
            ops.set(slot, ops.and_(ops.shr(rotated, bit), 1))


@A64.instruction("001 11010000 000000 sz:1 0010 rn:5 0 1101", static="sz", feature="FEAT_FlagM")
def set_flags_narrow(ops: Ops, sz: int, rn: Value) -> None:
    """SETF8, SETF16: flags of a narrow result, its overflow in the bit above; C stays."""
    width = 16 if sz else 8
    value = ops.read_x(rn)
    sign = ops.and_(ops.shr(value, width - 1), 1)
    ops.set(state.N, sign)
    ops.set(state.Z, ops.eq(ops.zext(value, width), 0))
    ops.set(state.V, ops.xor(ops.and_(ops.shr(value, width), 1), sign))


@A64.instruction("1101010100000 000 0100 0000 001 11111", feature="FEAT_FlagM2")
def flags_from_external(ops: Ops) -> None:
    """XAFLAG: flags of a comparison in another format to Arm's."""
    z, c = ops.get(state.Z), ops.get(state.C)
    not_c = ops.xor(c, 1)
    ops.set(state.N, ops.and_(not_c, ops.xor(z, 1)))
    ops.set(state.Z, ops.and_(z, c))
    ops.set(state.C, ops.or_(c, z))
    ops.set(state.V, ops.and_(not_c, z))


@A64.instruction("1101010100000 000 0100 0000 010 11111", feature="FEAT_FlagM2")
def flags_to_external(ops: Ops) -> None:
    """AXFLAG: Arm's flags of a floating-point comparison to another format."""
    z, c, v = ops.get(state.Z), ops.get(state.C), ops.get(state.V)
    ops.set(state.N, 0)
    ops.set(state.Z, ops.or_(z, v))
    ops.set(state.C, ops.and_(c, ops.xor(v, 1)))
    ops.set(state.V, 0)


def _narrow(ops: Ops, sf: int, is_signed: bool, value: Value) -> Value:
    """The operand in 64 bits."""
    if sf:
        return value
    return ops.sext(value, 32) if is_signed else ops.zext(value, 32)


def _extreme(ops: Ops, kind: int, a: Value, b: Value) -> Value:
    """SMAX, UMAX, SMIN, UMIN (kind 0-3) of 64-bit operands."""
    is_less = (ops.ult if kind & 1 else ops.slt)(a, b)
    return ops.select(is_less, a, b) if kind & 2 else ops.select(is_less, b, a)


@A64.instruction("sf:1 00 11010110 rm:5 0110 kind:2 rn:5 rd:5", static="sf kind", feature="FEAT_CSSC")
def extreme_register(ops: Ops, sf: int, kind: int, rm: Value, rn: Value, rd: Value) -> None:
    """SMAX, UMAX, SMIN, UMIN (register)."""
    a, b = (_narrow(ops, sf, not kind & 1, ops.read_x(register)) for register in (rn, rm))
    write_result(ops, sf, rd, _extreme(ops, kind, a, b))


@A64.instruction("sf:1 00 1000111 00 kind:2 imm8:8 rn:5 rd:5", static="sf kind", feature="FEAT_CSSC")
def extreme_immediate(ops: Ops, sf: int, kind: int, imm8: Value, rn: Value, rd: Value) -> None:
    """SMAX, UMAX, SMIN, UMIN (immediate)."""
    a = _narrow(ops, sf, not kind & 1, ops.read_x(rn))
    write_result(ops, sf, rd, _extreme(ops, kind, a, imm8 if kind & 1 else ops.sext(imm8, 8)))


@A64.instruction("sf:1 10 11010110 00000 00011 0 rn:5 rd:5", static="sf", feature="FEAT_CSSC")
def count_trailing_zeros(ops: Ops, sf: int, rn: Value, rd: Value) -> None:
    """CTZ."""
    value = ops.read_x(rn)
    ops.write_x(rd, ops.clz(ops.bit_reverse(value if sf else ops.or_(value, 1 << 32))))


@A64.instruction("sf:1 10 11010110 00000 00011 1 rn:5 rd:5", static="sf", feature="FEAT_CSSC")
def count_ones(ops: Ops, sf: int, rn: Value, rd: Value) -> None:
    """CNT: sums of neighbours in fields of 2, 4 and 8 bits, then all bytes at once."""
    value = ops.read_x(rn) if sf else ops.zext(ops.read_x(rn), 32)
    for distance, mask in ((1, ONES // 3), (2, ONES // 5), (4, ONES // 17)):
        value = ops.add(ops.and_(value, mask), ops.and_(ops.shr(value, distance), mask))
    ops.write_x(rd, ops.shr(ops.mul(value, ONES // 255), 56))


@A64.instruction("sf:1 10 11010110 00000 001000 rn:5 rd:5", static="sf", feature="FEAT_CSSC")
def absolute(ops: Ops, sf: int, rn: Value, rd: Value) -> None:
    """ABS."""
    value = _narrow(ops, sf, True, ops.read_x(rn))
    sign = ops.sar(value, 63)
    write_result(ops, sf, rd, ops.sub(ops.xor(value, sign), sign))
