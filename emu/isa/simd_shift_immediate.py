"""Advanced SIMD shift by immediate, integer: the amount is an operand, the element size is part of the encoding."""

from __future__ import annotations

import functools
from collections.abc import Callable

from emu.isa.lanes import SIMD, Lanes, read
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Value
from emu.isa.simd_arithmetic import shift_left, shift_right
from emu.isa.simd_shapes import Decorator, Operation

# immh:immb is a one that marks the element size, then the field: `esize` bits of room minus that one.
_IMMEDIATES = {"b": "0001 imm:3", "h": "001 imm:4", "s": "01 imm:5", "d": "1 imm:6"}
_WIDTHS = {"b": 8, "h": 16, "s": 32, "d": 64}

Meaning = Callable[..., None]


def _register(
    head: str, opcode: str, sizes: str, name: str, make: Callable[[int], Meaning], *, is_vector: bool, static: str
) -> None:
    """One encoding class per element size."""
    for size in sizes:
        esize = _WIDTHS[size]
        A64.instruction(
            f"{head} {_IMMEDIATES[size]} {opcode} 1 rn:5 rd:5",
            static=static,
            allocated=(lambda f: f["Q"] == 1) if is_vector and size == "d" else (lambda f: True),
            name=f"{name}_{esize}",
            feature=SIMD,
        )(make(esize))


def _shift(
    opcode: str, sizes: str, scalar: str = "", U: str = "U", *, left: bool = False, accumulate: bool = False
) -> Decorator:
    """Same widths on both sides: operation(lanes, a, amount), and the destination's lane with `accumulate`."""
    bit, also = ("U:1", " U") if U == "U" else (U, "")
    fixed = 0 if U == "U" else int(U)

    def decorate(operation: Operation) -> Operation:
        def make_vector(esize: int) -> Meaning:
            @functools.wraps(operation)
            def vector(ops: Ops, Q: int, imm: Value, rn: Value, rd: Value, U: int = fixed) -> None:
                v = Lanes(ops, esize, U)
                amount = imm if left else ops.sub(esize, imm)
                operands = [v.split(read(ops, register, Q)) for register in ((rn, rd) if accumulate else (rn,))]
                v.write(rd, [operation(v, a, amount, *rest) for a, *rest in zip(*operands, strict=True)])

            return vector

        def make_scalar(esize: int) -> Meaning:
            @functools.wraps(operation)
            def single(ops: Ops, imm: Value, rn: Value, rd: Value, U: int = fixed) -> None:
                v = Lanes(ops, esize, U)
                amount = imm if left else ops.sub(esize, imm)
                rest = (v.read_scalar(rd),) if accumulate else ()
                v.write_scalar(rd, operation(v, v.read_scalar(rn), amount, *rest))

            return single

        name = operation.__name__
        _register(f"0 Q:1 {bit} 011110", opcode, sizes, name, make_vector, is_vector=True, static="Q" + also)
        _register(
            f"01 {bit} 111110", opcode, scalar, name + "_scalar", make_scalar, is_vector=False, static=also.strip()
        )
        return operation

    return decorate


def _narrow(opcode: str, U: str = "U", *, scalar: bool = True) -> Decorator:
    """Right shifts of lanes twice as wide as the result: operation(lanes, a, amount)."""
    bit, also = ("U:1", " U") if U == "U" else (U, "")
    fixed = 0 if U == "U" else int(U)

    def decorate(operation: Operation) -> Operation:
        def make_vector(esize: int) -> Meaning:
            @functools.wraps(operation)
            def vector(ops: Ops, Q: int, imm: Value, rn: Value, rd: Value, U: int = fixed) -> None:
                v = Lanes(ops, esize, U)
                amount = ops.sub(esize, imm)
                v.write_part(rd, Q, [operation(v, a, amount) for a in v.read(rn, 1, 2 * esize)])

            return vector

        def make_scalar(esize: int) -> Meaning:
            @functools.wraps(operation)
            def single(ops: Ops, imm: Value, rn: Value, rd: Value, U: int = fixed) -> None:
                v = Lanes(ops, esize, U)
                v.write_scalar(rd, operation(v, v.read_scalar(rn, 2 * esize), ops.sub(esize, imm)))

            return single

        name = operation.__name__
        _register(f"0 Q:1 {bit} 011110", opcode, "bhs", name, make_vector, is_vector=True, static="Q" + also)
        if scalar:
            _register(
                f"01 {bit} 111110", opcode, "bhs", name + "_scalar", make_scalar, is_vector=False, static=also.strip()
            )
        return operation

    return decorate


@_shift("00000", "bhsd", "d")
def simd_shift_right(v: Lanes, a: Value, amount: Value) -> Value:
    """SSHR, USHR."""
    return shift_right(v, a, amount, rounding=False)


@_shift("00010", "bhsd", "d", accumulate=True)
def simd_shift_right_accumulate(v: Lanes, a: Value, amount: Value, d: Value) -> Value:
    """SSRA, USRA."""
    return v.ops.add(d, shift_right(v, a, amount, rounding=False))


@_shift("00100", "bhsd", "d")
def simd_rounding_shift_right(v: Lanes, a: Value, amount: Value) -> Value:
    """SRSHR, URSHR."""
    return shift_right(v, a, amount, rounding=True)


@_shift("00110", "bhsd", "d", accumulate=True)
def simd_rounding_shift_right_accumulate(v: Lanes, a: Value, amount: Value, d: Value) -> Value:
    """SRSRA, URSRA."""
    return v.ops.add(d, shift_right(v, a, amount, rounding=True))


@_shift("01000", "bhsd", "d", U="1", accumulate=True)
def simd_shift_right_insert(v: Lanes, a: Value, amount: Value, d: Value) -> Value:
    """SRI: the bits that the shift empties keep the destination's."""
    ops = v.ops
    kept = shift_right(v, (1 << v.esize) - 1, amount, rounding=False)
    return ops.or_(shift_right(v, a, amount, rounding=False), ops.and_(d, ops.xor(kept, (1 << v.esize) - 1)))


@_shift("01010", "bhsd", "d", U="0", left=True)
def simd_shift_left(v: Lanes, a: Value, amount: Value) -> Value:
    """SHL."""
    return v.ops.shl(a, amount)


@_shift("01010", "bhsd", "d", U="1", left=True, accumulate=True)
def simd_shift_left_insert(v: Lanes, a: Value, amount: Value, d: Value) -> Value:
    """SLI: the bits that the shift empties keep the destination's."""
    ops = v.ops
    return ops.or_(ops.shl(a, amount), ops.and_(d, ops.sub(ops.shl(1, amount), 1)))


@_shift("01100", "bhsd", "bhsd", U="1", left=True)
def simd_saturating_shift_left_unsigned(v: Lanes, a: Value, amount: Value) -> Value:
    """SQSHLU: signed lanes to unsigned results."""
    ops = v.ops
    signed = v.extend(a, v.esize, 0)
    is_negative = ops.slt(signed, 0)
    v.saturated_if(is_negative)
    return shift_left(v, ops.select(is_negative, 0, a), amount, saturating=True)


@_shift("01110", "bhsd", "bhsd", left=True)
def simd_saturating_shift_left(v: Lanes, a: Value, amount: Value) -> Value:
    """SQSHL, UQSHL (immediate)."""
    return shift_left(v, a, amount, saturating=True)


@_narrow("10000", U="0", scalar=False)
def simd_shift_right_narrow(v: Lanes, a: Value, amount: Value) -> Value:
    """SHRN."""
    return shift_right(v, a, amount, rounding=False, width=2 * v.esize)


@_narrow("10001", U="0", scalar=False)
def simd_rounding_shift_right_narrow(v: Lanes, a: Value, amount: Value) -> Value:
    """RSHRN."""
    return shift_right(v, a, amount, rounding=True, width=2 * v.esize)


def _signed(v: Lanes, a: Value) -> Value:
    """The wide lane as a signed number, where U is part of the opcode."""
    return v.extend(a, 2 * v.esize, 0)


@_narrow("10000", U="1")
def simd_saturating_shift_right_unsigned_narrow(v: Lanes, a: Value, amount: Value) -> Value:
    """SQSHRUN."""
    shifted = shift_right(v, _signed(v, a), amount, rounding=False, width=2 * v.esize, unsigned=0)
    return v.clip(shifted, v.esize, source=0, target=1)


@_narrow("10001", U="1")
def simd_saturating_rounding_shift_right_unsigned_narrow(v: Lanes, a: Value, amount: Value) -> Value:
    """SQRSHRUN."""
    shifted = shift_right(v, _signed(v, a), amount, rounding=True, width=2 * v.esize, unsigned=0)
    return v.clip(shifted, v.esize, source=0, target=1)


@_narrow("10010")
def simd_saturating_shift_right_narrow(v: Lanes, a: Value, amount: Value) -> Value:
    """SQSHRN, UQSHRN."""
    return v.clip(shift_right(v, a, amount, rounding=False, width=2 * v.esize), v.esize)


@_narrow("10011")
def simd_saturating_rounding_shift_right_narrow(v: Lanes, a: Value, amount: Value) -> Value:
    """SQRSHRN, UQRSHRN."""
    return v.clip(shift_right(v, a, amount, rounding=True, width=2 * v.esize), v.esize)


def _make_long(esize: int) -> Meaning:
    def simd_shift_left_long_immediate(ops: Ops, Q: int, U: int, imm: Value, rn: Value, rd: Value) -> None:
        """SSHLL, USHLL (SXTL and UXTL where the amount is 0)."""
        v = Lanes(ops, esize, U)
        v.write(rd, [ops.shl(a, imm) for a in v.read_part(rn, Q)], 2 * esize)

    return simd_shift_left_long_immediate


_register(
    "0 Q:1 U:1 011110", "10100", "bhs", "simd_shift_left_long_immediate", _make_long, is_vector=True, static="Q U"
)
