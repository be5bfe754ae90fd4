"""Atomic read-modify-writes, and the acquire and release of FEAT_LRCPC (Arm ARM C4.1: "Loads and Stores").

Memory is sequentially consistent here, so the bits that order an access decide nothing.
"""

from __future__ import annotations

from emu.isa.memory import base_address, load_extended
from emu.isa.ops import Mode, Ops
from emu.isa.pattern import A64, Fields, Value


def _combine(ops: Ops, opc: int, width: int, old: Value, operand: Value) -> Value:
    """What LD<op> leaves in memory; only the low `width` bits mean anything."""
    if opc == 0:
        return ops.add(old, operand)
    if opc == 1:
        return ops.and_(old, ops.xor(operand, (1 << 64) - 1))
    if opc == 2:
        return ops.xor(old, operand)
    if opc == 3:
        return ops.or_(old, operand)
    if opc < 6:
        a, b = ops.sext(old, width), ops.sext(operand, width)
        is_less = ops.slt(a, b)
    else:
        a, b = old, ops.zext(operand, width)
        is_less = ops.ult(a, b)
    return ops.select(is_less, a, b) if opc & 1 else ops.select(is_less, b, a)


@A64.instruction("size:2 111 0 00 x x 1 rs:5 0 opc:3 00 rn:5 rt:5", static="size opc", feature="FEAT_LSE")
def atomic_operation(ops: Ops, size: int, opc: int, rs: Value, rn: Value, rt: Value) -> None:
    """LDADD, LDCLR, LDEOR, LDSET, LDSMAX, LDSMIN, LDUMAX, LDUMIN (opc 0-7) of every size, and ST<op> with Rt=31."""
    address = base_address(ops, rn)
    operand = ops.read_x(rs)
    old = ops.load(address, 1 << size, Mode.ATOMIC)
    ops.store(address, 1 << size, _combine(ops, opc, 8 << size, old, operand), Mode.ATOMIC)
    ops.write_x(rt, old)


@A64.instruction("size:2 111 0 00 x x 1 rs:5 1 000 00 rn:5 rt:5", static="size", feature="FEAT_LSE")
def swap(ops: Ops, size: int, rs: Value, rn: Value, rt: Value) -> None:
    """SWP of every size."""
    address = base_address(ops, rn)
    new = ops.read_x(rs)
    old = ops.load(address, 1 << size, Mode.ATOMIC)
    ops.store(address, 1 << size, new, Mode.ATOMIC)
    ops.write_x(rt, old)


@A64.instruction("size:2 001000 1 x 1 rs:5 x 11111 rn:5 rt:5", static="size", feature="FEAT_LSE")
def compare_and_swap(ops: Ops, size: int, rs: Value, rn: Value, rt: Value) -> None:
    """CAS of every size. One that finds another value writes back what it read, as the manual allows."""
    address = base_address(ops, rn)
    expected, new = ops.zext(ops.read_x(rs), 8 << size), ops.read_x(rt)
    old = ops.load(address, 1 << size, Mode.ATOMIC)
    ops.store(address, 1 << size, ops.select(ops.eq(old, expected), new, old), Mode.ATOMIC)
    ops.write_x(rs, old)


@A64.instruction(
    "0 sz:1 001000 0 x 1 rs:5 x 11111 rn:5 rt:5",
    static="sz",
    allocated=lambda f: not f["rs"] & 1 and not f["rt"] & 1,
    feature="FEAT_LSE",
)
def compare_and_swap_pair(ops: Ops, sz: int, rs: Value, rn: Value, rt: Value) -> None:
    """CASP of 32-bit and 64-bit registers."""
    size = 8 if sz else 4
    address = base_address(ops, rn)
    second = ops.add(address, size)
    rs2, rt2 = ops.add(rs, 1), ops.add(rt, 1)
    low, high = ops.zext(ops.read_x(rs), 8 * size), ops.zext(ops.read_x(rs2), 8 * size)
    new_low, new_high = ops.read_x(rt), ops.read_x(rt2)
    old_low = ops.load(address, size, Mode.ATOMIC, 2 * size)
    old_high = ops.load(second, size, Mode.ATOMIC)
    is_equal = ops.and_(ops.eq(old_low, low), ops.eq(old_high, high))
    ops.store(address, size, ops.select(is_equal, new_low, old_low), Mode.ATOMIC)
    ops.store(second, size, ops.select(is_equal, new_high, old_high), Mode.ATOMIC)
    ops.write_x(rs, old_low)
    ops.write_x(rs2, old_high)


@A64.instruction("size:2 111 0 00 1 0 1 11111 1 100 00 rn:5 rt:5", static="size", feature="FEAT_LRCPC")
def load_acquire_rcpc(ops: Ops, size: int, rn: Value, rt: Value) -> None:
    """LDAPR, LDAPRB, LDAPRH."""
    ops.write_x(rt, ops.load(base_address(ops, rn), 1 << size, Mode.ORDERED))


def _has_destination(fields: Fields) -> bool:
    """Sign extension needs a narrower size than its destination."""
    return fields["opc"] < 2 or fields["size"] + (fields["opc"] == 3) < 3


@A64.instruction(
    "size:2 011001 opc:2 0 imm9:9 00 rn:5 rt:5", static="size opc", allocated=_has_destination, feature="FEAT_LRCPC2"
)
def load_acquire_store_release_unscaled(ops: Ops, size: int, opc: int, imm9: Value, rn: Value, rt: Value) -> None:
    """STLUR, LDAPUR and LDAPURS to 64 and to 32 bits (opc 0-3) of every size."""
    address = ops.add(base_address(ops, rn), ops.sext(imm9, 9))
    if opc == 0:
        ops.store(address, 1 << size, ops.read_x(rt), Mode.ORDERED)
    else:
        ops.write_x(rt, load_extended(ops, address, size, opc, Mode.ORDERED))
