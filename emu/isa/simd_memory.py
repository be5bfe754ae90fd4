"""Loads and stores of V registers (Arm ARM C4.1: "Loads and Stores", and the Advanced SIMD structures among them)."""

from __future__ import annotations

from emu.isa.arithmetic import extend_register
from emu.isa.lanes import SIMD, check_access, join, split
from emu.isa.memory import base_address
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Fields, Value

FP = "FEAT_FP"


def _load(ops: Ops, address: Value, scale: int) -> tuple[Value, Value]:
    """1 << scale bytes, zero extended to a V register."""
    if scale < 4:
        return ops.load(address, 1 << scale), 0
    return ops.load(address, 8, align=16), ops.load(ops.add(address, 8), 8)


def _store(ops: Ops, address: Value, scale: int, register: Value) -> None:
    """The low 1 << scale bytes of a V register."""
    ops.store(address, 1 << min(scale, 3), ops.read_v(register, 0), align=1 << scale)
    if scale == 4:
        ops.store(ops.add(address, 8), 8, ops.read_v(register, 1))


def _transfer(ops: Ops, scale: int, is_load: int, address: Value, rt: Value) -> None:
    if is_load:
        ops.write_v(rt, *_load(ops, address, scale))
    else:
        _store(ops, address, scale, rt)


def _scale_allocated(fields: Fields) -> bool:
    """opc<1>:size is log2 of the bytes, at most 16."""
    return fields["wide"] == 0 or fields["size"] == 0


@A64.instruction(
    "size:2 111 1 01 wide:1 L:1 imm12:12 rn:5 rt:5", static="size wide L", allocated=_scale_allocated, feature=FP
)
def simd_load_store_unsigned(ops: Ops, size: int, wide: int, L: int, imm12: Value, rn: Value, rt: Value) -> None:
    """LDR, STR of B, H, S, D and Q registers (unsigned offset)."""
    check_access(ops)
    scale = wide << 2 | size
    _transfer(ops, scale, L, ops.add(base_address(ops, rn), ops.shl(imm12, scale)), rt)


@A64.instruction(
    "size:2 111 1 00 wide:1 L:1 0 imm9:9 index:2 rn:5 rt:5",
    static="size wide L index",
    allocated=lambda f: _scale_allocated(f) and f["index"] != 2,
    feature=FP,
)
def simd_load_store_imm9(ops: Ops, size: int, wide: int, L: int, imm9: Value, index: int, rn: Value, rt: Value) -> None:
    """LDUR/STUR, post-indexed and pre-indexed LDR/STR (index 0, 1, 3) of V registers."""
    check_access(ops)
    base = base_address(ops, rn)
    moved = ops.add(base, ops.sext(imm9, 9))
    _transfer(ops, wide << 2 | size, L, base if index == 1 else moved, rt)
    if index:
        ops.write_xsp(rn, moved)


@A64.instruction(
    "size:2 111 1 00 wide:1 L:1 1 rm:5 option:3 S:1 10 rn:5 rt:5",
    static="size wide L option S",
    allocated=lambda f: f["option"] & 2 != 0 and _scale_allocated(f),
    feature=FP,
)
def simd_load_store_register(
    ops: Ops, size: int, wide: int, L: int, rm: Value, option: int, S: int, rn: Value, rt: Value
) -> None:
    """LDR, STR of V registers with a register offset."""
    check_access(ops)
    scale = wide << 2 | size
    offset = extend_register(ops, ops.read_x(rm), option, scale if S else 0)
    _transfer(ops, scale, L, ops.add(base_address(ops, rn), offset), rt)


@A64.instruction("opc:2 011 1 00 imm19:19 rt:5", static="opc", allocated=lambda f: f["opc"] < 3, feature=FP)
def simd_load_literal(ops: Ops, opc: int, imm19: Value, rt: Value) -> None:
    """LDR (literal) of S, D and Q registers."""
    check_access(ops)
    address = ops.add(ops.pc(), ops.shl(ops.sext(imm19, 19), 2))
    ops.write_v(rt, *_load(ops, address, 2 + opc))


@A64.instruction(
    "opc:2 101 1 0 index:2 L:1 imm7:7 rt2:5 rn:5 rt:5",
    static="opc index L",
    allocated=lambda f: f["opc"] < 3,
    feature=FP,
)
def simd_load_store_pair(ops: Ops, opc: int, index: int, L: int, imm7: Value, rt2: Value, rn: Value, rt: Value) -> None:
    """LDNP/STNP, post-indexed, offset, pre-indexed (index 0-3) LDP, STP of S, D and Q registers."""
    check_access(ops)
    scale = 2 + opc
    base = base_address(ops, rn)
    moved = ops.add(base, ops.shl(ops.sext(imm7, 7), scale))
    address = base if index == 1 else moved
    second = ops.add(address, 1 << scale)
    if L:
        first_value, second_value = _load(ops, address, scale), _load(ops, second, scale)
        ops.write_v(rt, *first_value)
        ops.write_v(rt2, *second_value)
    else:
        _store(ops, address, scale, rt)
        _store(ops, second, scale, rt2)
    if index & 1:
        ops.write_xsp(rn, moved)


# Structures: elements of one to four registers, interleaved in memory.

_MULTIPLE = {
    0b0000: (1, 4),
    0b0010: (4, 1),
    0b0100: (1, 3),
    0b0110: (3, 1),
    0b0111: (1, 1),
    0b1000: (1, 2),
    0b1010: (2, 1),
}
"""LD1-LD4 multiple by opcode: (registers that follow each other whole, registers interleaved)."""


def _multiple_allocated(fields: Fields) -> bool:
    """Interleaving single 64-bit elements would be no interleaving: only LD1 and ST1 have a 1D form."""
    _, interleaved = _MULTIPLE.get(fields["opcode"], (0, 0))
    return interleaved == 1 or (interleaved > 1 and (fields["size"] < 3 or fields["Q"] == 1))


def _next(ops: Ops, register: Value, count: int) -> Value:
    """The register `count` further on; V0 comes after V31."""
    return ops.and_(ops.add(register, count), 31) if count else register


def _multiple(ops: Ops, Q: int, L: int, opcode: int, size: int, rn: Value, rt: Value) -> tuple[Value, int]:
    """Transfer; returns the base address and the number of bytes."""
    check_access(ops)
    repeated, interleaved = _MULTIPLE[opcode]
    count, halves, esize = max(repeated, interleaved), 1 + Q, 8 << size
    base = base_address(ops, rn)
    registers = [_next(ops, rt, number) for number in range(count)]
    # The bytes are contiguous and each element is aligned to its own size at least: go by 64 bits.
    addresses = [ops.add(base, 8 * word) if word else base for word in range(count * halves)]
    if L:
        words = [ops.load(address, 8, align=1 << size) for address in addresses]
        if interleaved > 1:
            elements = split(ops, words, esize)
            words = []
            for number in range(count):
                low, high = join(ops, elements[number::count], esize)
                words += [low, high][:halves]
        for number, register in enumerate(registers):
            first = words[number * halves]
            ops.write_v(register, first, words[number * halves + 1] if Q else 0)
    else:
        words = [ops.read_v(register, half) for register in registers for half in range(halves)]
        if interleaved > 1:
            elements = split(ops, words, esize)
            each = len(elements) // count
            mixed = [elements[number * each + index] for index in range(each) for number in range(count)]
            per_word = 64 // esize
            words = [join(ops, mixed[at : at + per_word], esize)[0] for at in range(0, len(mixed), per_word)]
        for address, word in zip(addresses, words, strict=True):
            ops.store(address, 8, word, align=1 << size)
    return base, 8 * count * halves


def _post_index(ops: Ops, rn: Value, rm: Value, base: Value, size: int) -> None:
    """Move the base by Xm, or by the bytes transferred where m is 31."""
    step = ops.select(ops.eq(rm, 31), size, ops.read_x(rm))
    ops.write_xsp(rn, ops.add(base, step))


@A64.instruction(
    "0 Q:1 0011000 L:1 000000 opcode:4 size:2 rn:5 rt:5",
    static="Q L opcode size",
    allocated=_multiple_allocated,
    feature=SIMD,
)
def simd_structures(ops: Ops, Q: int, L: int, opcode: int, size: int, rn: Value, rt: Value) -> None:
    """LD1, LD2, LD3, LD4, ST1, ST2, ST3, ST4 (multiple structures)."""
    _multiple(ops, Q, L, opcode, size, rn, rt)


@A64.instruction(
    "0 Q:1 0011001 L:1 0 rm:5 opcode:4 size:2 rn:5 rt:5",
    static="Q L opcode size",
    allocated=_multiple_allocated,
    feature=SIMD,
)
def simd_structures_post(ops: Ops, Q: int, L: int, rm: Value, opcode: int, size: int, rn: Value, rt: Value) -> None:
    """LD1, LD2, LD3, LD4, ST1, ST2, ST3, ST4 (multiple structures, post-indexed)."""
    _post_index(ops, rn, rm, *_multiple(ops, Q, L, opcode, size, rn, rt))


def _single_allocated(fields: Fields) -> bool:
    """Index bits that an element size does not use are zero; only loads replicate."""
    scale, size, S = fields["opcode"] >> 1, fields["size"], fields["S"]
    if scale == 3:
        return fields["L"] == 1 and S == 0
    if scale == 2:
        return size == 0 or (size == 1 and S == 0)
    return scale == 0 or size & 1 == 0


def _insert(ops: Ops, register: Value, index: Value, scale: int, value: Value) -> None:
    """Set the element of 1 << scale bytes at an index known only when the instruction runs."""
    esize = 8 << scale
    place = ops.shl(ops.and_(index, (8 >> scale) - 1), 3 + scale)
    mask = ops.xor(ops.shl((1 << esize) - 1, place), (1 << 64) - 1)
    placed = ops.shl(value, place)
    is_high = ops.shr(index, 3 - scale)
    halves = []
    for half in (0, 1):
        old = ops.read_v(register, half)
        new = ops.or_(ops.and_(old, mask), placed)
        halves.append(ops.select(is_high, new, old) if half else ops.select(is_high, old, new))
    ops.write_v(register, *halves)


def _element(ops: Ops, register: Value, index: Value, scale: int) -> Value:
    half = ops.select(ops.shr(index, 3 - scale), ops.read_v(register, 1), ops.read_v(register, 0))
    return ops.shr(half, ops.shl(ops.and_(index, (8 >> scale) - 1), 3 + scale))


def _replicate(ops: Ops, Q: Value, scale: int, value: Value) -> tuple[Value, Value]:
    filled = ops.mul(value, ((1 << 64) - 1) // ((1 << (8 << scale)) - 1))
    return filled, ops.select(Q, filled, 0)


def _single(
    ops: Ops, Q: Value, L: int, R: int, opcode: int, S: Value, size: int, rn: Value, rt: Value
) -> tuple[Value, int]:
    """Transfer; returns the base address and the number of bytes."""
    check_access(ops)
    count = (opcode & 1) << 1 | R
    scale = size if opcode >= 6 else 3 if opcode >> 1 == 2 and size == 1 else opcode >> 1
    # The index is Q:S:size without the bits of size that the element size leaves unused; for 64 bits it is Q alone.
    index: Value = Q
    if scale < 3:
        index = ops.or_(ops.shl(ops.or_(ops.shl(Q, 1), S), 2 - scale), size >> scale)
    base = base_address(ops, rn)
    registers = [_next(ops, rt, number) for number in range(count + 1)]
    addresses = [ops.add(base, number << scale) if number else base for number in range(count + 1)]
    if L:
        # Registers are written when no load can fault any more.
        values = [ops.load(address, 1 << scale) for address in addresses]
        for register, value in zip(registers, values, strict=True):
            if opcode >= 6:
                ops.write_v(register, *_replicate(ops, Q, scale, value))
            else:
                _insert(ops, register, index, scale, value)
    else:
        for register, address in zip(registers, addresses, strict=True):
            ops.store(address, 1 << scale, _element(ops, register, index, scale))
    return base, count + 1 << scale


@A64.instruction(
    "0 Q:1 0011010 L:1 R:1 00000 opcode:3 S:1 size:2 rn:5 rt:5",
    static="L R opcode size",
    allocated=_single_allocated,
    feature=SIMD,
)
def simd_structure(ops: Ops, Q: Value, L: int, R: int, opcode: int, S: Value, size: int, rn: Value, rt: Value) -> None:
    """LD1-LD4, ST1-ST4 (single structure), LD1R-LD4R."""
    _single(ops, Q, L, R, opcode, S, size, rn, rt)


@A64.instruction(
    "0 Q:1 0011011 L:1 R:1 rm:5 opcode:3 S:1 size:2 rn:5 rt:5",
    static="L R opcode size",
    allocated=_single_allocated,
    feature=SIMD,
)
def simd_structure_post(
    ops: Ops, Q: Value, L: int, R: int, rm: Value, opcode: int, S: Value, size: int, rn: Value, rt: Value
) -> None:
    """LD1-LD4, ST1-ST4 (single structure, post-indexed), LD1R-LD4R."""
    _post_index(ops, rn, rm, *_single(ops, Q, L, R, opcode, S, size, rn, rt))
