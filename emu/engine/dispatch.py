"""The dispatch loop: the next instruction's handler is found, called, and counted, until something ends the run."""

from __future__ import annotations

from typing import Any

import llvmlite.ir as ir

from emu import state
from emu.engine.lower import CALLBACK, HANDLER, I32, I64, PTR
from emu.state import LEAVE, MASK64

REGION_FLAG = 1 << 32
"""Mark in a decoded word: its handler is a region's function, whose number is in the bits above."""
REGION_SHIFT = 33
REDISPATCH = LEAVE - 1
"""What the stub returns for AGAIN: no instruction was executed, look the same address up again."""
COUNTERS = 1 << 12
"""Counters of branch targets, shared by addresses that agree in their low bits."""

LOOP = ir.FunctionType(ir.VoidType(), [PTR, I64])
"""The interpreter's loop: (state, budget)."""


def place(b: Any, state_pointer: Any, index: int) -> Any:
    """The address of a slot."""
    return b.gep(state_pointer, [I64(index)], source_etype=I64)


def function_at(b: Any, pointer: Any, signature: ir.FunctionType) -> Any:
    """The function whose address is stored at a pointer."""
    return b.inttoptr(b.load(pointer, typ=I64), signature.as_pointer())


def find_page(b: Any, state_pointer: Any, pc: Any) -> tuple[Any, Any]:
    """(entry of the software TLB, whether it is the one) for a fetch in the current context."""
    context = b.load(place(b, state_pointer, state.CONTEXT), typ=I64)
    salted = b.xor(pc, b.shl(b.and_(context, I64(state.SALT_MASK)), I64(state.SALT_SHIFT)))
    index = b.and_(b.lshr(salted, I64(12)), I64(state.TLB_ENTRIES - 1))
    entry = b.gep(state_pointer, [b.add(b.shl(index, I64(2)), I64(state.FETCH_TLB))], source_etype=I64)
    # Bits [1:0] of the pc stay in the comparison: no tag has them, so a misaligned pc always misses.
    expected = b.or_(b.and_(pc, I64(~0xFFC & MASK64)), context)
    return entry, b.icmp_unsigned("==", b.load(entry, typ=I64), expected)


def find_word(b: Any, entry: Any, pc: Any) -> tuple[Any, Any]:
    """(handler, decoded word) at an address in the page of an entry that `find_page` found."""
    words = b.load(b.gep(entry, [I64(1)], source_etype=I64), typ=PTR)
    offset = b.shl(b.and_(b.lshr(pc, I64(2)), I64(1023)), I64(1))
    decoded = b.gep(words, [offset], source_etype=I64)
    return function_at(b, decoded, HANDLER), b.load(b.gep(decoded, [I64(1)], source_etype=I64), typ=I64)


def build_loop(module: ir.Module, name: str, counts: bool) -> None:
    """Fetch, dispatch, count. Leaves when the budget is used up, STOP is set, or a handler returns LEAVE.

    With `counts` a decoded word with REGION_FLAG stands for a region, which tells in BUDGET what it left; and every
    target of a branch uses up one of its counter, which calls Python at zero.
    """
    function = ir.Function(module, LOOP, name)
    state_pointer, limit = function.args
    entry = function.append_basic_block("entry")
    b = ir.IRBuilder(entry)
    head, fetch, hit, miss, after, out, left = (
        function.append_basic_block(label) for label in ("head", "fetch", "hit", "miss", "after", "out", "left")
    )
    first = b.load(place(b, state_pointer, state.PC), typ=I64)
    stub = function_at(b, place(b, state_pointer, state.DECODE_STUB), HANDLER)
    b.branch(head)

    b.position_at_end(head)
    pc, budget = b.phi(I64), b.phi(I64)
    pc.add_incoming(first, entry)
    budget.add_incoming(limit, entry)
    stop = b.load(place(b, state_pointer, state.STOP), typ=I64)
    finished = b.or_(b.icmp_unsigned("==", budget, I64(0)), b.icmp_unsigned("!=", stop, I64(0)))
    b.cbranch(finished, out, fetch)

    b.position_at_end(fetch)
    entry_of_page, is_hit = find_page(b, state_pointer, pc)
    b.cbranch(is_hit, hit, miss)

    b.position_at_end(hit)
    handler, word = find_word(b, entry_of_page, pc)
    next_hit = b.call(handler, [state_pointer, word, pc, budget])
    rest_hit = b.sub(budget, I64(1))
    if counts:
        is_region = b.icmp_unsigned(">=", word, I64(REGION_FLAG))
        region = function.append_basic_block("region")
        b.cbranch(is_region, region, after)
        b.position_at_end(region)
        rest_region = b.load(place(b, state_pointer, state.BUDGET), typ=I64)
    b.branch(after)

    b.position_at_end(miss)
    next_miss = b.call(stub, [state_pointer, I64(0), pc, budget])
    rest_miss = b.sub(budget, I64(1))
    b.branch(after)

    b.position_at_end(after)
    following, rest = b.phi(I64), b.phi(I64)
    following.add_incoming(next_hit, hit)
    following.add_incoming(next_miss, miss)
    rest.add_incoming(rest_hit, hit)
    rest.add_incoming(rest_miss, miss)
    if counts:
        following.add_incoming(next_hit, region)
        rest.add_incoming(rest_region, region)
        _count_target(b, function, state_pointer, pc, following)
        # A region has just been put in this very place.
        again = b.icmp_unsigned("==", following, I64(REDISPATCH))
        following, rest = b.select(again, pc, following), b.select(again, budget, rest)
    pc.add_incoming(following, b.block)
    budget.add_incoming(rest, b.block)
    b.cbranch(b.icmp_unsigned("==", following, I64(LEAVE)), left, head)

    b.position_at_end(out)
    b.store(pc, place(b, state_pointer, state.PC))
    b.store(budget, place(b, state_pointer, state.BUDGET))
    b.ret_void()

    b.position_at_end(left)
    b.ret_void()


def _count_target(
    b: ir.IRBuilder, function: ir.Function, state_pointer: ir.Value, pc: ir.Value, following: ir.Value
) -> None:
    """One less of the counter of a branch's target; at zero Python hears of it."""
    # Whether what follows is an address at all matters little: the counters are only hints.
    count, hot, on = (function.append_basic_block(label) for label in ("count", "hot", "on"))
    b.cbranch(b.icmp_unsigned("==", following, b.add(pc, I64(4))), on, count)
    b.position_at_end(count)
    counters = b.load(place(b, state_pointer, state.HOT), typ=PTR)
    counter = b.gep(counters, [b.and_(b.lshr(following, I64(2)), I64(COUNTERS - 1))], source_etype=I32)
    rest = b.sub(b.load(counter, typ=I32), I32(1))
    b.store(rest, counter)
    b.cbranch(b.icmp_unsigned("==", rest, I32(0)), hot, on)
    b.position_at_end(hot)
    callback = function_at(b, place(b, state_pointer, state.CALL_HOT), CALLBACK)
    b.call(callback, [state_pointer, following, I64(0), I64(0)])
    b.branch(on)
    b.position_at_end(on)
