"""Native code for the half of a TLB refill that stage 2 has a part in (see `emu.engine.native_refill`).

An entry of stage 2 alone that is in the TLB serves as the walker would use it; one that is not there follows from the
tables of stage 2 as a walk has read them before.
"""

from __future__ import annotations

import llvmlite.ir as ir

from emu import state
from emu import tlb_rows as rows
from emu.engine import refill_layout as refill
from emu.engine.native_grants import GrantCode, Way
from emu.engine.native_site import I64, PAGE, PTR, Site
from emu.engine.native_tlb import TlbCode
from emu.engine.native_walk import Found, WalkCode
from emu.state import MASK64

FIND = ir.FunctionType(I64, [I64, I64, I64, I64])
"""(host address of the TLB, space, tag, address) -> host address of the row that serves it; 0: none; UNKNOWN."""
UNKNOWN = 1
"""There are too many large entries to look through."""


def build_find(module: ir.Module, name: str) -> ir.Function:
    """`LinkedRows.find`, for entries that have no ASID."""
    function = ir.Function(module, FIND, name)
    function.linkage = "internal"
    table, space, tag, address = function.args
    entry, chain, test, again, large, each, compare, further, none, unknown = (
        function.append_basic_block(label)
        for label in ("entry", "chain", "test", "again", "large", "each", "compare", "further", "none", "unknown")
    )
    b = ir.IRBuilder(entry)

    def load(base: ir.Value, index: int) -> ir.Value:
        return b.load(b.inttoptr(b.add(base, I64(8 * index)), PTR), typ=I64)

    def scaled(first: int, index: ir.Value, words: int) -> ir.Value:
        return b.add(table, b.add(b.mul(index, I64(8 * words)), I64(8 * first)))

    def row_of(link: ir.Value) -> ir.Value:
        return scaled(rows.ROWS, b.sub(link, I64(1)), rows.ROW)

    page = b.lshr(address, I64(12))
    key = b.or_(b.shl(page, I64(rows.SPACE_BITS)), space)
    first = load(scaled(rows.HEADS, b.and_(page, I64(rows.BUCKETS - 1)), 1), 0)
    b.branch(chain)
    b.position_at_end(chain)
    link = b.phi(I64)
    link.add_incoming(first, entry)
    b.cbranch(b.icmp_unsigned("==", link, I64(0)), large, test)
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
    b.cbranch(b.icmp_unsigned(">", count, I64(rows.MOST_LARGE)), unknown, each)
    b.position_at_end(each)
    index = b.phi(I64)
    index.add_incoming(I64(0), large)
    b.cbranch(b.icmp_unsigned("==", index, count), none, compare)
    b.position_at_end(compare)
    item = b.add(items, b.mul(index, I64(8 * rows.LARGE)))
    is_inside = b.icmp_unsigned("<", b.sub(address, load(item, 0)), load(item, 1))
    other = row_of(load(item, 2))
    is_here = b.icmp_unsigned("==", load(other, rows.KEY), space)
    is_ours = b.icmp_unsigned("==", load(other, rows.TAG), tag)
    listed = b.append_basic_block("listed")
    b.cbranch(b.and_(b.and_(is_inside, is_here), is_ours), listed, further)
    b.position_at_end(listed)
    b.ret(other)
    b.position_at_end(further)
    index.add_incoming(b.add(index, I64(1)), further)
    b.branch(each)
    b.position_at_end(none)
    b.ret(I64(0))
    b.position_at_end(unknown)
    b.ret(I64(UNKNOWN))
    return function


class Stage2Code:
    """Stage 2 at one site."""

    def __init__(
        self,
        site: Site,
        memo: ir.Value,
        tag: ir.Value,
        tlb: TlbCode,
        walks: WalkCode,
        grants: GrantCode,
        find: ir.Function,
    ) -> None:
        """`tag` is that of stage 2's entries, `find` what `build_find` made."""
        self._site, self._memo, self._tag = site, memo, tag
        self._tlb, self._walks, self._grants = tlb, walks, grants
        self._find = find

    def through_both(self, first: Found, ipa: ir.Value, space: ir.Value, tag: ir.Value) -> Way:
        """The way by a new entry for both stages, and before it one for stage 2 alone if need be.

        `first` is what stage 1 found, which led to `ipa`; `space` and `tag` are those of the new entry.
        """
        s, b, size = self._site, self._site.b, first.size
        self._verify_nested(first.upper)
        held, walked, on, insert, serves, have = (
            s.block(name) for name in ("held", "walked", "joint", "second", "serves", "first")
        )
        row = self._second(ipa)
        b.cbranch(b.icmp_unsigned("==", row, I64(0)), walked, held)
        b.position_at_end(held)
        by_row = (s.load(row, rows.CLASS), self._tlb.output_of(row, ipa), s.load(row, rows.SIZE), I64(0))
        s.unless(b.icmp_unsigned("!=", by_row[0], I64(0)))
        from_held = b.block
        b.branch(on)

        b.position_at_end(walked)
        _, second_leaf, output, covers = self._walks.walk(
            ipa, refill.SECOND_UPPERS, refill.SECOND_LEAVES, refill.SECOND_LEAF_COUNT
        )
        start = b.and_(ipa, b.sub(I64(0), covers))
        # The walker would ask about an entry for the leaf's first address.
        s.unless(b.icmp_unsigned("==", self._second(start), I64(0)))
        address = b.or_(output, b.and_(ipa, b.sub(covers, I64(1))))
        s.unless(b.icmp_unsigned("<", address, s.load(self._memo, refill.SECOND_LIMIT)))
        by_walk = (s.load(second_leaf, 2), address, covers, I64(1))
        from_walked = b.block
        b.branch(on)

        b.position_at_end(on)
        values = []
        for one, other in zip(by_row, by_walk, strict=True):
            phi = b.phi(I64)
            phi.add_incoming(one, from_held)
            phi.add_incoming(other, from_walked)
            values.append(phi)
        number, pa, covered, is_new = values
        s.unless(b.icmp_unsigned("<=", size, covered))
        place = b.udiv(b.sub(first.leaf, b.add(self._memo, I64(8 * refill.LEAVES))), I64(8 * refill.LEAF))
        row_of_joint = b.add(b.mul(place, I64(rows.MOST_CLASSES)), b.sub(number, I64(1)))
        joint = s.load(s.scaled(self._memo, refill.JOINT, row_of_joint, 1))
        s.unless(b.icmp_unsigned("!=", joint, I64(0)))
        granted = self._grants.granted(joint, pa)
        b.cbranch(b.icmp_unsigned("!=", is_new, I64(0)), insert, serves)
        b.position_at_end(serves)
        self._tlb.note_use(row)
        b.branch(have)

        b.position_at_end(insert)
        self._tlb.expect_room_for_two()
        second_space = s.load(self._memo, refill.SECOND_SPACE)
        from_start = b.sub(pa, b.and_(ipa, b.sub(covered, I64(1))))
        self._tlb.insert(second_space, self._tag, ipa, from_start, I64(0), covered, number)
        b.branch(have)
        b.position_at_end(have)
        low = b.sub(I64(0), size)
        self._tlb.insert(space, tag, s.va, b.and_(pa, low), b.and_(ipa, low), size, joint)
        return granted

    def _second(self, address: ir.Value) -> ir.Value:
        """The row of stage 2 alone that serves an intermediate address; 0 where there is none."""
        s, b = self._site, self._site.b
        space = s.load(self._memo, refill.SECOND_SPACE)
        row = b.call(self._find, [self._tlb.table, space, self._tag, address])
        s.unless(b.icmp_unsigned("!=", row, I64(UNKNOWN)))
        return row

    def _verify_nested(self, upper: ir.Value) -> None:
        """Go on where stage 2 maps the tables to where it mapped them before, by entries of the TLB."""
        s, b = self._site, self._site.b
        count = s.load(upper, 1)
        done = s.block("nested")
        for number in range(refill.MOST_UPPER + 1):
            if number:
                more = s.block("deeper")
                b.cbranch(b.icmp_unsigned(">=", count, I64(number)), more, done)
                b.position_at_end(more)
            page = s.load(upper, refill.UPPER_NESTED + 2 * number)
            row = self._second(page)
            s.unless(b.icmp_unsigned("!=", row, I64(0)))
            known = s.load(upper, refill.UPPER_NESTED + 2 * number + 1)
            is_like = b.icmp_unsigned("==", s.load(row, rows.CLASS), known)
            descriptor = s.load(upper, refill.UPPER_WORDS + 3 * number)
            if number:  # the last table is not among the others
                is_last = b.icmp_unsigned("==", count, I64(number))
                descriptor = b.select(is_last, s.load(upper, 3), descriptor)
            else:
                descriptor = b.select(b.icmp_unsigned("==", count, I64(0)), s.load(upper, 3), descriptor)
            offset = b.sub(self._tlb.output_of(row, page), s.slot(state.RAM_BASE))
            is_there = b.icmp_unsigned("==", offset, b.and_(descriptor, I64(-PAGE & MASK64)))
            s.unless(b.and_(is_like, is_there))
            self._tlb.note_use(row)
        b.branch(done)
        b.position_at_end(done)
