"""Native code for the half of a TLB refill that stage 2 has a part in (see `emu.engine.native_refill`).

An entry of stage 2 alone that is in the TLB serves as the walker would use it; one that is not there follows from the
tables of stage 2 as a walk has read them before.
"""

from __future__ import annotations

import llvmlite.ir as ir

from emu import tlb_rows as rows

_I64 = ir.IntType(64)
_PTR = ir.PointerType()
FIND = ir.FunctionType(_I64, [_I64, _I64, _I64, _I64])
"""(host address of the TLB, space, tag, address) -> host address of the row that serves it; 0: none; UNKNOWN."""
UNKNOWN = 1
"""There are too many large entries to look through."""


def build_find(module: ir.Module, name: str) -> ir.Function:
    """`Tlb.find`, for entries that have no ASID."""
    function = ir.Function(module, FIND, name)
    function.linkage = "internal"
    table, space, tag, address = function.args
    entry, chain, test, again, large, each, compare, further, none, unknown = (
        function.append_basic_block(label)
        for label in ("entry", "chain", "test", "again", "large", "each", "compare", "further", "none", "unknown")
    )
    b = ir.IRBuilder(entry)

    def load(base: ir.Value, index: int) -> ir.Value:
        return b.load(b.inttoptr(b.add(base, _I64(8 * index)), _PTR), typ=_I64)

    def scaled(first: int, index: ir.Value, words: int) -> ir.Value:
        return b.add(table, b.add(b.mul(index, _I64(8 * words)), _I64(8 * first)))

    def row_of(link: ir.Value) -> ir.Value:
        return scaled(rows.ROWS, b.sub(link, _I64(1)), rows.ROW)

    page = b.lshr(address, _I64(12))
    key = b.or_(b.shl(page, _I64(rows.SPACE_BITS)), space)
    first = load(scaled(rows.HEADS, b.and_(page, _I64(rows.BUCKETS - 1)), 1), 0)
    b.branch(chain)
    b.position_at_end(chain)
    link = b.phi(_I64)
    link.add_incoming(first, entry)
    b.cbranch(b.icmp_unsigned("==", link, _I64(0)), large, test)
    b.position_at_end(test)
    row = row_of(link)
    found = b.append_basic_block("found")
    is_page = b.icmp_unsigned("==", load(row, rows.KEY), key)
    b.cbranch(b.and_(is_page, b.icmp_unsigned("==", load(row, rows.TAG), tag)), found, again)
    b.position_at_end(found)
    b.ret(row)
    b.position_at_end(again)
    link.add_incoming(load(row, rows.NEXT), again)
    b.branch(chain)

    b.position_at_end(large)
    count = load(table, rows.LARGE_COUNT)
    items = load(table, rows.LARGE_LIST)
    b.cbranch(b.icmp_unsigned(">", count, _I64(rows.MOST_LARGE)), unknown, each)
    b.position_at_end(each)
    index = b.phi(_I64)
    index.add_incoming(_I64(0), large)
    b.cbranch(b.icmp_unsigned("==", index, count), none, compare)
    b.position_at_end(compare)
    item = b.add(items, b.mul(index, _I64(8 * rows.LARGE)))
    is_inside = b.icmp_unsigned("<", b.sub(address, load(item, 0)), load(item, 1))
    other = row_of(load(item, 2))
    is_here = b.icmp_unsigned("==", load(other, rows.KEY), space)
    is_ours = b.icmp_unsigned("==", load(other, rows.TAG), tag)
    listed = b.append_basic_block("listed")
    b.cbranch(b.and_(b.and_(is_inside, is_here), is_ours), listed, further)
    b.position_at_end(listed)
    b.ret(other)
    b.position_at_end(further)
    index.add_incoming(b.add(index, _I64(1)), further)
    b.branch(each)
    b.position_at_end(none)
    b.ret(_I64(0))
    b.position_at_end(unknown)
    b.ret(_I64(UNKNOWN))
    return function
