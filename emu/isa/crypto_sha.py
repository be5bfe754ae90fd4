"""Cryptographic SHA: SHA1 and SHA256 (Arm ARM C4.1: "Cryptographic two-register SHA", "three-register SHA")."""

from __future__ import annotations

from collections.abc import Callable

from emu.isa.crypto_words import add, choose, majority, operands, rotate_left, write_words, xor
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Value

SHA1, SHA256 = "FEAT_SHA1", "FEAT_SHA256"


def _sigma(ops: Ops, value: Value, *right: int) -> Value:
    """The sum of rotations to the right."""
    return xor(ops, *(rotate_left(ops, value, 32 - amount) for amount in right))


def _parity(ops: Ops, x: Value, y: Value, z: Value) -> Value:
    return xor(ops, x, y, z)


def _hash_update(kind: int, function: Callable[..., Value]) -> None:
    def sha1_hash_update(ops: Ops, rm: Value, rn: Value, rd: Value) -> None:
        """SHA1C, SHA1P, SHA1M: four rounds with choose, parity or majority."""
        schedule, x, (y, *_) = operands(ops, rm, rd, rn)
        for word in schedule:
            y = add(ops, y, rotate_left(ops, x[0], 5), function(ops, *x[1:]), word)
            x[1] = rotate_left(ops, x[1], 30)
            x, y = [y, *x[:3]], x[3]
        write_words(ops, rd, x)

    name = f"sha1_hash_update_{'cpm'[kind]}"
    A64.instruction(f"01011110 000 rm:5 0 0{kind:02b} 00 rn:5 rd:5", name=name, feature=SHA1)(sha1_hash_update)


for _kind, _function in enumerate((choose, _parity, majority)):
    _hash_update(_kind, _function)


@A64.instruction("01011110 000 rm:5 0 011 00 rn:5 rd:5", feature=SHA1)
def sha1_schedule_update_0(ops: Ops, rm: Value, rn: Value, rd: Value) -> None:
    """SHA1SU0."""
    d, n, m = operands(ops, rd, rn, rm)
    write_words(ops, rd, [xor(ops, *each) for each in zip(d[2:] + n[:2], d, m, strict=True)])


@A64.instruction("01011110 00 10100 00000 10 rn:5 rd:5", feature=SHA1)
def sha1_fixed_rotate(ops: Ops, rn: Value, rd: Value) -> None:
    """SHA1H."""
    ((word, *_),) = operands(ops, rn)
    ops.write_v(rd, rotate_left(ops, word, 30), 0)


@A64.instruction("01011110 00 10100 00001 10 rn:5 rd:5", feature=SHA1)
def sha1_schedule_update_1(ops: Ops, rn: Value, rd: Value) -> None:
    """SHA1SU1."""
    d, n = operands(ops, rd, rn)
    mixed = [xor(ops, *each) for each in zip(d, [*n[1:], 0], strict=True)]
    result = [rotate_left(ops, word, 1) for word in mixed]
    result[3] = ops.xor(result[3], rotate_left(ops, mixed[0], 2))
    write_words(ops, rd, result)


@A64.instruction("01011110 000 rm:5 0 10 second:1 00 rn:5 rd:5", static="second", feature=SHA256)
def sha256_hash(ops: Ops, second: int, rm: Value, rn: Value, rd: Value) -> None:
    """SHA256H, SHA256H2: four rounds; one gives the first half of the state, the other the second."""
    schedule, n, d = operands(ops, rm, rn, rd)
    x, y = (n, d) if second else (d, n)
    for word in schedule:
        total = add(ops, y[3], _sigma(ops, y[0], 6, 11, 25), choose(ops, *y[:3]), word)
        x[3] = add(ops, total, x[3])
        y[3] = add(ops, total, _sigma(ops, x[0], 2, 13, 22), majority(ops, *x[:3]))
        x, y = [y[3], *x[:3]], [x[3], *y[:3]]
    write_words(ops, rd, y if second else x)


@A64.instruction("01011110 000 rm:5 0 110 00 rn:5 rd:5", feature=SHA256)
def sha256_schedule_update_1(ops: Ops, rm: Value, rn: Value, rd: Value) -> None:
    """SHA256SU1."""
    d, n, m = operands(ops, rd, rn, rm)
    earlier = [*n[1:], m[0]]
    result: list[Value] = []
    for i in range(4):
        word = m[2 + i] if i < 2 else result[i - 2]
        mixed = ops.xor(_sigma(ops, word, 17, 19), ops.shr(word, 10))
        result.append(add(ops, mixed, d[i], earlier[i]))
    write_words(ops, rd, result)


@A64.instruction("01011110 00 10100 00010 10 rn:5 rd:5", feature=SHA256)
def sha256_schedule_update_0(ops: Ops, rn: Value, rd: Value) -> None:
    """SHA256SU0."""
    d, n = operands(ops, rd, rn)
    later = [*d[1:], n[0]]
    mixed = [ops.xor(_sigma(ops, word, 7, 18), ops.shr(word, 3)) for word in later]
    write_words(ops, rd, [add(ops, a, b) for a, b in zip(mixed, d, strict=True)])
