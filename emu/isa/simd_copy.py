"""Advanced SIMD copy and modified immediate: lanes from lanes, from general registers, and constants."""

from __future__ import annotations

from collections.abc import Callable

from emu.isa.lanes import SIMD, check_access, element, read
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Fields, Value

ONES = (1 << 64) - 1
Meaning = Callable[..., None]


def _repeated(ops: Ops, value: Value, esize: int) -> Value:
    """A zero-extended lane in all lanes of a half."""
    return value if esize == 64 else ops.mul(value, ONES // ((1 << esize) - 1))


def _write(ops: Ops, rd: Value, half: Value, Q: int) -> None:
    ops.write_v(rd, half, half if Q else 0)


def _insert(ops: Ops, rd: Value, index: Value, size: int, value: Value) -> None:
    """Replace one lane and keep the others."""
    esize = 8 << size
    upper = ops.shr(index, 3 - size)
    place = ops.shl(ops.and_(index, (8 >> size) - 1), 3 + size) if size < 3 else 0
    mask = ops.shl((1 << esize) - 1, place)
    moved = ops.shl(ops.zext(value, esize), place)
    halves = []
    for number, half in enumerate(read(ops, rd)):
        changed = ops.or_(ops.and_(half, ops.xor(mask, ONES)), moved)
        halves.append(ops.select(ops.eq(upper, number), changed, half))
    ops.write_v(rd, halves[0], halves[1])


def _dup_element(size: int) -> Meaning:
    def simd_dup_element(ops: Ops, Q: int, index: Value, rn: Value, rd: Value) -> None:
        """DUP (element)."""
        check_access(ops)
        _write(ops, rd, _repeated(ops, element(ops, rn, index, size), 8 << size), Q)

    return simd_dup_element


def _dup_scalar(size: int) -> Meaning:
    def simd_dup_scalar(ops: Ops, index: Value, rn: Value, rd: Value) -> None:
        """DUP (element), scalar: MOV of one lane."""
        check_access(ops)
        ops.write_v(rd, element(ops, rn, index, size), 0)

    return simd_dup_scalar


def _dup_general(size: int) -> Meaning:
    def simd_dup_general(ops: Ops, Q: int, rn: Value, rd: Value) -> None:
        """DUP (general)."""
        check_access(ops)
        _write(ops, rd, _repeated(ops, ops.zext(ops.read_x(rn), 8 << size), 8 << size), Q)

    return simd_dup_general


def _smov(size: int) -> Meaning:
    def simd_smov(ops: Ops, Q: int, index: Value, rn: Value, rd: Value) -> None:
        """SMOV: a lane, sign extended to Wd or Xd."""
        check_access(ops)
        value = ops.sext(element(ops, rn, index, size), 8 << size)
        ops.write_x(rd, value if Q else ops.zext(value, 32))

    return simd_smov


def _umov(size: int) -> Meaning:
    def simd_umov(ops: Ops, index: Value, rn: Value, rd: Value) -> None:
        """UMOV: a lane, zero extended."""
        check_access(ops)
        ops.write_x(rd, element(ops, rn, index, size))

    return simd_umov


def _ins_general(size: int) -> Meaning:
    def simd_ins_general(ops: Ops, index: Value, rn: Value, rd: Value) -> None:
        """INS (general)."""
        check_access(ops)
        _insert(ops, rd, index, size, ops.read_x(rn))

    return simd_ins_general


def _ins_element(size: int) -> Meaning:
    def simd_ins_element(ops: Ops, index: Value, source: Value, rn: Value, rd: Value) -> None:
        """INS (element). The low bits of imm4 below the element size do not matter."""
        check_access(ops)
        _insert(ops, rd, index, size, element(ops, rn, ops.shr(source, size), size))

    return simd_ins_element


def _any(_: Fields) -> bool:
    return True


def _is_full(f: Fields) -> bool:
    return f["Q"] == 1


def _register(
    name: str, size: int, pattern: str, meaning: Meaning, static: str = "", allocated: Callable[[Fields], bool] = _any
) -> None:
    name = f"{name}_{8 << size}"
    A64.instruction(f"{pattern} 1 rn:5 rd:5", static=static, allocated=allocated, name=name, feature=SIMD)(meaning)


# imm5 is the index, then a one and zeros that mark the element size.
for _size, _imm5 in enumerate(("index:4 1", "index:3 10", "index:2 100", "index:1 1000")):
    _unused = ("xxxx1", "xxx10", "xx100", "x1000")[_size]
    _lanes = _is_full if _size == 3 else _any
    _register("simd_dup_element", _size, f"0 Q:1 0 01110000 {_imm5} 0 0000", _dup_element(_size), "Q", _lanes)
    _register("simd_dup_scalar", _size, f"01 0 11110000 {_imm5} 0 0000", _dup_scalar(_size))
    _register("simd_dup_general", _size, f"0 Q:1 0 01110000 {_unused} 0 0001", _dup_general(_size), "Q", _lanes)
    _register("simd_ins_general", _size, f"0 1 0 01110000 {_imm5} 0 0011", _ins_general(_size))
    _register("simd_ins_element", _size, f"0 1 1 01110000 {_imm5} 0 source:4", _ins_element(_size))
    _register("simd_umov", _size, f"0 {int(_size == 3)} 0 01110000 {_imm5} 0 0111", _umov(_size))
    if _size < 3:
        _lanes = _is_full if _size == 2 else _any
        _register("simd_smov", _size, f"0 Q:1 0 01110000 {_imm5} 0 0101", _smov(_size), "Q", _lanes)


def _expand_immediate(ops: Ops, op: int, cmode: int, imm8: Value) -> Value:
    """AdvSIMDExpandImm, but for floating point."""
    if cmode < 8:
        return _repeated(ops, ops.shl(imm8, 8 * (cmode >> 1)), 32)
    if cmode < 12:
        return _repeated(ops, ops.shl(imm8, 8 * (cmode >> 1 & 1)), 16)
    if cmode < 14:
        shift = 16 if cmode & 1 else 8
        return _repeated(ops, ops.or_(ops.shl(imm8, shift), (1 << shift) - 1), 32)
    if cmode == 14 and not op:
        return _repeated(ops, imm8, 8)
    # Each bit becomes a byte: copies of imm8, bit i of byte i alone, moved to the byte's top and down again.
    spread: Value = 0
    for i in range(8):
        spread = ops.or_(spread, ops.shl(ops.and_(ops.shr(imm8, i), 1), 8 * i))
    return ops.mul(spread, 255)


def _expand_float(ops: Ops, width: int, imm8: Value) -> Value:
    """VFPExpandImm: sign, an exponent of three bits around the middle, a fraction of four bits."""
    exponent = {16: 5, 32: 8, 64: 11}[width]
    fraction = width - exponent - 1
    sign = ops.shl(ops.shr(imm8, 7), width - 1)
    top = ops.and_(ops.shr(imm8, 6), 1)
    # NOT(b), then copies of b, then bits 5:4.
    high = ops.shl(ops.xor(top, 1), exponent - 1)
    copies = ops.shl(ops.mul(top, (1 << (exponent - 3)) - 1), 2)
    low = ops.and_(ops.shr(imm8, 4), 3)
    return ops.or_(
        ops.or_(sign, ops.shl(ops.and_(imm8, 15), fraction - 4)),
        ops.shl(ops.or_(ops.or_(high, copies), low), fraction),
    )


@A64.instruction(
    "0 Q:1 op:1 0111100000 high:3 cmode:4 0 1 low:5 rd:5",
    static="Q op cmode",
    allocated=lambda f: not (f["cmode"] == 15 and f["op"] == 1 and f["Q"] == 0),
    feature=SIMD,
)
def simd_modified_immediate(ops: Ops, Q: int, op: int, high: Value, cmode: int, low: Value, rd: Value) -> None:
    """MOVI, MVNI, ORR, BIC (vector, immediate), FMOV (vector, immediate) of single and double precision."""
    check_access(ops)
    imm8 = ops.or_(ops.shl(high, 5), low)
    if cmode == 15:
        value = _expand_float(ops, 64, imm8) if op else _repeated(ops, _expand_float(ops, 32, imm8), 32)
        _write(ops, rd, value, Q)
        return
    value = _expand_immediate(ops, op, cmode, imm8)
    if op and cmode != 14:
        value = ops.xor(value, ONES)
    if cmode & 1 and cmode < 12:
        halves = [(ops.and_ if op else ops.or_)(half, value) for half in read(ops, rd, Q)]
        ops.write_v(rd, halves[0], halves[1] if Q else 0)
    else:
        _write(ops, rd, value, Q)


@A64.instruction("0 Q:1 0 0111100000 high:3 1111 1 1 low:5 rd:5", static="Q", feature="FEAT_FP16")
def simd_move_half_immediate(ops: Ops, Q: int, high: Value, low: Value, rd: Value) -> None:
    """FMOV (vector, immediate) of half precision."""
    check_access(ops)
    imm8 = ops.or_(ops.shl(high, 5), low)
    _write(ops, rd, _repeated(ops, _expand_float(ops, 16, imm8), 16), Q)
