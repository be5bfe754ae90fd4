"""Cryptographic AES, and the polynomial multiplication of 64 bits that GCM needs (Arm ARM C4.1, same heading)."""

from __future__ import annotations

from emu.isa.crypto_substitution import AES, AES_INVERSE
from emu.isa.lanes import check_access, join, read, split
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Value

FEATURE = "FEAT_AES"
_ONES = (1 << 64) - 1


@A64.instruction("01001110 00 10100 0010 inverse:1 10 rn:5 rd:5", static="inverse", feature=FEATURE)
def aes_round(ops: Ops, inverse: int, rn: Value, rd: Value) -> None:
    """AESE, AESD: add the round key, shift the rows, substitute the bytes."""
    check_access(ops)
    keyed = [ops.xor(a, b) for a, b in zip(read(ops, rd), read(ops, rn), strict=True)]
    state = split(ops, keyed, 8)
    # Byte r + 4c is row r, column c; row r turns by r columns.
    turn = -1 if inverse else 1
    shifted = [state[i % 4 + 4 * ((i // 4 + turn * (i % 4)) % 4)] for i in range(16)]
    box = AES_INVERSE if inverse else AES
    ops.write_v(rd, *join(ops, [ops.lookup(box, byte) for byte in shifted], 8))


def _double(ops: Ops, value: Value) -> Value:
    """Every byte times x in AES's field."""
    carries = ops.and_(ops.shr(value, 7), _ONES // 255)
    return ops.xor(ops.shl(ops.and_(value, 0x7F * (_ONES // 255)), 1), ops.mul(carries, 0x1B))


def _turn(ops: Ops, value: Value, amount: int) -> Value:
    """Both columns of four bytes rotated right."""
    low = _ONES // 0xFFFF_FFFF * ((1 << (32 - amount)) - 1)
    return ops.or_(ops.and_(ops.shr(value, amount), low), ops.and_(ops.shl(value, 32 - amount), low ^ _ONES))


def _mix_columns(ops: Ops, inverse: int, value: Value) -> Value:
    """Each byte becomes 2, 3, 1, 1 times itself and the three after it: 14, 11, 13, 9 for the inverse.

    The inverse's matrix is the plain one times (5, 0, 4, 0).
    """
    if inverse:
        pairs = ops.xor(value, _turn(ops, value, 16))
        value = ops.xor(value, _double(ops, _double(ops, pairs)))
    neighbours = ops.xor(value, _turn(ops, value, 8))
    return ops.xor(ops.xor(_double(ops, neighbours), _turn(ops, value, 8)), _turn(ops, neighbours, 16))


@A64.instruction("01001110 00 10100 0011 inverse:1 10 rn:5 rd:5", static="inverse", feature=FEATURE)
def aes_mix_columns(ops: Ops, inverse: int, rn: Value, rd: Value) -> None:
    """AESMC, AESIMC."""
    check_access(ops)
    low, high = (_mix_columns(ops, inverse, half) for half in read(ops, rn))
    ops.write_v(rd, low, high)


def _carryless_low(ops: Ops, a: Value, b: Value) -> Value:
    """The low 64 bits of the polynomial product.

    Ordinary products of every fourth bit: at most 15 ones meet in a place below bit 60, so no sum leaves its four
    bits, and the lowest of the four is the sum without carries.
    """
    masks = [_ONES // 15 << i & _ONES for i in range(4)]
    x, y = ([ops.and_(operand, mask) for mask in masks] for operand in (a, b))
    result: Value = 0
    for place in range(4):
        total: Value = 0
        for i in range(4):
            total = ops.xor(total, ops.mul(x[i], y[(place - i) % 4]))
        result = ops.or_(result, ops.and_(total, masks[place]))
    return result


@A64.instruction("0 Q:1 0 01110 11 1 rm:5 1110 00 rn:5 rd:5", static="Q", feature="FEAT_PMULL")
def polynomial_multiply_double(ops: Ops, Q: int, rm: Value, rn: Value, rd: Value) -> None:
    """PMULL, PMULL2 of 64 bits."""
    check_access(ops)
    a, b = ops.read_v(rn, Q), ops.read_v(rm, Q)
    # Read backwards, the product's 127 bits are the product of the operands read backwards.
    mirrored = _carryless_low(ops, ops.bit_reverse(a), ops.bit_reverse(b))
    ops.write_v(rd, _carryless_low(ops, a, b), ops.shr(ops.bit_reverse(mirrored), 1))
