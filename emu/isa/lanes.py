"""Lanes of V registers: cutting 128 bits into elements, joining them, and the state that a lane operation shares."""

from __future__ import annotations

from collections.abc import Sequence

from emu import state
from emu.isa.ops import Escape, Ops
from emu.isa.pattern import Value

SIMD = "FEAT_AdvSIMD"
ONES = (1 << 64) - 1
QC = 27
"""FPSR.QC: a saturating operation has saturated since it was cleared."""


def check_access(ops: Ops) -> None:
    """CheckFPAdvSIMDEnabled64: the first thing any instruction does that uses a V register."""
    ops.escape_if(ops.get(state.FP_DISABLED), Escape.FP_ACCESS)


def read(ops: Ops, register: Value, Q: int = 1) -> list[Value]:
    """The low half of a V register, and the high one where Q asks for it."""
    return [ops.read_v(register, half) for half in range(1 + Q)]


def split(ops: Ops, halves: Sequence[Value], esize: int) -> list[Value]:
    """The elements of 64-bit halves, lowest first, zero extended."""
    if esize == 64:
        return list(halves)
    lanes: list[Value] = []
    for half in halves:
        lanes += [ops.zext(ops.shr(half, low) if low else half, esize) for low in range(0, 64 - esize, esize)]
        lanes.append(ops.shr(half, 64 - esize))
    return lanes


def split_signed(ops: Ops, halves: Sequence[Value], esize: int) -> list[Value]:
    """The elements of 64-bit halves, lowest first, sign extended."""
    if esize == 64:
        return list(halves)
    lanes: list[Value] = []
    for half in halves:
        lanes += [ops.sext(ops.shr(half, low) if low else half, esize) for low in range(0, 64 - esize, esize)]
        lanes.append(ops.sar(half, 64 - esize))
    return lanes


def join(ops: Ops, lanes: Sequence[Value], esize: int) -> tuple[Value, Value]:
    """The low and high half made of elements, lowest first; bits above `esize` are dropped, missing lanes are zero."""
    count = 64 // esize
    halves: list[Value] = []
    for start in range(0, len(lanes), count):
        half: Value = 0
        for index, lane in enumerate(lanes[start : start + count]):
            # The last lane loses its upper bits by being shifted.
            piece = lane if index == count - 1 else ops.zext(lane, esize)
            piece = ops.shl(piece, index * esize) if index else piece
            half = ops.or_(half, piece) if index else piece
        halves.append(half)
    return halves[0], halves[1] if len(halves) > 1 else 0


def element(ops: Ops, register: Value, index: Value, size: int) -> Value:
    """The element of 8 << `size` bits at an index known only when the instruction runs, zero extended."""
    upper = ops.shr(index, 3 - size)
    half = ops.select(upper, ops.read_v(register, 1), ops.read_v(register, 0))
    if size == 3:
        return half
    place = ops.shl(ops.and_(index, (8 >> size) - 1), 3 + size)
    return ops.zext(ops.shr(half, place), 8 << size)


def negative(ops: Ops, value: Value) -> Value:
    return ops.sub(0, value)


class Lanes:
    """What one instruction's lane operations share: the element size, the signedness, and whether one saturated."""

    def __init__(self, ops: Ops, esize: int, unsigned: int = 1) -> None:
        check_access(ops)
        self.ops = ops
        self.esize = esize
        self.unsigned = unsigned
        self._saturated: Value = 0

    # Registers.

    def split(self, halves: Sequence[Value], esize: int | None = None) -> list[Value]:
        """Elements extended as the operation's signedness says."""
        return (split if self.unsigned else split_signed)(self.ops, halves, esize or self.esize)

    def read(self, register: Value, Q: int = 1, esize: int | None = None) -> list[Value]:
        """The elements of the low half of a register, or of all of it."""
        return self.split(read(self.ops, register, Q), esize)

    def read_part(self, register: Value, part: int) -> list[Value]:
        """The elements of one half: the low one, or the high one that the "2" forms of long operations take."""
        return self.split([self.ops.read_v(register, part)])

    def read_scalar(self, register: Value, esize: int | None = None) -> Value:
        return self.extend(self.ops.read_v(register, 0), esize or self.esize)

    def write(self, register: Value, lanes: Sequence[Value], esize: int | None = None) -> None:
        """All of a register; lanes that are not given are zero. FPSR.QC is set if an operation saturated."""
        self.ops.write_v(register, *join(self.ops, lanes, esize or self.esize))
        self._note_saturation()

    def write_part(self, register: Value, part: int, lanes: Sequence[Value]) -> None:
        """The low half and zero above it, or the high half alone, as narrowing operations do."""
        low, _ = join(self.ops, lanes, self.esize)
        if part:
            self.ops.write_v(register, self.ops.read_v(register, 0), low)
        else:
            self.ops.write_v(register, low, 0)
        self._note_saturation()

    def write_scalar(self, register: Value, value: Value, esize: int | None = None) -> None:
        esize = esize or self.esize
        self.ops.write_v(register, value if esize == 64 else self.ops.zext(value, esize), 0)
        self._note_saturation()

    def _note_saturation(self) -> None:
        if isinstance(self._saturated, int) and self._saturated == 0:
            return
        ops = self.ops
        ops.set(state.FPSR, ops.or_(ops.get(state.FPSR), ops.shl(self._saturated, QC)))

    # Values of one lane.

    def extend(self, value: Value, width: int, unsigned: int | None = None) -> Value:
        """The low bits, extended as the operation's signedness says."""
        if width == 64:
            return value
        is_unsigned = self.unsigned if unsigned is None else unsigned
        return (self.ops.zext if is_unsigned else self.ops.sext)(value, width)

    def less(self, a: Value, b: Value) -> Value:
        return (self.ops.ult if self.unsigned else self.ops.slt)(a, b)

    def saturated_if(self, condition: Value) -> None:
        """Note that a lane saturated where the condition, 0 or 1, is 1."""
        self._saturated = self.ops.or_(self._saturated, condition)

    def clip(self, value: Value, width: int, source: int | None = None, target: int | None = None) -> Value:
        """SatQ: the nearest number of `width` bits; `source` and `target` say whether each is unsigned.

        `value` is a number of 64 bits, and what makes it must not overflow them.
        """
        ops = self.ops
        source = self.unsigned if source is None else source
        target = self.unsigned if target is None else target
        highest = (1 << width) - 1 if target else (1 << (width - 1)) - 1
        less = ops.ult if source else ops.slt
        above = less(highest, value)
        result = ops.select(above, highest, value)
        self.saturated_if(above)
        if not source:
            lowest = 0 if target else -(1 << (width - 1)) & ONES
            below = ops.slt(value, lowest)
            result = ops.select(below, lowest, result)
            self.saturated_if(below)
        return result
