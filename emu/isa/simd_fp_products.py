"""Complex arithmetic (FEAT_FCMA), and half-precision products added in single precision (FEAT_FHM)."""

from __future__ import annotations

from emu.isa.lanes import check_access, element, join, split
from emu.isa.ops import Fp, Ops
from emu.isa.pattern import A64, Fields, Value
from emu.isa.simd_fp_shapes import lanes, negated, write

FCMA, FHM = "FEAT_FCMA", "FEAT_FHM"


def _is_complex(f: Fields) -> bool:
    """Pairs of halfwords, words or doublewords; a pair of doublewords takes a whole register."""
    return f["size"] in (1, 2) or (f["size"] == 3 and f["Q"] == 1)


def _multiplied(
    ops: Ops, width: int, rot: int, a: tuple[Value, Value], b: tuple[Value, Value], d: tuple[Value, Value]
) -> list[Value]:
    """d plus half of the product of a and b turned by 90 degrees times `rot`: real and imaginary part."""
    factor = a[rot & 1]
    real, imaginary = (b[1], b[0]) if rot & 1 else b
    if rot in (1, 2):
        real = negated(ops, width, real)
    if rot & 2:
        imaginary = negated(ops, width, imaginary)
    return [ops.fp(Fp.MULADD, width, d[0], factor, real), ops.fp(Fp.MULADD, width, d[1], factor, imaginary)]


def _pairs(values: list[Value]) -> list[tuple[Value, Value]]:
    return list(zip(values[::2], values[1::2], strict=True))


@A64.instruction(
    "0 Q:1 1 01110 size:2 0 rm:5 1 10 rot:2 1 rn:5 rd:5",
    static="Q size rot",
    allocated=_is_complex,
    feature=FCMA,
)
def simd_complex_multiply_add(ops: Ops, Q: int, size: int, rm: Value, rot: int, rn: Value, rd: Value) -> None:
    """FCMLA (vector)."""
    check_access(ops)
    width = 8 << size
    operands = (_pairs(lanes(ops, register, width, Q)) for register in (rn, rm, rd))
    results: list[Value] = []
    for a, b, d in zip(*operands, strict=True):
        results += _multiplied(ops, width, rot, a, b, d)
    write(ops, rd, results, width)


@A64.instruction(
    "0 Q:1 1 01111 size:2 L:1 M:1 rm:4 0 rot:2 1 H:1 0 rn:5 rd:5",
    static="Q size L rot",
    allocated=lambda f: (
        (f["size"] == 1 and (f["Q"] == 1 or f["H"] == 0)) or (f["size"] == 2 and f["L"] == 0 and f["Q"] == 1)
    ),
    feature=FCMA,
)
def simd_complex_multiply_add_by_element(
    ops: Ops, Q: int, size: int, L: int, M: Value, rm: Value, rot: int, H: Value, rn: Value, rd: Value
) -> None:
    """FCMLA (by element): the index counts pairs."""
    check_access(ops)
    width = 8 << size
    index = ops.or_(ops.shl(H, 1), L) if size == 1 else H
    pair = element(ops, ops.or_(rm, ops.shl(M, 4)), index, size + 1)
    b = (ops.zext(pair, width), ops.shr(pair, width))
    results: list[Value] = []
    for a, d in zip(_pairs(lanes(ops, rn, width, Q)), _pairs(lanes(ops, rd, width, Q)), strict=True):
        results += _multiplied(ops, width, rot, a, b, d)
    write(ops, rd, results, width)


@A64.instruction(
    "0 Q:1 1 01110 size:2 0 rm:5 1 11 rot:1 01 rn:5 rd:5",
    static="Q size rot",
    allocated=_is_complex,
    feature=FCMA,
)
def simd_complex_add(ops: Ops, Q: int, size: int, rm: Value, rot: int, rn: Value, rd: Value) -> None:
    """FCADD: the second operand turned by 90 degrees, or by 270."""
    check_access(ops)
    width = 8 << size
    operands = (_pairs(lanes(ops, register, width, Q)) for register in (rn, rm))
    results: list[Value] = []
    for a, (real, imaginary) in zip(*operands, strict=True):
        turned = (imaginary, negated(ops, width, real)) if rot else (negated(ops, width, imaginary), real)
        results += [ops.fp(Fp.ADD, width, x, y) for x, y in zip(a, turned, strict=True)]
    write(ops, rd, results, width)


def _halfwords(ops: Ops, register: Value, Q: int, upper: int) -> list[Value]:
    """The halfwords of the lower or upper half of the operand, which is 64 bits where Q is 0."""
    if Q:
        return split(ops, [ops.read_v(register, upper)], 16)
    return split(ops, [ops.read_v(register, 0)], 16)[2 * upper : 2 * upper + 2]


def _widening(ops: Ops, Q: int, subtract: int, a: list[Value], b: list[Value], rd: Value) -> None:
    results = []
    for x, y, d in zip(a, b, lanes(ops, rd, 32, Q), strict=True):
        factor = negated(ops, 16, x) if subtract else x
        results.append(ops.fp(Fp.MULADD_WIDENING, 32, d, factor, y))
    ops.write_v(rd, *join(ops, results, 32))


def _long(upper: int) -> None:
    def vector(ops: Ops, Q: int, subtract: int, rm: Value, rn: Value, rd: Value) -> None:
        """FMLAL, FMLSL, FMLAL2, FMLSL2 (vector)."""
        check_access(ops)
        a, b = _halfwords(ops, rn, Q, upper), _halfwords(ops, rm, Q, upper)
        _widening(ops, Q, subtract, a, b, rd)

    def indexed(ops: Ops, Q: int, L: Value, M: Value, rm: Value, subtract: int, H: Value, rn: Value, rd: Value) -> None:
        """FMLAL, FMLSL, FMLAL2, FMLSL2 (by element)."""
        check_access(ops)
        b = element(ops, rm, ops.or_(ops.or_(ops.shl(H, 2), ops.shl(L, 1)), M), 1)
        a = _halfwords(ops, rn, Q, upper)
        _widening(ops, Q, subtract, a, [b] * len(a), rd)

    name = "simd_fp_multiply_add_long" + ("_upper" if upper else "")
    opcode = "11001" if upper else "11101"
    A64.instruction(
        f"0 Q:1 {upper} 01110 subtract:1 0 1 rm:5 {opcode} 1 rn:5 rd:5", static="Q subtract", name=name, feature=FHM
    )(vector)
    A64.instruction(
        f"0 Q:1 {upper} 01111 10 L:1 M:1 rm:4 {upper} subtract:1 00 H:1 0 rn:5 rd:5",
        static="Q subtract", name=f"{name}_by_element", feature=FHM,
    )(indexed)  # fmt: skip


_long(0)
_long(1)
