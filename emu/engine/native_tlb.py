"""Native code that reads and writes the rows of the architectural TLB (`emu.tlb_rows`): looks up, inserts, evicts."""

from __future__ import annotations

import llvmlite.ir as ir

from emu import state
from emu import tlb_rows as rows
from emu.engine import refill_layout as refill
from emu.engine.native_site import I8, I64, PAGE, PAGE_BITS, PTR, Site
from emu.state import MASK64

_NEVER = MASK64
"""A tag that no lookup in the software TLB can produce."""
_INDEX = state.TLB_ENTRIES - 1


class TlbCode:
    """The TLB at one site."""

    def __init__(self, site: Site, memo: ir.Value) -> None:
        self._site = site
        self._memo = memo
        self.table = site.slot(state.TLB_ROWS)
        """Its host address."""

    def row(self, link: ir.Value) -> ir.Value:
        s = self._site
        return s.scaled(self.table, rows.ROWS, s.b.sub(link, I64(1)), rows.ROW)

    def _is_tagged(self, tag: ir.Value, want: ir.Value) -> ir.Value:
        """Whether a row's tag serves the context: the same, or the same but for an ASID that it has none of."""
        b = self._site.b
        differs = b.xor(tag, want)
        is_other = b.icmp_unsigned("!=", b.and_(differs, I64(~rows.ASID_MASK & MASK64)), I64(0))
        has_asid = b.icmp_unsigned("!=", b.and_(tag, I64(rows.ASID_MASK)), I64(0))
        is_same = b.icmp_unsigned("==", differs, I64(0))
        return b.or_(is_same, b.not_(b.or_(is_other, has_asid)))

    def look_up(self, page: ir.Value, space: ir.Value, want: ir.Value, hit: ir.Block, miss: ir.Block) -> ir.Value:
        """Go to `hit` with the row that serves the address, as `LinkedRows.find` has it, or to `miss`."""
        s, b, va = self._site, self._site.b, self._site.va
        key = b.or_(b.shl(page, I64(rows.SPACE_BITS)), space)
        chain, test, again, large = (s.block(name) for name in ("chain", "test", "again", "large"))
        each, compare, further = (s.block(name) for name in ("each", "compare", "further"))
        bucket = b.and_(page, I64(rows.BUCKETS - 1))
        first = s.load(s.scaled(self.table, rows.HEADS, bucket, 1))
        entry = b.block
        b.branch(chain)

        b.position_at_end(chain)
        link = b.phi(I64)
        link.add_incoming(first, entry)
        b.cbranch(b.icmp_unsigned("==", link, I64(0)), large, test)
        b.position_at_end(test)
        row = self.row(link)
        is_page = b.icmp_unsigned("==", s.load(row, rows.KEY), key)
        b.cbranch(b.and_(is_page, self._is_tagged(s.load(row, rows.TAG), want)), hit, again)
        from_test = b.block
        b.position_at_end(again)
        link.add_incoming(s.load(row, rows.NEXT), again)
        b.branch(chain)

        b.position_at_end(large)
        count = s.load(self.table, rows.LARGE_COUNT)
        s.unless(b.icmp_unsigned("<=", count, I64(rows.MOST_LARGE)))
        before = b.block
        b.branch(each)
        b.position_at_end(each)
        index = b.phi(I64)
        index.add_incoming(I64(0), before)
        b.cbranch(b.icmp_unsigned("==", index, count), miss, compare)
        b.position_at_end(compare)
        listed = s.scaled(s.load(self.table, rows.LARGE_LIST), 0, index, rows.LARGE)
        is_inside = b.icmp_unsigned("<", b.sub(va, s.load(listed, 0)), s.load(listed, 1))
        other = self.row(s.load(listed, 2))
        is_here = b.icmp_unsigned("==", s.load(other, rows.KEY), space)
        b.cbranch(b.and_(b.and_(is_inside, is_here), self._is_tagged(s.load(other, rows.TAG), want)), hit, further)
        from_compare = b.block
        b.position_at_end(further)
        index.add_incoming(b.add(index, I64(1)), further)
        b.branch(each)

        b.position_at_end(hit)
        found = b.phi(I64)
        found.add_incoming(row, from_test)
        found.add_incoming(other, from_compare)
        return found

    def note_use(self, row: ir.Value) -> None:
        """`TlbUses.note`, but for the count."""
        s = self._site
        s.store(s.load(self.table, rows.WATCH), row, rows.USED)

    def output_of(self, row: ir.Value, address: ir.Value) -> ir.Value:
        """The address that an entry gives for one of its own."""
        s, b = self._site, self._site.b
        return b.add(s.load(row, rows.OUTPUT), b.sub(address, s.load(row, rows.BASE)))

    # A new entry, as `Tlb.insert` makes it.

    def expect_room_for_two(self) -> None:
        """Go to Python unless two entries can be made: the first may push out what the walk has gone by."""
        s, b, table = self._site, self._site.b, self.table
        s.unless(b.icmp_unsigned("<", s.load(table, rows.LARGE_COUNT), I64(rows.MOST_LARGE - 1)))
        evicts, done = s.block("crowded"), s.block("room")
        count = b.add(s.load(table, rows.COUNT), I64(2))
        b.cbranch(b.icmp_unsigned("<=", count, s.load(table, rows.CAPACITY)), done, evicts)
        b.position_at_end(evicts)
        link = s.load(table, rows.OLDEST)
        for _ in range(2):
            s.unless(b.icmp_unsigned("!=", link, I64(0)))
            row = self.row(link)
            s.unless(b.icmp_unsigned("==", s.load(row, rows.PLAIN), I64(1)))
            link = s.load(row, rows.NEWER)
        b.branch(done)
        b.position_at_end(done)

    def insert(
        self,
        space: ir.Value,
        tag: ir.Value,
        address: ir.Value,
        output: ir.Value,
        middle: ir.Value,
        size: ir.Value,
        number: ir.Value,
    ) -> None:
        """`address` is any that the entry covers, `number` the class plus 1; the rest are the row's words."""
        s, b, table = self._site, self._site.b, self.table
        full, free, have = s.block("full"), s.block("free"), s.block("have")
        large_count = s.load(table, rows.LARGE_COUNT)
        s.unless(b.icmp_unsigned("<", large_count, I64(rows.MOST_LARGE)))
        count = s.load(table, rows.COUNT)
        b.cbranch(b.icmp_unsigned("==", count, s.load(table, rows.CAPACITY)), full, free)
        b.position_at_end(full)
        oldest = self._evict()
        from_full = b.block
        b.branch(have)
        b.position_at_end(free)
        unused = s.load(table, rows.FREE)
        s.store(s.load(self.row(unused), rows.NEXT), table, rows.FREE)
        s.store(b.add(count, I64(1)), table, rows.COUNT)
        from_free = b.block
        b.branch(have)
        b.position_at_end(have)
        link = b.phi(I64)
        link.add_incoming(oldest, from_full)
        link.add_incoming(unused, from_free)
        row, serial, newest = self.row(link), s.load(table, rows.FILLED), s.load(table, rows.NEWEST)
        s.store(b.add(serial, I64(1)), table, rows.FILLED)
        instruction = b.sub(b.add(s.slot(state.COUNT), s.slot(state.LIMIT)), s.slot(state.BUDGET))
        place = b.or_(s.slot(state.EL), s.load(self._memo, refill.SECURITY))
        is_page = b.icmp_unsigned("==", size, I64(PAGE))
        base = b.and_(address, b.sub(I64(0), size))
        page = b.lshr(address, I64(PAGE_BITS))
        key = b.or_(b.shl(page, I64(rows.SPACE_BITS)), space)
        for field, value in (
            (rows.KEY, b.select(is_page, key, space)), (rows.TAG, tag), (rows.NEXT, I64(0)),
            (rows.OLDER, newest), (rows.NEWER, I64(0)), (rows.SERIAL, serial), (rows.CLASS, number), (rows.BASE, base),
            (rows.OUTPUT, output), (rows.INSTRUCTION, instruction), (rows.PC, s.slot(state.PC)),
            (rows.PLACE, place), (rows.SIZE, size), (rows.PLAIN, I64(1)),
            (rows.MIDDLE, middle), (rows.USED, s.load(table, rows.WATCH)),
        ):  # fmt: skip
            s.store(value, row, field)
        is_first = b.icmp_unsigned("==", newest, I64(0))
        after = b.add(self.row(newest), I64(8 * rows.NEWER))
        s.store(link, b.select(is_first, b.add(table, I64(8 * rows.OLDEST)), after))
        s.store(link, table, rows.NEWEST)
        chained, listed, done = s.block("chained"), s.block("listed"), s.block("inserted")
        b.cbranch(is_page, chained, listed)
        b.position_at_end(chained)
        bucket = b.and_(page, I64(rows.BUCKETS - 1))
        end = self._follow(s.scaled(table, rows.HEADS, bucket, 1), I64(0))
        s.store(link, end)
        b.branch(done)
        b.position_at_end(listed)
        items = s.load(table, rows.LARGE_COUNT)
        item = s.scaled(s.load(table, rows.LARGE_LIST), 0, items, rows.LARGE)
        for word, value in enumerate((base, size, link, size)):
            s.store(value, item, word)
        s.store(b.add(items, I64(1)), table, rows.LARGE_COUNT)
        b.branch(done)
        b.position_at_end(done)

    def _follow(self, head: ir.Value, link: ir.Value) -> ir.Value:
        """The place in a bucket's chain that holds a link."""
        s, b = self._site, self._site.b
        each, on, found = s.block("link"), s.block("next"), s.block("linked")
        before = b.block
        b.branch(each)
        b.position_at_end(each)
        place = b.phi(I64)
        place.add_incoming(head, before)
        held = s.load(place)
        b.cbranch(b.icmp_unsigned("==", held, link), found, on)
        b.position_at_end(on)
        place.add_incoming(b.add(self.row(held), I64(8 * rows.NEXT)), on)
        b.branch(each)
        b.position_at_end(found)
        return place

    def _evict(self) -> ir.Value:
        """Take out the oldest entry, in the software TLB too; its row is free for another, whose link is returned."""
        s, b, table = self._site, self._site.b, self.table
        oldest = s.load(table, rows.OLDEST)
        row = self.row(oldest)
        s.unless(b.icmp_unsigned("==", s.load(row, rows.PLAIN), I64(1)))
        newer = s.load(row, rows.NEWER)
        s.store(newer, table, rows.OLDEST)
        is_last = b.icmp_unsigned("==", newer, I64(0))
        after = b.add(self.row(newer), I64(8 * rows.OLDER))
        s.store(I64(0), b.select(is_last, b.add(table, I64(8 * rows.NEWEST)), after))
        page, large, done = s.block("small"), s.block("big"), s.block("evicted")
        b.cbranch(b.icmp_unsigned("==", s.load(row, rows.SIZE), I64(PAGE)), page, large)

        b.position_at_end(page)
        number = b.lshr(s.load(row, rows.KEY), I64(rows.SPACE_BITS))
        bucket = b.and_(number, I64(rows.BUCKETS - 1))
        place = self._follow(s.scaled(table, rows.HEADS, bucket, 1), oldest)
        s.store(s.load(row, rows.NEXT), place)
        index = b.and_(number, I64(_INDEX))
        for salt in state.SALTS:
            place = b.shl(b.xor(index, I64(salt)), I64(2))
            for first in (state.LOAD_TLB, state.STORE_TLB, state.FETCH_TLB):
                b.store(I64(_NEVER), s.slot_place(b.add(place, I64(first))))
        dropped = b.inttoptr(b.add(s.slot(state.DROPPED), index), PTR)
        b.store(I8(1), dropped)
        b.branch(done)

        b.position_at_end(large)  # the oldest of them too, the first in their list
        count = b.sub(s.load(table, rows.LARGE_COUNT), I64(1))
        s.store(count, table, rows.LARGE_COUNT)
        items = s.load(table, rows.LARGE_LIST)

        def shift(index: ir.Value) -> None:
            word = b.add(items, b.shl(index, I64(3)))
            s.store(s.load(word, rows.LARGE), word)

        s.repeat(b.mul(count, I64(rows.LARGE)), shift)
        slots, drops = I64(state.GRANTS - state.LOAD_TLB), s.slot(state.DROPPED)
        s.repeat(slots, lambda at: b.store(I64(_NEVER), s.slot_place(b.add(at, I64(state.LOAD_TLB)))))
        ones = I64(0x0101_0101_0101_0101)
        s.repeat(I64(state.TLB_ENTRIES // 8), lambda at: s.store(ones, b.add(drops, b.shl(at, I64(3)))))
        b.branch(done)
        b.position_at_end(done)
        return oldest
