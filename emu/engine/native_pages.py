"""A native pass over the tags of many pages, for the map of owners (`emu.mec.pages`): memory is read once."""

from __future__ import annotations

import ctypes

import llvmlite.ir as ir

from emu.architecture import BLOCK, PAGE
from emu.mec.memory import OWNER_MASK

I64, I32, I8 = ir.IntType(64), ir.IntType(32), ir.IntType(8)
PTR = ir.PointerType()
_LANES = 8
_VECTOR = ir.VectorType(I32, _LANES)
_BLOCKS = PAGE // BLOCK
SCAN = ir.FunctionType(ir.VoidType(), [PTR, I64, PTR, PTR, PTR])
"""(tags of the first page, pages, highest owner ids (u32), owned blocks (u16), whether there are other owners (u8))."""
SCAN_CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def build(module: ir.Module, name: str) -> None:
    """The function."""
    function = ir.Function(module, SCAN, name)
    tags, count, ids, owned, mixed = function.args
    entry, head, body, out = (function.append_basic_block(label) for label in ("entry", "head", "body", "out"))
    b = ir.IRBuilder(entry)
    b.branch(head)
    b.position_at_end(head)
    page = b.phi(I64)
    page.add_incoming(I64(0), entry)
    b.cbranch(b.icmp_unsigned("==", page, count), out, body)
    b.position_at_end(body)
    zero, mask = _splat(0), _splat(OWNER_MASK)
    first = b.gep(tags, [b.mul(page, I64(_BLOCKS))], source_etype=I32)
    held = [
        b.and_(b.load(b.gep(first, [I64(at)], source_etype=I32), typ=_VECTOR, align=4), mask)
        for at in range(0, _BLOCKS, _LANES)
    ]
    most, some = zero, zero
    for lanes in held:
        most = b.select(b.icmp_unsigned(">", lanes, most), lanes, most)
        some = b.add(some, b.zext(b.icmp_unsigned("!=", lanes, zero), _VECTOR))
    highest = b.extract_element(most, I32(0))
    total = b.extract_element(some, I32(0))
    for lane in range(1, _LANES):
        other = b.extract_element(most, I32(lane))
        highest = b.select(b.icmp_unsigned(">", other, highest), other, highest)
        total = b.add(total, b.extract_element(some, I32(lane)))
    all_highest = b.insert_element(zero, highest, I32(0))
    all_highest = b.shuffle_vector(all_highest, zero, ir.Constant(_VECTOR, [0] * _LANES))
    strange = zero
    for lanes in held:
        is_strange = b.and_(b.icmp_unsigned("!=", lanes, zero), b.icmp_unsigned("!=", lanes, all_highest))
        strange = b.or_(strange, b.zext(is_strange, _VECTOR))
    any_strange = b.extract_element(strange, I32(0))
    for lane in range(1, _LANES):
        any_strange = b.or_(any_strange, b.extract_element(strange, I32(lane)))
    b.store(highest, b.gep(ids, [page], source_etype=I32))
    b.store(b.trunc(total, ir.IntType(16)), b.gep(owned, [page], source_etype=ir.IntType(16)))
    b.store(b.trunc(any_strange, I8), b.gep(mixed, [page], source_etype=I8))
    page.add_incoming(b.add(page, I64(1)), b.block)
    b.branch(head)
    b.position_at_end(out)
    b.ret_void()


def _splat(value: int) -> ir.Constant:
    return ir.Constant(_VECTOR, [value] * _LANES)
