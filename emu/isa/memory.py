"""Loads and stores of general registers (Arm ARM C4.1: "Loads and Stores")."""

from __future__ import annotations

from emu import state
from emu.isa.arithmetic import extend_register
from emu.isa.ops import Escape, Mode, Ops
from emu.isa.pattern import A64, Fields, Value


def base_address(ops: Ops, rn: Value) -> Value:
    """Xn or SP, after the check of the stack pointer's alignment (SCTLR_ELx.SA, SA0)."""
    misaligned = ops.and_(ops.get(state.SP), ops.get(state.SP_ALIGNMENT))
    ops.escape_if(ops.and_(ops.eq(rn, 31), ops.xor(ops.eq(misaligned, 0), 1)), Escape.SP_ALIGNMENT)
    return ops.read_xsp(rn)


def load_extended(ops: Ops, address: Value, size: int, opc: int, mode: Mode = Mode.NORMAL) -> Value:
    """Load 1 << size bytes; opc 2 sign-extends to 64 bits, opc 3 to 32."""
    value = ops.load(address, 1 << size, mode)
    if opc == 2:
        return ops.sext(value, 8 << size)
    if opc == 3:
        return ops.zext(ops.sext(value, 8 << size), 32)
    return value


def _single_allocated(fields: Fields) -> bool:
    """Sign extension needs a narrower size, to 32 bits one below 2; the place of a 64-bit one is PRFM's."""
    return fields["opc"] < 3 or fields["size"] < 2


def _is_prefetch(size: int, opc: int) -> bool:
    """PRFM: a hint that loads nothing, faults on nothing, and is free to do nothing."""
    return size == 3 and opc == 2


def _transfer(ops: Ops, size: int, opc: int, address: Value, rt: Value, mode: Mode = Mode.NORMAL) -> None:
    if opc == 0:
        ops.store(address, 1 << size, ops.read_x(rt), mode)
    else:
        ops.write_x(rt, load_extended(ops, address, size, opc, mode))


@A64.instruction("size:2 111 0 01 opc:2 imm12:12 rn:5 rt:5", static="size opc", allocated=_single_allocated)
def load_store_unsigned(ops: Ops, size: int, opc: int, imm12: Value, rn: Value, rt: Value) -> None:
    """LDR, STR, LDRB, LDRSB, LDRH, LDRSH, LDRSW, STRB, STRH, PRFM (unsigned offset)."""
    if _is_prefetch(size, opc):
        return
    _transfer(ops, size, opc, ops.add(base_address(ops, rn), ops.shl(imm12, size)), rt)


@A64.instruction(
    "size:2 111 0 00 opc:2 0 imm9:9 index:2 rn:5 rt:5",
    static="size opc index",
    allocated=lambda f: _single_allocated(f) and (f["index"] == 0 or not _is_prefetch(f["size"], f["opc"])),
)
def load_store_imm9(ops: Ops, size: int, opc: int, imm9: Value, index: int, rn: Value, rt: Value) -> None:
    """LDUR/STUR, post-indexed, LDTR/STTR, pre-indexed (index 0-3) of every size; PRFUM."""
    if _is_prefetch(size, opc):
        return
    base = base_address(ops, rn)
    moved = ops.add(base, ops.sext(imm9, 9))
    address = base if index == 1 else moved
    mode = Mode.UNPRIVILEGED if index == 2 else Mode.NORMAL
    if opc == 0:
        ops.store(address, 1 << size, ops.read_x(rt), mode)
        if index & 1:
            ops.write_xsp(rn, moved)
    else:
        value = load_extended(ops, address, size, opc, mode)
        if index & 1:
            ops.write_xsp(rn, moved)
        ops.write_x(rt, value)


@A64.instruction(
    "size:2 111 0 00 opc:2 1 rm:5 option:3 S:1 10 rn:5 rt:5",
    static="size opc option S",
    allocated=lambda f: f["option"] & 2 != 0 and _single_allocated(f),
)
def load_store_register(ops: Ops, size: int, opc: int, rm: Value, option: int, S: int, rn: Value, rt: Value) -> None:
    """LDR, STR, PRFM and relatives with a register offset."""
    if _is_prefetch(size, opc):
        return
    offset = extend_register(ops, ops.read_x(rm), option, size if S else 0)
    _transfer(ops, size, opc, ops.add(base_address(ops, rn), offset), rt)


@A64.instruction("opc:2 011 0 00 imm19:19 rt:5", static="opc")
def load_literal(ops: Ops, opc: int, imm19: Value, rt: Value) -> None:
    """LDR (literal), LDRSW (literal), PRFM (literal)."""
    if opc == 3:
        return
    address = ops.add(ops.pc(), ops.shl(ops.sext(imm19, 19), 2))
    value = ops.load(address, 8 if opc == 1 else 4)
    ops.write_x(rt, ops.sext(value, 32) if opc == 2 else value)


@A64.instruction(
    "opc:2 101 0 0 index:2 L:1 imm7:7 rt2:5 rn:5 rt:5",
    static="opc index L",
    allocated=lambda f: f["opc"] in (0, 2) or (f["opc"] == 1 and f["L"] == 1 and f["index"] != 0),
)
def load_store_pair(ops: Ops, opc: int, index: int, L: int, imm7: Value, rt2: Value, rn: Value, rt: Value) -> None:
    """LDNP/STNP, post-indexed, offset, pre-indexed (index 0-3) LDP, STP; LDPSW where opc is 1."""
    size = 8 if opc == 2 else 4
    base = base_address(ops, rn)
    moved = ops.add(base, ops.shl(ops.sext(imm7, 7), 3 if opc == 2 else 2))
    address = base if index == 1 else moved
    second = ops.add(address, size)
    if L:
        a, b = ops.load(address, size), ops.load(second, size)
        if opc == 1:
            a, b = ops.sext(a, 32), ops.sext(b, 32)
        if index & 1:
            ops.write_xsp(rn, moved)
        ops.write_x(rt, a)
        ops.write_x(rt2, b)
    else:
        ops.store(address, size, ops.read_x(rt))
        ops.store(second, size, ops.read_x(rt2))
        if index & 1:
            ops.write_xsp(rn, moved)


def _check_exclusive_alignment(ops: Ops, address: Value, size: int) -> None:
    """Exclusives fault when not aligned to the whole access, before the monitor is looked at.

    FEAT_LSE2 lets them be unaligned within 16 bytes.
    """
    if size > 1:
        is_across = ops.ult(16 - size, ops.and_(address, 15))
        is_refused = ops.or_(is_across, ops.xor(ops.get(state.UNALIGNED_EXCLUSIVES), 1))
        is_misaligned = ops.xor(ops.eq(ops.and_(address, size - 1), 0), 1)
        ops.escape_if(ops.and_(is_misaligned, is_refused), Escape.EXCLUSIVE_ALIGNMENT)


@A64.instruction("size:2 001000 0 1 0 xxxxx x xxxxx rn:5 rt:5", static="size")
def load_exclusive(ops: Ops, size: int, rn: Value, rt: Value) -> None:
    """LDXR, LDAXR and their byte and halfword forms."""
    address = base_address(ops, rn)
    value = ops.load(address, 1 << size, Mode.ALIGNED)
    ops.exclusive_begin(address, 1 << size)
    ops.write_x(rt, value)


@A64.instruction("size:2 001000 0 0 0 rs:5 x xxxxx rn:5 rt:5", static="size")
def store_exclusive(ops: Ops, size: int, rs: Value, rn: Value, rt: Value) -> None:
    """STXR, STLXR and their byte and halfword forms."""
    address = base_address(ops, rn)
    _check_exclusive_alignment(ops, address, 1 << size)
    ops.write_x(rs, ops.exclusive_store(address, 1 << size, (ops.read_x(rt),), 1 << size))


@A64.instruction("1 sz:1 001000 0 1 1 xxxxx x rt2:5 rn:5 rt:5", static="sz")
def load_exclusive_pair(ops: Ops, sz: int, rt2: Value, rn: Value, rt: Value) -> None:
    """LDXP, LDAXP."""
    element = 8 if sz else 4
    address = base_address(ops, rn)
    _check_exclusive_alignment(ops, address, 2 * element)
    a = ops.load(address, element, Mode.ALIGNED)
    b = ops.load(ops.add(address, element), element, Mode.ALIGNED)
    ops.exclusive_begin(address, 2 * element)
    ops.write_x(rt, a)
    ops.write_x(rt2, b)


@A64.instruction("1 sz:1 001000 0 0 1 rs:5 x rt2:5 rn:5 rt:5", static="sz")
def store_exclusive_pair(ops: Ops, sz: int, rs: Value, rt2: Value, rn: Value, rt: Value) -> None:
    """STXP, STLXP."""
    element = 8 if sz else 4
    address = base_address(ops, rn)
    _check_exclusive_alignment(ops, address, 2 * element)
    values = (ops.read_x(rt), ops.read_x(rt2))
    ops.write_x(rs, ops.exclusive_store(address, 2 * element, values, element))


@A64.instruction("size:2 001000 1 L:1 0 xxxxx 1 xxxxx rn:5 rt:5", static="size L")
def load_acquire_store_release(ops: Ops, size: int, L: int, rn: Value, rt: Value) -> None:
    """LDAR, STLR and their byte and halfword forms."""
    _transfer(ops, size, L, base_address(ops, rn), rt, Mode.ORDERED)
