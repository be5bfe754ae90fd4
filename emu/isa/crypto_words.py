"""Pieces that the hash functions share: rotations and choices of 32- and 64-bit words."""

from __future__ import annotations

from emu.isa.lanes import check_access, join, read, split
from emu.isa.ops import Ops
from emu.isa.pattern import Value


def words(ops: Ops, register: Value) -> list[Value]:
    """The four words of a V register, zero extended."""
    return split(ops, read(ops, register), 32)


def operands(ops: Ops, *registers: Value) -> list[list[Value]]:
    """The words of several registers, after the check that they may be used."""
    check_access(ops)
    return [words(ops, register) for register in registers]


def write_words(ops: Ops, register: Value, values: list[Value]) -> None:
    ops.write_v(register, *join(ops, values, 32))


def add(ops: Ops, *values: Value) -> Value:
    """The sum as a word of 32 bits."""
    total = values[0]
    for value in values[1:]:
        total = ops.add(total, value)
    return ops.zext(total, 32)


def xor(ops: Ops, *values: Value) -> Value:
    total = values[0]
    for value in values[1:]:
        total = ops.xor(total, value)
    return total


def rotate_left(ops: Ops, value: Value, amount: int) -> Value:
    """ROL of a zero-extended word."""
    return ops.zext(ops.or_(ops.shl(value, amount), ops.shr(value, 32 - amount)), 32)


def rotate_right_64(ops: Ops, value: Value, amount: int) -> Value:
    return ops.or_(ops.shr(value, amount), ops.shl(value, 64 - amount))


def choose(ops: Ops, x: Value, y: Value, z: Value) -> Value:
    """y where x has ones, z where it has zeros."""
    return ops.xor(ops.and_(ops.xor(y, z), x), z)


def majority(ops: Ops, x: Value, y: Value, z: Value) -> Value:
    return ops.or_(ops.and_(x, y), ops.and_(ops.or_(x, y), z))
