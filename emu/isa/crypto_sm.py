"""Cryptographic SM3 and SM4 (Arm ARM C4.1: "Cryptographic three-register, imm2", "four-register", "SHA 512")."""

from __future__ import annotations

from emu.isa.crypto_substitution import SM4 as SM4_BOX
from emu.isa.crypto_words import add, choose, majority, operands, rotate_left, write_words, xor
from emu.isa.lanes import element
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Value

SM3, SM4 = "FEAT_SM3", "FEAT_SM4"


def _spread(ops: Ops, value: Value, *left: int) -> Value:
    """The word plus rotations of it."""
    return xor(ops, value, *(rotate_left(ops, value, amount) for amount in left))


@A64.instruction("11001110 010 rm:5 0 ra:5 rn:5 rd:5", feature=SM3)
def sm3_ss1(ops: Ops, rm: Value, ra: Value, rn: Value, rd: Value) -> None:
    """SM3SS1."""
    n, m, a = operands(ops, rn, rm, ra)
    total = add(ops, rotate_left(ops, n[3], 12), m[3], a[3])
    write_words(ops, rd, [0, 0, 0, rotate_left(ops, total, 7)])


@A64.instruction("11001110 010 rm:5 10 imm2:2 second:1 later:1 rn:5 rd:5", static="second later", feature=SM3)
def sm3_round(ops: Ops, rm: Value, imm2: Value, second: int, later: int, rn: Value, rd: Value) -> None:
    """SM3TT1A, SM3TT1B, SM3TT2A, SM3TT2B: half a round, of the first 16 (A) or the others (B)."""
    d, n = operands(ops, rd, rn)
    word = element(ops, rm, imm2, 2)
    if not later:
        mixed = xor(ops, d[1], d[2], d[3])
    elif second:
        mixed = choose(ops, d[3], d[2], d[1])
    else:
        mixed = majority(ops, d[1], d[2], d[3])
    if second:
        total = add(ops, mixed, d[0], n[3], word)
        result = [d[1], rotate_left(ops, d[2], 19), d[3], _spread(ops, total, 9, 17)]
    else:
        key = ops.xor(n[3], rotate_left(ops, d[3], 12))
        result = [d[1], rotate_left(ops, d[2], 9), d[3], add(ops, mixed, d[0], key, word)]
    write_words(ops, rd, result)


@A64.instruction("11001110 011 rm:5 1 1 00 00 rn:5 rd:5", feature=SM3)
def sm3_schedule_update_1(ops: Ops, rm: Value, rn: Value, rd: Value) -> None:
    """SM3PARTW1."""
    d, n, m = operands(ops, rd, rn, rm)
    result: list[Value] = []
    for i in range(4):
        later = m[i + 1] if i < 3 else result[0]
        result.append(_spread(ops, xor(ops, d[i], n[i], rotate_left(ops, later, 15)), 15, 23))
    write_words(ops, rd, result)


@A64.instruction("11001110 011 rm:5 1 1 00 01 rn:5 rd:5", feature=SM3)
def sm3_schedule_update_2(ops: Ops, rm: Value, rn: Value, rd: Value) -> None:
    """SM3PARTW2."""
    d, n, m = operands(ops, rd, rn, rm)
    mixed = [ops.xor(a, rotate_left(ops, b, 7)) for a, b in zip(n, m, strict=True)]
    result = [ops.xor(a, b) for a, b in zip(d, mixed, strict=True)]
    result[3] = ops.xor(result[3], _spread(ops, rotate_left(ops, mixed[0], 15), 15, 23))
    write_words(ops, rd, result)


def _four_rounds(ops: Ops, state: list[Value], keys: list[Value], *left: int) -> list[Value]:
    """SM4's round, or that of its key schedule: the rotations tell them apart."""
    for key in keys:
        mixed = xor(ops, state[3], state[2], state[1], key)
        substituted: Value = 0
        for low in range(0, 32, 8):
            byte = ops.lookup(SM4_BOX, ops.zext(ops.shr(mixed, low), 8))
            substituted = ops.or_(substituted, ops.shl(byte, low))
        state = [*state[1:], ops.xor(state[0], _spread(ops, substituted, *left))]
    return state


@A64.instruction("11001110 110 00000 1000 01 rn:5 rd:5", feature=SM4)
def sm4_encode(ops: Ops, rn: Value, rd: Value) -> None:
    """SM4E."""
    d, n = operands(ops, rd, rn)
    write_words(ops, rd, _four_rounds(ops, d, n, 2, 10, 18, 24))


@A64.instruction("11001110 011 rm:5 1 1 00 10 rn:5 rd:5", feature=SM4)
def sm4_key(ops: Ops, rm: Value, rn: Value, rd: Value) -> None:
    """SM4EKEY."""
    n, m = operands(ops, rn, rm)
    write_words(ops, rd, _four_rounds(ops, n, m, 13, 23))
