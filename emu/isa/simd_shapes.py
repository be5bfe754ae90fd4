"""Shapes of Advanced SIMD instructions: each turns an operation on one lane into the encodings of its group.

An operation is a function (lanes, a, b, ...) -> result. Every decorator here registers it under one row of a table of
the Arm manual (C4.1: "Data Processing -- Scalar Floating-Point and Advanced SIMD") and gives it back: they stack.
`U` is "0" or "1", or "U" where both are encoded and U=1 means unsigned operands. `sizes` and `scalar` are the element
sizes (b, h, s, d) that the vector and the scalar form have.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from emu.isa.lanes import SIMD, Lanes, element, read
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Fields, Value

Operation = Callable[..., Value]
Decorator = Callable[[Operation], Operation]
_SIZES = "bhsd"


def has_size(sizes: str) -> Callable[[Fields], bool]:
    """The vector form: an element size of these; two elements at least."""
    allowed = {_SIZES.index(size) for size in sizes}
    return lambda f: f["size"] in allowed and (f["size"] < 3 or f.get("Q", 1) == 1)


def _u(U: str) -> tuple[str, str]:
    """A pattern's piece for the U bit, and what to add to the static fields."""
    return ("U:1", " U") if U == "U" else (U, "")


def three_same(opcode: str, sizes: str = "", scalar: str = "", U: str = "U", *, accumulate: bool = False) -> Decorator:
    """Three registers of the same kind; with `accumulate` the operation gets the destination's lane too."""
    bit, also = _u(U)
    fixed = 0 if U == "U" else int(U)

    def decorate(operation: Operation) -> Operation:
        @functools.wraps(operation)
        def vector(ops: Ops, Q: int, size: int, rm: Value, rn: Value, rd: Value, U: int = fixed) -> None:
            v = Lanes(ops, 8 << size, U)
            operands = [v.read(register, Q) for register in ((rn, rm, rd) if accumulate else (rn, rm))]
            v.write(rd, [operation(v, *lane) for lane in zip(*operands, strict=True)])

        @functools.wraps(operation)
        def single(ops: Ops, size: int, rm: Value, rn: Value, rd: Value, U: int = fixed) -> None:
            v = Lanes(ops, 8 << size, U)
            operands = [v.read_scalar(register) for register in ((rn, rm, rd) if accumulate else (rn, rm))]
            v.write_scalar(rd, operation(v, *operands))

        name = operation.__name__
        if sizes:
            A64.instruction(
                f"0 Q:1 {bit} 01110 size:2 1 rm:5 {opcode} 1 rn:5 rd:5",
                static="Q size" + also, allocated=has_size(sizes), name=name, feature=SIMD,
            )(vector)  # fmt: skip
        if scalar:
            A64.instruction(
                f"01 {bit} 11110 size:2 1 rm:5 {opcode} 1 rn:5 rd:5",
                static="size" + also, allocated=has_size(scalar), name=name + "_scalar", feature=SIMD,
            )(single)  # fmt: skip
        return operation

    return decorate


def two_register(opcode: str, sizes: str, scalar: str = "", U: str = "U", *, accumulate: bool = False) -> Decorator:
    """Two registers, lane by lane; with `accumulate` the operation gets the destination's lane too.

    Where U tells two instructions apart rather than signedness, the operation looks at `lanes.unsigned` itself.
    """
    bit, also = _u(U)
    fixed = 0 if U == "U" else int(U)

    def decorate(operation: Operation) -> Operation:
        @functools.wraps(operation)
        def vector(ops: Ops, Q: int, size: int, rn: Value, rd: Value, U: int = fixed) -> None:
            v = Lanes(ops, 8 << size, U)
            operands = [read(ops, register, Q) for register in ((rn, rd) if accumulate else (rn,))]
            lanes = [v.split(halves) for halves in operands]
            v.write(rd, [operation(v, *lane) for lane in zip(*lanes, strict=True)])

        @functools.wraps(operation)
        def single(ops: Ops, size: int, rn: Value, rd: Value, U: int = fixed) -> None:
            v = Lanes(ops, 8 << size, U)
            operands = [v.read_scalar(register) for register in ((rn, rd) if accumulate else (rn,))]
            v.write_scalar(rd, operation(v, *operands))

        name = operation.__name__
        A64.instruction(
            f"0 Q:1 {bit} 01110 size:2 10000 {opcode} 10 rn:5 rd:5",
            static="Q size" + also, allocated=has_size(sizes), name=name, feature=SIMD,
        )(vector)  # fmt: skip
        if scalar:
            A64.instruction(
                f"01 {bit} 11110 size:2 10000 {opcode} 10 rn:5 rd:5",
                static="size" + also, allocated=has_size(scalar), name=name + "_scalar", feature=SIMD,
            )(single)  # fmt: skip
        return operation

    return decorate


def narrow(opcode: str, U: str = "U", *, scalar: bool = False) -> Decorator:
    """Two registers, the source's lanes twice as wide; the "2" form (Q) writes the high half alone."""
    bit, also = _u(U)
    fixed = 0 if U == "U" else int(U)

    def decorate(operation: Operation) -> Operation:
        @functools.wraps(operation)
        def vector(ops: Ops, Q: int, size: int, rn: Value, rd: Value, U: int = fixed) -> None:
            v = Lanes(ops, 8 << size, U)
            v.write_part(rd, Q, [operation(v, lane) for lane in v.read(rn, 1, 2 * v.esize)])

        @functools.wraps(operation)
        def single(ops: Ops, size: int, rn: Value, rd: Value, U: int = fixed) -> None:
            v = Lanes(ops, 8 << size, U)
            v.write_scalar(rd, operation(v, v.read_scalar(rn, 2 * v.esize)))

        name = operation.__name__
        A64.instruction(
            f"0 Q:1 {bit} 01110 size:2 10000 {opcode} 10 rn:5 rd:5",
            static="Q size" + also, allocated=has_size("bhs"), name=name, feature=SIMD,
        )(vector)  # fmt: skip
        if scalar:
            A64.instruction(
                f"01 {bit} 11110 size:2 10000 {opcode} 10 rn:5 rd:5",
                static="size" + also, allocated=has_size("bhs"), name=name + "_scalar", feature=SIMD,
            )(single)  # fmt: skip
        return operation

    return decorate


def three_different(
    opcode: str, sizes: str = "bhs", U: str = "U", *, accumulate: bool = False, wide: bool = False, scalar: bool = False
) -> Decorator:
    """Lanes of one half widened to results twice as wide; `wide` says that the first operand is wide already."""
    bit, also = _u(U)
    fixed = 0 if U == "U" else int(U)

    def decorate(operation: Operation) -> Operation:
        @functools.wraps(operation)
        def vector(ops: Ops, Q: int, size: int, rm: Value, rn: Value, rd: Value, U: int = fixed) -> None:
            v = Lanes(ops, 8 << size, U)
            a = v.read(rn, 1, 2 * v.esize) if wide else v.read_part(rn, Q)
            operands = [a, v.read_part(rm, Q)]
            if accumulate:
                operands.append(v.read(rd, 1, 2 * v.esize))
            v.write(rd, [operation(v, *lane) for lane in zip(*operands, strict=True)], 2 * v.esize)

        @functools.wraps(operation)
        def single(ops: Ops, size: int, rm: Value, rn: Value, rd: Value, U: int = fixed) -> None:
            v = Lanes(ops, 8 << size, U)
            operands = [v.read_scalar(rn), v.read_scalar(rm)]
            if accumulate:
                operands.append(v.read_scalar(rd, 2 * v.esize))
            v.write_scalar(rd, operation(v, *operands), 2 * v.esize)

        name = operation.__name__
        A64.instruction(
            f"0 Q:1 {bit} 01110 size:2 1 rm:5 {opcode} 00 rn:5 rd:5",
            static="Q size" + also, allocated=has_size(sizes), name=name, feature=SIMD,
        )(vector)  # fmt: skip
        if scalar:
            A64.instruction(
                f"01 {bit} 11110 size:2 1 rm:5 {opcode} 00 rn:5 rd:5",
                static="size" + also, allocated=has_size(sizes), name=name + "_scalar", feature=SIMD,
            )(single)  # fmt: skip
        return operation

    return decorate


def indexed_element(v: Lanes, size: int, H: Value, L: Value, M: Value, rm: Value) -> Value:
    """The element of the second register that H:L:M chooses; for halfwords from V0-V15 only."""
    ops = v.ops
    index = ops.or_(ops.shl(H, 1), L)
    if size == 1:
        index = ops.or_(ops.shl(index, 1), M)
    else:
        rm = ops.or_(rm, ops.shl(M, 4))
    return v.extend(element(ops, rm, index, size), v.esize)


def by_element(
    opcode: str,
    U: str = "U",
    *,
    accumulate: bool = False,
    long: bool = False,
    scalar: bool = False,
    feature: str = SIMD,
) -> Decorator:
    """The second operand is one element for all lanes; `long` makes results twice as wide."""
    bit, also = _u(U)
    fixed = 0 if U == "U" else int(U)

    def decorate(operation: Operation) -> Operation:
        @functools.wraps(operation)
        def vector(
            ops: Ops, Q: int, size: int, L: Value, M: Value, rm: Value, H: Value, rn: Value, rd: Value, U: int = fixed
        ) -> None:
            v = Lanes(ops, 8 << size, U)
            wide = v.esize * (1 + long)
            b = indexed_element(v, size, H, L, M, rm)
            a = v.read_part(rn, Q) if long else v.read(rn, Q)
            if accumulate:
                d = v.read(rd, 1 if long else Q, wide)
                v.write(rd, [operation(v, x, b, y) for x, y in zip(a, d, strict=True)], wide)
            else:
                v.write(rd, [operation(v, x, b) for x in a], wide)

        @functools.wraps(operation)
        def single(
            ops: Ops, size: int, L: Value, M: Value, rm: Value, H: Value, rn: Value, rd: Value, U: int = fixed
        ) -> None:
            v = Lanes(ops, 8 << size, U)
            wide = v.esize * (1 + long)
            operands = [v.read_scalar(rn), indexed_element(v, size, H, L, M, rm)]
            if accumulate:
                operands.append(v.read_scalar(rd, wide))
            v.write_scalar(rd, operation(v, *operands), wide)

        name = operation.__name__ + "_by_element"
        A64.instruction(
            f"0 Q:1 {bit} 01111 size:2 L:1 M:1 rm:4 {opcode} H:1 0 rn:5 rd:5",
            static="Q size" + also, allocated=has_size("hs"), name=name, feature=feature,
        )(vector)  # fmt: skip
        if scalar:
            A64.instruction(
                f"01 {bit} 11111 size:2 L:1 M:1 rm:4 {opcode} H:1 0 rn:5 rd:5",
                static="size" + also, allocated=has_size("hs"), name=name + "_scalar", feature=feature,
            )(single)  # fmt: skip
        return operation

    return decorate
