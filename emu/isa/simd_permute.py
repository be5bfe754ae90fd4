"""Advanced SIMD extract, permute and table lookup: bytes and lanes that only move."""

from __future__ import annotations

from itertools import pairwise

from emu.isa.lanes import SIMD, Lanes, check_access, join, read, split
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Value
from emu.isa.simd_shapes import has_size


@A64.instruction(
    "0 Q:1 1 01110 00 0 rm:5 0 imm4:4 0 rn:5 rd:5",
    static="Q",
    allocated=lambda f: f["Q"] == 1 or f["imm4"] < 8,
    feature=SIMD,
)
def simd_extract(ops: Ops, Q: int, rm: Value, imm4: Value, rn: Value, rd: Value) -> None:
    """EXT: bytes from the middle of two registers."""
    check_access(ops)
    halves = read(ops, rn, Q) + read(ops, rm, Q)
    if Q:
        upper = ops.shr(imm4, 3)
        halves = [ops.select(upper, b, a) for a, b in pairwise(halves)]
    low = ops.shl(ops.and_(imm4, 7), 3)
    results: list[Value] = [
        # 63 - low and one more: shifts a whole half out where low is 0.
        ops.or_(ops.shr(a, low), ops.shl(ops.shl(b, 1), ops.xor(low, 63)))
        for a, b in pairwise(halves)
    ]
    ops.write_v(rd, results[0], results[1] if Q else 0)


@A64.instruction(
    "0 Q:1 0 01110 size:2 0 rm:5 0 second:1 kind:2 10 rn:5 rd:5",
    static="Q size second kind",
    allocated=lambda f: f["kind"] != 0 and has_size("bhsd")(f),
    feature=SIMD,
)
def simd_permute(ops: Ops, Q: int, size: int, second: int, kind: int, rm: Value, rn: Value, rd: Value) -> None:
    """UZP1, TRN1, ZIP1 (kind 1-3), UZP2, TRN2, ZIP2 with `second`."""
    v = Lanes(ops, 8 << size)
    a, b = v.read(rn, Q), v.read(rm, Q)
    count = len(a)
    if kind == 1:
        lanes = (a + b)[second::2]
    elif kind == 2:
        lanes = [lane for pair in zip(a[second::2], b[second::2], strict=True) for lane in pair]
    else:
        part = slice(second * count // 2, (second + 1) * count // 2)
        lanes = [lane for pair in zip(a[part], b[part], strict=True) for lane in pair]
    v.write(rd, lanes)


def _choose(ops: Ops, index: Value, values: list[Value]) -> Value:
    """values[index], by a tree of selects; an index beyond them gives one of them."""
    bit = 0
    while len(values) > 1:
        chosen = ops.and_(ops.shr(index, bit), 1)
        pairs = [values[i : i + 2] for i in range(0, len(values), 2)]
        values = [ops.select(chosen, pair[1], pair[0]) if len(pair) > 1 else pair[0] for pair in pairs]
        bit += 1
    return values[0]


@A64.instruction("0 Q:1 0 01110 00 0 rm:5 0 len:2 op:1 00 rn:5 rd:5", static="Q len op", feature=SIMD)
def simd_table(ops: Ops, Q: int, rm: Value, len: int, op: int, rn: Value, rd: Value) -> None:
    """TBL, TBX: bytes of a table in one to four registers; an index beyond it gives 0, or (op) leaves the byte."""
    check_access(ops)
    table: list[Value] = []
    for number in range(len + 1):
        table += read(ops, ops.and_(ops.add(rn, number), 31))
    indices = split(ops, read(ops, rm, Q), 8)
    before = split(ops, read(ops, rd, Q), 8)
    lanes = []
    for index, old in zip(indices, before, strict=True):
        half = _choose(ops, ops.shr(index, 3), table)
        byte = ops.zext(ops.shr(half, ops.shl(ops.and_(index, 7), 3)), 8)
        lanes.append(ops.select(ops.ult(index, 16 * (len + 1)), byte, old if op else 0))
    low, high = join(ops, lanes, 8)
    ops.write_v(rd, low, high if Q else 0)
