"""Cryptographic SHA512 and SHA3 (Arm ARM C4.1: "Cryptographic three-register SHA 512", "four-register", "XAR")."""

from __future__ import annotations

from emu.isa.crypto_words import choose, majority, rotate_right_64, xor
from emu.isa.lanes import ONES, check_access, read
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Value

SHA512, SHA3 = "FEAT_SHA512", "FEAT_SHA3"


def _sum(ops: Ops, *values: Value) -> Value:
    total = values[0]
    for value in values[1:]:
        total = ops.add(total, value)
    return total


def _sigma(ops: Ops, value: Value, *right: int) -> Value:
    """The sum of rotations to the right."""
    return xor(ops, *(rotate_right_64(ops, value, amount) for amount in right))


def _operands(ops: Ops, *registers: Value) -> list[list[Value]]:
    check_access(ops)
    return [read(ops, register) for register in registers]


@A64.instruction("11001110 011 rm:5 1 0 00 00 rn:5 rd:5", feature=SHA512)
def sha512_hash_1(ops: Ops, rm: Value, rn: Value, rd: Value) -> None:
    """SHA512H."""
    x, y, w = _operands(ops, rn, rm, rd)
    high = _sum(ops, choose(ops, y[1], x[0], x[1]), _sigma(ops, y[1], 14, 18, 41), w[1])
    total = ops.add(high, y[0])
    low = _sum(ops, choose(ops, total, y[1], x[0]), _sigma(ops, total, 14, 18, 41), w[0])
    ops.write_v(rd, low, high)


@A64.instruction("11001110 011 rm:5 1 0 00 01 rn:5 rd:5", feature=SHA512)
def sha512_hash_2(ops: Ops, rm: Value, rn: Value, rd: Value) -> None:
    """SHA512H2."""
    x, y, w = _operands(ops, rn, rm, rd)
    high = _sum(ops, majority(ops, x[0], y[1], y[0]), _sigma(ops, y[0], 28, 34, 39), w[1])
    low = _sum(ops, majority(ops, high, y[0], y[1]), _sigma(ops, high, 28, 34, 39), w[0])
    ops.write_v(rd, low, high)


@A64.instruction("11001110 011 rm:5 1 0 00 10 rn:5 rd:5", feature=SHA512)
def sha512_schedule_update_1(ops: Ops, rm: Value, rn: Value, rd: Value) -> None:
    """SHA512SU1."""
    x, y, w = _operands(ops, rn, rm, rd)
    mixed = [ops.xor(_sigma(ops, word, 19, 61), ops.shr(word, 6)) for word in x]
    ops.write_v(rd, _sum(ops, w[0], mixed[0], y[0]), _sum(ops, w[1], mixed[1], y[1]))


@A64.instruction("11001110 110 00000 1000 00 rn:5 rd:5", feature=SHA512)
def sha512_schedule_update_0(ops: Ops, rn: Value, rd: Value) -> None:
    """SHA512SU0."""
    x, w = _operands(ops, rn, rd)
    mixed = [ops.xor(_sigma(ops, word, 1, 8), ops.shr(word, 7)) for word in (w[1], x[0])]
    ops.write_v(rd, ops.add(w[0], mixed[0]), ops.add(w[1], mixed[1]))


@A64.instruction("11001110 011 rm:5 1 0 00 11 rn:5 rd:5", feature=SHA3)
def rotate_and_xor(ops: Ops, rm: Value, rn: Value, rd: Value) -> None:
    """RAX1."""
    n, m = _operands(ops, rn, rm)
    low, high = (ops.xor(a, rotate_right_64(ops, b, 63)) for a, b in zip(n, m, strict=True))
    ops.write_v(rd, low, high)


@A64.instruction("11001110 00 clear:1 rm:5 0 ra:5 rn:5 rd:5", static="clear", feature=SHA3)
def xor_three(ops: Ops, clear: int, rm: Value, ra: Value, rn: Value, rd: Value) -> None:
    """EOR3; with `clear` BCAX: bit clear and exclusive OR."""
    n, m, a = _operands(ops, rn, rm, ra)
    mixed = [ops.and_(y, ops.xor(z, ONES)) if clear else ops.xor(y, z) for y, z in zip(m, a, strict=True)]
    ops.write_v(rd, ops.xor(n[0], mixed[0]), ops.xor(n[1], mixed[1]))


@A64.instruction("11001110 100 rm:5 imm6:6 rn:5 rd:5", feature=SHA3)
def xor_and_rotate(ops: Ops, rm: Value, imm6: Value, rn: Value, rd: Value) -> None:
    """XAR: exclusive OR, rotated right."""
    n, m = _operands(ops, rn, rm)
    mixed = [ops.xor(a, b) for a, b in zip(n, m, strict=True)]
    # The left shift is by 64 - imm6, in two steps so that no single one is by 64.
    low, high = (ops.or_(ops.shr(a, imm6), ops.shl(ops.shl(a, 1), ops.xor(imm6, 63))) for a in mixed)
    ops.write_v(rd, low, high)
