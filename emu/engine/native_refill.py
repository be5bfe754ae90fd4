"""Native code for accesses that find nothing in the software TLB: what `emu.engine.refill` knows, put to use.

An entry of the architectural TLB that is granted here, or else a leaf that follows from what the walker has found
before, gives an entry of the software TLB, and the access is made through it. Python's callback does everything else.
Nothing has changed by then, or the entry is there and the callback finds it.
"""

from __future__ import annotations

import llvmlite.ir as ir

from emu import state
from emu import tlb_rows as rows
from emu.engine import refill_layout as refill
from emu.engine.native_access import SIZES, fill, make
from emu.engine.native_grants import GrantCode, Way
from emu.engine.native_site import I64, PAGE_BITS, PTR, Site
from emu.engine.native_stage2 import Stage2Code, build_find
from emu.engine.native_tlb import TlbCode
from emu.engine.native_walk import WalkCode
from emu.isa.ops import Mode

CALLBACK = ir.FunctionType(I64, [PTR, I64, I64, I64])


def build(module: ir.Module, name: str, kind: int) -> None:
    """The function that stands before Python's callback for one kind of access (see `emu.engine.refill`)."""
    s = Site(ir.Function(module, CALLBACK, name), kind)
    find = build_find(module, f"{name}.find")
    page, way = _find_way(s, find)
    fill(s, page, way)
    make(s, way)
    _ask_python(s)


def _find_way(s: Site, find: ir.Function) -> tuple[ir.Value, Way]:
    """(the page number of the address, where the access goes)."""
    b, va, memo = s.b, s.va, _memo(s)
    _expect_ordinary(s)
    tlb, walks = TlbCode(s, memo), WalkCode(s, memo)
    want, space = s.load(memo, refill.TAG), s.load(memo, refill.SPACE)
    page = b.lshr(va, I64(PAGE_BITS))
    grants = GrantCode(s, memo, page)
    hit, miss, there = s.block("hit"), s.block("miss"), s.block("fill")
    row = tlb.look_up(page, space, want, hit, miss)
    ways: list[tuple[Way, ir.Block]] = []

    def found(way: Way) -> None:
        ways.append((way, b.block))
        b.branch(there)

    b.position_at_end(hit)
    number = s.load(row, rows.CLASS)
    s.unless(b.icmp_unsigned("!=", number, I64(0)))
    by_hit = grants.granted(number, tlb.output_of(row, va))
    tlb.note_use(row)
    found(by_hit)

    b.position_at_end(miss)
    first = walks.walk(va, refill.UPPERS, refill.LEAVES, refill.LEAF_COUNT)
    tag = b.and_(want, s.load(first.leaf, 3))
    address = b.or_(first.output, b.and_(va, b.sub(first.size, I64(1))))
    limit = s.load(s.scaled(memo, refill.LIMITS, b.lshr(va, I64(63)), 1))
    s.unless(b.icmp_unsigned("<", address, limit))
    second_tag = s.load(memo, refill.SECOND_TAG)
    alone, both = s.block("alone"), s.block("both")
    b.cbranch(b.icmp_unsigned("==", second_tag, I64(0)), alone, both)
    b.position_at_end(alone)
    number = s.load(first.leaf, 2)
    by_walk = grants.granted(number, address)
    tlb.insert(space, tag, va, first.output, I64(0), first.size, number)
    found(by_walk)
    b.position_at_end(both)
    stage2 = Stage2Code(s, memo, second_tag, tlb, walks, grants, find)
    found(stage2.through_both(first, address, space, tag))

    b.position_at_end(there)
    values = []
    for word in range(len(Way._fields)):
        phi = b.phi(I64)
        for way, block in ways:
            phi.add_incoming(way[word], block)
        values.append(phi)
    return page, Way(*values)


def _memo(s: Site) -> ir.Value:
    """The host address of what is known of the present context; to Python where that is nothing."""
    b = s.b
    context = s.slot(state.CONTEXT)
    known = b.add(s.slot(state.QUICK), b.shl(context, I64(1)))  # eight bytes for every four of CONTEXT
    memo = s.load(known)
    s.unless(b.icmp_unsigned("!=", memo, I64(0)))
    return memo


def _expect_ordinary(s: Site) -> None:
    """Go to Python with accesses that are not aligned, or of a kind of their own."""
    b, va = s.b, s.va
    if s.is_fetch:
        s.unless(b.icmp_unsigned("==", b.and_(va, I64(3)), I64(0)))
        s.unless(b.icmp_unsigned("==", s.slot(state.GUARDED), I64(0)))
    else:
        s.unless(b.icmp_unsigned("==", b.and_(s.mode, I64(0xFF)), I64(Mode.NORMAL.value)))
        align = b.lshr(s.mode, I64(8))
        odd = b.or_(b.and_(va, b.sub(s.size, I64(1))), b.and_(va, b.sub(align, I64(1))))
        s.unless(b.icmp_unsigned("==", odd, I64(0)))
        s.unless(b.icmp_unsigned("<=", s.size, I64(SIZES[-1])))
    # An address without a tag: bits [63:55] are all alike.
    s.unless(b.icmp_unsigned("<=", b.add(b.ashr(va, I64(55)), I64(1)), I64(1)))


def _ask_python(s: Site) -> None:
    """What is left to Python's callback."""
    b = s.b
    b.position_at_end(s.python)
    callback = s.slot((state.PYTHON_LOAD, state.PYTHON_STORE, state.PYTHON_DECODE)[s.kind])
    function = b.inttoptr(callback, CALLBACK.as_pointer())
    b.ret(b.call(function, [s.state, s.va, s.size, s.mode]))
