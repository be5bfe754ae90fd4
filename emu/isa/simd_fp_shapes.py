"""Shapes of vector floating-point instructions: each turns an operation on one lane into its encodings.

An operation is a function (ops, width, a, b, ...) -> result on bit patterns of `width` bits. Every decorator registers
it for single and double precision, with `_half` behind the name for half precision (FEAT_FP16), and with `_scalar` for
the scalar form where there is one; it gives the operation back.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from emu.isa.lanes import SIMD, check_access, element, join, read, split
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Fields, Value

FP16 = "FEAT_FP16"
Operation = Callable[..., Value]
Decorator = Callable[[Operation], Operation]
Meaning = Callable[..., None]


def lanes(ops: Ops, register: Value, width: int, Q: int = 1) -> list[Value]:
    return split(ops, read(ops, register, Q), width)


def first_lane(ops: Ops, register: Value, width: int) -> Value:
    value = ops.read_v(register, 0)
    return value if width == 64 else ops.zext(value, width)


def write(ops: Ops, register: Value, values: list[Value], width: int) -> None:
    """All of a register; lanes that are not given are zero."""
    ops.write_v(register, *join(ops, values, width))


def negated(ops: Ops, width: int, a: Value) -> Value:
    """FPNeg: the sign changed, of a NaN too."""
    return ops.xor(a, 1 << (width - 1))


def absolute(ops: Ops, width: int, a: Value) -> Value:
    """FPAbs: the sign cleared, of a NaN too."""
    return ops.and_(a, (1 << (width - 1)) - 1)


def _not_one_double(f: Fields) -> bool:
    return f.get("Q", 1) == 1 or f["sz"] == 0


def forms(
    meaning: Meaning,
    name: str,
    *,
    wide: str | None = None,
    half: str | None = None,
    static: str = "",
    feature: str = SIMD,
) -> None:
    """Register a meaning that gets `width`: 32 or 64 by the sz of the `wide` pattern, 16 with the `half` one."""
    if wide is not None:

        @functools.wraps(meaning)
        def for_wide(ops: Ops, sz: int, **fields: Value) -> None:
            check_access(ops)
            meaning(ops, width=32 << sz, **fields)

        A64.instruction(wide, static=f"sz {static}", allocated=_not_one_double, name=name, feature=feature)(for_wide)
    if half is not None:

        @functools.wraps(meaning)
        def for_half(ops: Ops, **fields: Value) -> None:
            check_access(ops)
            meaning(ops, width=16, **fields)

        A64.instruction(half, static=static, name=f"{name}_half", feature=FP16)(for_half)


def _documented(meaning: Meaning, operation: Operation) -> Meaning:
    return functools.wraps(operation)(meaning)


def three_same(row: str, *, scalar: bool = False, accumulate: bool = False, pairwise: bool = False) -> Decorator:
    """Three registers of the same kind. `row` is U, bit 23 and the low three bits of the opcode: "0 0 010" is FADD."""
    U, a, opcode = row.split()

    def decorate(operation: Operation) -> Operation:
        def vector(ops: Ops, width: int, Q: int, rm: Value, rn: Value, rd: Value) -> None:
            x, y = lanes(ops, rn, width, Q), lanes(ops, rm, width, Q)
            if pairwise:
                x, y = (x + y)[::2], (x + y)[1::2]
            operands = [x, y, lanes(ops, rd, width, Q)] if accumulate else [x, y]
            write(ops, rd, [operation(ops, width, *lane) for lane in zip(*operands, strict=True)], width)

        def single(ops: Ops, width: int, rm: Value, rn: Value, rd: Value) -> None:
            result = operation(ops, width, first_lane(ops, rn, width), first_lane(ops, rm, width))
            write(ops, rd, [result], width)

        name = operation.__name__
        tail, half_tail = f"rm:5 11{opcode} 1 rn:5 rd:5", f"rm:5 00{opcode} 1 rn:5 rd:5"
        forms(
            _documented(vector, operation), name, static="Q",
            wide=f"0 Q:1 {U} 01110 {a} sz:1 1 {tail}", half=f"0 Q:1 {U} 01110 {a} 10 {half_tail}",
        )  # fmt: skip
        if scalar:
            forms(
                _documented(single, operation), name + "_scalar",
                wide=f"01 {U} 11110 {a} sz:1 1 {tail}", half=f"01 {U} 11110 {a} 10 {half_tail}",
            )  # fmt: skip
        return operation

    return decorate


def two_register(
    row: str, *, vector: bool = True, scalar: bool = False, half: bool = True, feature: str = SIMD
) -> Decorator:
    """Two registers, lane by lane. `row` is U, bit 23 and the opcode: "1 1 11111" is FSQRT."""
    U, a, opcode = row.split()

    def decorate(operation: Operation) -> Operation:
        def for_vector(ops: Ops, width: int, Q: int, rn: Value, rd: Value) -> None:
            write(ops, rd, [operation(ops, width, lane) for lane in lanes(ops, rn, width, Q)], width)

        def single(ops: Ops, width: int, rn: Value, rd: Value) -> None:
            write(ops, rd, [operation(ops, width, first_lane(ops, rn, width))], width)

        name = operation.__name__
        wide_tail, half_tail = f"{a} sz:1 10000 {opcode} 10 rn:5 rd:5", f"{a} 111100 {opcode} 10 rn:5 rd:5"
        if vector:
            forms(
                _documented(for_vector, operation), name, static="Q", feature=feature,
                wide=f"0 Q:1 {U} 01110 {wide_tail}", half=f"0 Q:1 {U} 01110 {half_tail}" if half else None,
            )  # fmt: skip
        if scalar:
            forms(
                _documented(single, operation), name + "_scalar",
                wide=f"01 {U} 11110 {wide_tail}", half=f"01 {U} 11110 {half_tail}" if half else None,
            )  # fmt: skip
        return operation

    return decorate


def by_element(U: str, opcode: str, *, accumulate: bool = False) -> Decorator:
    """The second operand is one element for all lanes: half precision H:L:M of V0-V15, single H:L, double H."""

    def decorate(operation: Operation) -> Operation:
        def scaled(ops: Ops, width: int, Q: int | None, rm: Value, index: Value, rn: Value, rd: Value) -> None:
            b = element(ops, rm, index, {16: 1, 32: 2, 64: 3}[width])
            x = [first_lane(ops, rn, width)] if Q is None else lanes(ops, rn, width, Q)
            d = ([first_lane(ops, rd, width)] if Q is None else lanes(ops, rd, width, Q)) if accumulate else []
            results = [operation(ops, width, lane, b, *d[i : i + 1]) for i, lane in enumerate(x)]
            write(ops, rd, results, width)

        def of_double(ops: Ops, rm: Value, H: Value, rn: Value, rd: Value, Q: int | None = None) -> None:
            check_access(ops)
            scaled(ops, 64, Q, rm, H, rn, rd)

        def of_single(ops: Ops, L: Value, rm: Value, H: Value, rn: Value, rd: Value, Q: int | None = None) -> None:
            check_access(ops)
            scaled(ops, 32, Q, rm, ops.or_(ops.shl(H, 1), L), rn, rd)

        def of_half(
            ops: Ops, L: Value, M: Value, rm: Value, H: Value, rn: Value, rd: Value, Q: int | None = None
        ) -> None:
            check_access(ops)
            scaled(ops, 16, Q, rm, ops.or_(ops.or_(ops.shl(H, 2), ops.shl(L, 1)), M), rn, rd)

        kinds = (
            ("double", of_double, "11 0 rm:5", SIMD),
            ("single", of_single, "10 L:1 rm:5", SIMD),
            ("half", of_half, "00 L:1 M:1 rm:4", FP16),
        )
        for kind, meaning, fields, feature in kinds:
            name = f"{operation.__name__}_by_element_{kind}"
            tail = f"{fields} {opcode} H:1 0 rn:5 rd:5"
            q = "1" if kind == "double" else "Q:1"
            documented = _documented(meaning, operation)
            # Doubles come in pairs only: the vector form has Q=1 fixed.
            full = functools.wraps(operation)(functools.partial(documented, Q=1)) if kind == "double" else documented
            A64.instruction(
                f"0 {q} {U} 01111 {tail}", static="" if kind == "double" else "Q", name=name, feature=feature
            )(full)
            A64.instruction(f"01 {U} 11111 {tail}", name=f"{name}_scalar", feature=feature)(documented)
        return operation

    return decorate
