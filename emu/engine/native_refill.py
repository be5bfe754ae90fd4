"""Native code for accesses that find nothing in the software TLB: what `emu.engine.refill` knows, put to use.

An entry of the architectural TLB that is granted here, or else a leaf that follows from what the walker has found
before, gives an entry of the software TLB, and the access is made through it. Python's callback does everything else.
Nothing has changed by then, or the entry is there and the callback finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.ir as ir

from emu import state
from emu import tlb_rows as rows
from emu.engine import refill_layout as refill
from emu.engine.native_stage2 import UNKNOWN, build_find
from emu.isa.ops import Mode
from emu.mec.memory import CODE_TAG
from emu.mec.writers import COUNT_SHIFT
from emu.state import MASK64

I64, I32, I8 = ir.IntType(64), ir.IntType(32), ir.IntType(8)
PTR = ir.PointerType()
CALLBACK = ir.FunctionType(I64, [PTR, I64, I64, I64])
_SIZES = (1, 2, 4, 8)
_PAGE_BITS, _PAGE = 12, 1 << 12
_NEVER = MASK64
_AGAIN = 3
"""`emu.engine.lower.AGAIN`."""
_INDEX = state.TLB_ENTRIES - 1


def build(module: ir.Module, name: str, kind: int) -> None:
    """The function that stands before Python's callback for one kind of access (see `emu.engine.refill`)."""
    _Builder(ir.Function(module, CALLBACK, name), kind, build_find(module, f"{name}.find")).build()


class _Builder:
    def __init__(self, function: ir.Function, kind: int, find: ir.Function) -> None:
        """`find` is `emu.engine.native_stage2`'s."""
        self._function = function
        self._find_second = find
        self._kind = kind
        self._is_store, self._is_fetch = kind == refill.STORES, kind == refill.FETCHED
        self._state, self._va, self._size, self._mode = function.args
        self._b = ir.IRBuilder(function.append_basic_block("entry"))
        self._python = function.append_basic_block("python")

    # Small things. Addresses of the host are 64-bit integers here.

    def _block(self, name: str) -> ir.Block:
        return self._function.append_basic_block(name)

    def _unless(self, condition: ir.Value) -> None:
        """Go to Python where a condition does not hold."""
        on = self._block("on")
        self._b.cbranch(condition, on, self._python).set_weights([1 << 20, 1])
        self._b.position_at_end(on)

    def _slot(self, slot: int) -> ir.Value:
        return self._b.load(self._slot_place(I64(slot)), typ=I64)

    def _slot_place(self, slot: ir.Value) -> ir.Value:
        return self._b.gep(self._state, [slot], source_etype=I64)

    def _set_slot(self, slot: int, value: ir.Value) -> None:
        self._b.store(value, self._slot_place(I64(slot)))

    def _load(self, address: ir.Value, index: int = 0, typ: Any = I64) -> ir.Value:
        """The word (or smaller thing) `index` words behind an address."""
        return self._b.load(self._b.inttoptr(self._b.add(address, I64(8 * index)), PTR), typ=typ, align=1)

    def _store(self, value: ir.Value, address: ir.Value, index: int = 0) -> None:
        self._b.store(value, self._b.inttoptr(self._b.add(address, I64(8 * index)), PTR), align=1)

    def _scaled(self, address: ir.Value, first: int, index: ir.Value, words: int) -> ir.Value:
        """The address of element `index` of an array that begins at word `first`."""
        return self._b.add(address, self._b.add(self._b.mul(index, I64(8 * words)), I64(8 * first)))

    def _row(self, link: ir.Value) -> ir.Value:
        return self._scaled(self._rows, rows.ROWS, self._b.sub(link, I64(1)), rows.ROW)

    def _is_tagged(self, tag: ir.Value) -> ir.Value:
        """Whether a row's tag serves the context: the same, or the same but for an ASID that it has none of."""
        b = self._b
        differs = b.xor(tag, self._want)
        is_other = b.icmp_unsigned("!=", b.and_(differs, I64(~rows.ASID_MASK & MASK64)), I64(0))
        has_asid = b.icmp_unsigned("!=", b.and_(tag, I64(rows.ASID_MASK)), I64(0))
        is_same = b.icmp_unsigned("==", differs, I64(0))
        return b.or_(is_same, b.not_(b.or_(is_other, has_asid)))

    # The whole.

    def build(self) -> None:
        b, va = self._b, self._va
        context = self._slot(state.CONTEXT)
        known = b.add(self._slot(state.QUICK), b.shl(context, I64(1)))  # eight bytes for every four of CONTEXT
        self._memo = self._load(known)
        self._unless(b.icmp_unsigned("!=", self._memo, I64(0)))
        if self._is_fetch:
            self._unless(b.icmp_unsigned("==", b.and_(va, I64(3)), I64(0)))
            self._unless(b.icmp_unsigned("==", self._slot(state.GUARDED), I64(0)))
        else:
            self._unless(b.icmp_unsigned("==", b.and_(self._mode, I64(0xFF)), I64(Mode.NORMAL.value)))
            align = b.lshr(self._mode, I64(8))
            odd = b.or_(b.and_(va, b.sub(self._size, I64(1))), b.and_(va, b.sub(align, I64(1))))
            self._unless(b.icmp_unsigned("==", odd, I64(0)))
            self._unless(b.icmp_unsigned("<=", self._size, I64(_SIZES[-1])))
        # An address without a tag: bits [63:55] are all alike.
        self._unless(b.icmp_unsigned("<=", b.add(b.ashr(va, I64(55)), I64(1)), I64(1)))
        self._rows = self._slot(state.TLB_ROWS)
        self._want = self._load(self._memo, refill.TAG)
        self._space = self._load(self._memo, refill.SPACE)
        self._page = b.lshr(va, I64(_PAGE_BITS))
        self._key = b.or_(b.shl(self._page, I64(rows.SPACE_BITS)), self._space)
        hit, miss, fill = self._block("hit"), self._block("miss"), self._block("fill")
        found = self._look_up(hit, miss)

        b.position_at_end(hit)
        number = self._load(found, rows.CLASS)
        self._unless(b.icmp_unsigned("!=", number, I64(0)))
        pa = b.add(self._load(found, rows.OUTPUT), b.sub(va, self._load(found, rows.BASE)))
        by_hit = self._granted(number, pa)
        self._note_use(found)
        from_hit = b.block
        b.branch(fill)

        b.position_at_end(miss)
        upper, leaf, output, size = self._walk(va, refill.UPPERS, refill.LEAVES, refill.LEAF_COUNT)
        tag = b.and_(self._want, self._load(leaf, 3))
        address = b.or_(output, b.and_(va, b.sub(size, I64(1))))
        limit = self._load(self._scaled(self._memo, refill.LIMITS, b.lshr(va, I64(63)), 1))
        self._unless(b.icmp_unsigned("<", address, limit))
        self._second_tag = self._load(self._memo, refill.SECOND_TAG)
        alone, both = self._block("alone"), self._block("both")
        b.cbranch(b.icmp_unsigned("==", self._second_tag, I64(0)), alone, both)
        b.position_at_end(alone)
        number = self._load(leaf, 2)
        by_walk = self._granted(number, address)
        self._insert(self._space, tag, va, output, I64(0), size, number)
        from_walk = b.block
        b.branch(fill)
        b.position_at_end(both)
        by_both = self._through_both(upper, leaf, address, size, tag)
        from_both = b.block
        b.branch(fill)

        b.position_at_end(fill)
        values = []
        for ways in zip(by_hit, by_walk, by_both, strict=True):
            phi = b.phi(I64)
            for way, block in zip(ways, (from_hit, from_walk, from_both), strict=True):
                phi.add_incoming(way, block)
            values.append(phi)
        offset, owner, third = values
        self._fill(offset, owner, third)
        if self._is_fetch:
            self._make_fetch(third)
        elif self._is_store:
            self._make_store(offset, owner, third)
        else:
            self._make_load(offset, owner)
        b.position_at_end(self._python)
        callback = self._slot((state.PYTHON_LOAD, state.PYTHON_STORE, state.PYTHON_DECODE)[self._kind])
        function = b.inttoptr(callback, CALLBACK.as_pointer())
        b.ret(b.call(function, [self._state, va, self._size, self._mode]))

    # The architectural TLB.

    def _look_up(self, hit: ir.Block, miss: ir.Block) -> ir.Value:
        """Go to `hit` with the row that serves the address, as `Tlb.find` has it, or to `miss`."""
        b, va = self._b, self._va
        chain, test, again, large = (self._block(name) for name in ("chain", "test", "again", "large"))
        each, compare, further = (self._block(name) for name in ("each", "compare", "further"))
        bucket = b.and_(self._page, I64(rows.BUCKETS - 1))
        first = self._load(self._scaled(self._rows, rows.HEADS, bucket, 1))
        entry = b.block
        b.branch(chain)

        b.position_at_end(chain)
        link = b.phi(I64)
        link.add_incoming(first, entry)
        b.cbranch(b.icmp_unsigned("==", link, I64(0)), large, test)
        b.position_at_end(test)
        row = self._row(link)
        is_page = b.icmp_unsigned("==", self._load(row, rows.KEY), self._key)
        b.cbranch(b.and_(is_page, self._is_tagged(self._load(row, rows.TAG))), hit, again)
        from_test = b.block
        b.position_at_end(again)
        link.add_incoming(self._load(row, rows.NEXT), again)
        b.branch(chain)

        b.position_at_end(large)
        count = self._load(self._rows, rows.LARGE_COUNT)
        self._unless(b.icmp_unsigned("<=", count, I64(rows.MOST_LARGE)))
        before = b.block
        b.branch(each)
        b.position_at_end(each)
        index = b.phi(I64)
        index.add_incoming(I64(0), before)
        b.cbranch(b.icmp_unsigned("==", index, count), miss, compare)
        b.position_at_end(compare)
        listed = self._scaled(self._load(self._rows, rows.LARGE_LIST), 0, index, rows.LARGE)
        is_inside = b.icmp_unsigned("<", b.sub(va, self._load(listed, 0)), self._load(listed, 1))
        other = self._row(self._load(listed, 2))
        is_here = b.icmp_unsigned("==", self._load(other, rows.KEY), self._space)
        b.cbranch(b.and_(b.and_(is_inside, is_here), self._is_tagged(self._load(other, rows.TAG))), hit, further)
        from_compare = b.block
        b.position_at_end(further)
        index.add_incoming(b.add(index, I64(1)), further)
        b.branch(each)

        b.position_at_end(hit)
        found = b.phi(I64)
        found.add_incoming(row, from_test)
        found.add_incoming(other, from_compare)
        return found

    def _note_use(self, row: ir.Value) -> None:
        """`Tlb.note_use`, but for the count."""
        self._store(self._load(self._rows, rows.WATCH), row, rows.USED)

    def _granted(self, number: ir.Value, pa: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value]:
        """(arena offset, owner id, last word of the software TLB's entry) through a class that is granted here."""
        b = self._b
        grant = self._scaled(self._memo, refill.GRANTS - refill.GRANT, number, refill.GRANT)
        flags = self._load(grant, refill.GRANT_FLAGS)
        self._unless(b.icmp_unsigned("!=", b.and_(flags, I64(1 << self._kind)), I64(0)))
        offset = b.sub(pa, self._slot(state.RAM_BASE))
        self._unless(b.icmp_unsigned("<", offset, self._slot(state.RAM_SIZE)))
        page = b.lshr(offset, I64(_PAGE_BITS))
        pages = self._load(grant, refill.GRANT_PAGES)
        protected, on = self._block("protected"), self._block("passed")
        b.cbranch(b.icmp_unsigned("==", pages, I64(0)), on, protected)
        b.position_at_end(protected)
        passed = self._load(b.add(pages, page), typ=I8)
        b.cbranch(b.icmp_unsigned("!=", passed, I8(0)), on, self._python)
        b.position_at_end(on)
        if self._is_store:
            storable = self._load(b.add(self._slot(state.STORABLE), page), typ=I8)
            self._unless(b.icmp_unsigned("!=", storable, I8(0)))
        owner = self._load(grant, refill.GRANT_OWNER)
        if self._is_fetch:
            return offset, owner, self._decoded(offset, owner)
        return offset, owner, self._load(grant, refill.GRANT_STORE if self._is_store else refill.GRANT_LOAD)

    def _decoded(self, offset: ir.Value, owner: ir.Value) -> ir.Value:
        """Host address of the decoded words of the page that is fetched from, if its word here is decoded."""
        b = self._b
        place = b.and_(self._page, I64(refill.FETCH_COUNT - 1))
        known = self._scaled(self._memo, refill.FETCHES, place, refill.FETCH)
        page = I64(-_PAGE & MASK64)
        is_known = b.icmp_unsigned("==", self._load(known), b.add(b.and_(self._va, page), I64(1)))
        is_there = b.icmp_unsigned("==", self._load(known, 1), b.and_(offset, page))
        is_ours = b.icmp_unsigned("==", self._load(known, 3), owner)
        self._unless(b.and_(b.and_(is_known, is_there), is_ours))
        words = self._load(known, 2)
        handler = self._load(self._word(words))
        self._unless(b.icmp_unsigned("!=", handler, self._slot(state.DECODE_STUB)))
        return words

    def _word(self, words: ir.Value) -> ir.Value:
        """The host address of the decoded word at the program counter."""
        return self._scaled(words, 0, self._b.and_(self._b.lshr(self._va, I64(2)), I64(_PAGE // 4 - 1)), 2)

    # A walk, as it went before.

    def _owner_of(self, offset: ir.Value) -> ir.Value:
        """The owner id of the block at an arena offset."""
        return self._b.and_(self._b.zext(self._tag(offset), I64), I64(CODE_TAG - 1))

    def _tag_place(self, offset: ir.Value) -> ir.Value:
        b = self._b
        return b.add(self._slot(state.TAGS), b.shl(b.lshr(offset, I64(4)), I64(2)))

    def _tag(self, offset: ir.Value) -> ir.Value:
        return self._load(self._tag_place(offset), typ=I32)

    def _upper(self, va: ir.Value, first: int) -> tuple[ir.Value, ir.Value]:
        """(place of the upper that an address belongs to, among those from `first`; log2 of what its leaves cover)."""
        b = self._b
        found, places = self._block("upper"), []
        for step, (shift, count) in enumerate(zip(refill.LEAF_SHIFTS, refill.UPPER_COUNTS, strict=True)):
            region = b.lshr(va, I64(shift + refill.INDEX_BITS))
            upper = self._scaled(self._memo, first, b.and_(region, I64(count - 1)), refill.UPPER)
            first += refill.UPPER * count
            is_here = b.icmp_unsigned("==", self._load(upper), b.add(region, I64(1)))
            on = self._python if step == len(refill.LEAF_SHIFTS) - 1 else self._block("elsewhere")
            places.append((upper, shift, b.block))
            b.cbranch(is_here, found, on)
            if on is not self._python:
                b.position_at_end(on)
        b.position_at_end(found)
        address, size = b.phi(I64), b.phi(I64)
        for upper, shift, block in places:
            address.add_incoming(upper, block)
            size.add_incoming(I64(shift), block)
        return address, size

    def _walk(
        self, va: ir.Value, uppers: int, leaves: int, counted: int
    ) -> tuple[ir.Value, ir.Value, ir.Value, ir.Value]:
        """One stage: (place of the upper, place of the leaf's bits, output address, bytes) as the walker finds them."""
        b = self._b
        upper, shift = self._upper(va, uppers)
        index = b.and_(b.lshr(va, shift), I64((1 << refill.INDEX_BITS) - 1))
        others = self._load(upper, refill.UPPER_INDEX)
        is_in_table = b.icmp_unsigned("==", b.and_(index, b.lshr(others, I64(16))), b.and_(others, I64(0xFFFF)))
        self._unless(is_in_table)
        arena = self._slot(state.ARENA)
        count = self._load(upper, 1)
        done = self._block("verified")
        for number in range(refill.MOST_UPPER):
            more = self._block("more")
            b.cbranch(b.icmp_unsigned(">", count, I64(number)), more, done)
            b.position_at_end(more)
            at = refill.UPPER_WORDS + 3 * number
            offset = self._load(upper, at)
            same = b.icmp_unsigned("==", self._load(b.add(arena, offset)), self._load(upper, at + 1))
            owned = b.icmp_unsigned("==", self._owner_of(offset), self._load(upper, at + 2))
            self._unless(b.and_(same, owned))
        b.branch(done)
        b.position_at_end(done)
        mask = b.lshr(others, I64(16))
        entry = b.shl(b.and_(index, b.xor(mask, I64((1 << refill.INDEX_BITS) - 1))), I64(3))
        offset = b.add(self._load(upper, 3), entry)
        owner = self._owner_of(offset)
        ours = b.icmp_unsigned("==", owner, self._load(upper, refill.UPPER_OWNER))
        self._unless(b.or_(ours, b.icmp_unsigned("==", owner, I64(0))))
        descriptor = self._load(b.add(arena, offset))
        size = b.shl(I64(1), shift)
        address = b.and_(b.sub(I64(0), size), I64(refill.ADDRESS))
        bits = b.and_(descriptor, b.xor(address, I64(MASK64)))
        kind = b.or_(b.shl(self._load(upper, 2), I64(2)), I64(self._kind))
        return upper, self._find_leaf(bits, kind, leaves, counted), b.and_(descriptor, address), size

    def _find_leaf(self, bits: ir.Value, kind: ir.Value, leaves: int, counted: int) -> ir.Value:
        b = self._b
        each, compare, further, found = (self._block(name) for name in ("leaf", "like", "unlike", "known"))
        count = self._load(self._memo, counted)
        before = b.block
        b.branch(each)
        b.position_at_end(each)
        index = b.phi(I64)
        index.add_incoming(I64(0), before)
        b.cbranch(b.icmp_unsigned("==", index, count), self._python, compare)
        b.position_at_end(compare)
        leaf = self._scaled(self._memo, leaves, index, refill.LEAF)
        alike = b.icmp_unsigned("==", self._load(leaf, 0), bits)
        b.cbranch(b.and_(alike, b.icmp_unsigned("==", self._load(leaf, 1), kind)), found, further)
        b.position_at_end(further)
        index.add_incoming(b.add(index, I64(1)), further)
        b.branch(each)
        b.position_at_end(found)
        return leaf

    # Stage 2.

    def _second(self, address: ir.Value) -> ir.Value:
        """The row of stage 2 alone that serves an intermediate address; 0 where there is none."""
        b = self._b
        space = self._load(self._memo, refill.SECOND_SPACE)
        row = b.call(self._find_second, [self._rows, space, self._second_tag, address])
        self._unless(b.icmp_unsigned("!=", row, I64(UNKNOWN)))
        return row

    def _verify_nested(self, upper: ir.Value) -> None:
        """Go on where stage 2 maps the tables to where it mapped them before, by entries of the TLB."""
        b = self._b
        count = self._load(upper, 1)
        done = self._block("nested")
        for number in range(refill.MOST_UPPER + 1):
            if number:
                more = self._block("deeper")
                b.cbranch(b.icmp_unsigned(">=", count, I64(number)), more, done)
                b.position_at_end(more)
            page = self._load(upper, refill.UPPER_NESTED + 2 * number)
            row = self._second(page)
            self._unless(b.icmp_unsigned("!=", row, I64(0)))
            known = self._load(upper, refill.UPPER_NESTED + 2 * number + 1)
            is_like = b.icmp_unsigned("==", self._load(row, rows.CLASS), known)
            descriptor = self._load(upper, refill.UPPER_WORDS + 3 * number)
            if number:  # the last table is not among the others
                is_last = b.icmp_unsigned("==", count, I64(number))
                descriptor = b.select(is_last, self._load(upper, 3), descriptor)
            else:
                descriptor = b.select(b.icmp_unsigned("==", count, I64(0)), self._load(upper, 3), descriptor)
            offset = b.sub(self._output_of(row, page), self._slot(state.RAM_BASE))
            is_there = b.icmp_unsigned("==", offset, b.and_(descriptor, I64(-_PAGE & MASK64)))
            self._unless(b.and_(is_like, is_there))
            self._note_use(row)
        b.branch(done)
        b.position_at_end(done)

    def _output_of(self, row: ir.Value, address: ir.Value) -> ir.Value:
        b = self._b
        return b.add(self._load(row, rows.OUTPUT), b.sub(address, self._load(row, rows.BASE)))

    def _through_both(
        self, upper: ir.Value, leaf: ir.Value, ipa: ir.Value, size: ir.Value, tag: ir.Value
    ) -> tuple[ir.Value, ir.Value, ir.Value]:
        """What `_granted` gives, by a new entry for both stages, and before it one for stage 2 alone if need be."""
        b = self._b
        self._verify_nested(upper)
        held, walked, on, insert, serves, have = (
            self._block(name) for name in ("held", "walked", "joint", "second", "serves", "first")
        )
        row = self._second(ipa)
        b.cbranch(b.icmp_unsigned("==", row, I64(0)), walked, held)
        b.position_at_end(held)
        by_row = (self._load(row, rows.CLASS), self._output_of(row, ipa), self._load(row, rows.SIZE), I64(0))
        self._unless(b.icmp_unsigned("!=", by_row[0], I64(0)))
        from_held = b.block
        b.branch(on)

        b.position_at_end(walked)
        _, second_leaf, output, covers = self._walk(
            ipa, refill.SECOND_UPPERS, refill.SECOND_LEAVES, refill.SECOND_LEAF_COUNT
        )
        start = b.and_(ipa, b.sub(I64(0), covers))
        # The walker would ask about an entry for the leaf's first address.
        self._unless(b.icmp_unsigned("==", self._second(start), I64(0)))
        address = b.or_(output, b.and_(ipa, b.sub(covers, I64(1))))
        self._unless(b.icmp_unsigned("<", address, self._load(self._memo, refill.SECOND_LIMIT)))
        by_walk = (self._load(second_leaf, 2), address, covers, I64(1))
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
        self._unless(b.icmp_unsigned("<=", size, covered))
        place = b.udiv(b.sub(leaf, b.add(self._memo, I64(8 * refill.LEAVES))), I64(8 * refill.LEAF))
        row_of_joint = b.add(b.mul(place, I64(rows.MOST_CLASSES)), b.sub(number, I64(1)))
        joint = self._load(self._scaled(self._memo, refill.JOINT, row_of_joint, 1))
        self._unless(b.icmp_unsigned("!=", joint, I64(0)))
        granted = self._granted(joint, pa)
        b.cbranch(b.icmp_unsigned("!=", is_new, I64(0)), insert, serves)
        b.position_at_end(serves)
        self._note_use(row)
        b.branch(have)

        b.position_at_end(insert)
        self._expect_room_for_two()
        space = self._load(self._memo, refill.SECOND_SPACE)
        from_start = b.sub(pa, b.and_(ipa, b.sub(covered, I64(1))))
        self._insert(space, self._second_tag, ipa, from_start, I64(0), covered, number)
        b.branch(have)
        b.position_at_end(have)
        low = b.sub(I64(0), size)
        self._insert(self._space, tag, self._va, b.and_(pa, low), b.and_(ipa, low), size, joint)
        return granted

    def _expect_room_for_two(self) -> None:
        """Go to Python unless two entries can be made: the first may push out what the walk has gone by."""
        b, table = self._b, self._rows
        self._unless(b.icmp_unsigned("<", self._load(table, rows.LARGE_COUNT), I64(rows.MOST_LARGE - 1)))
        evicts, done = self._block("crowded"), self._block("room")
        count = b.add(self._load(table, rows.COUNT), I64(2))
        b.cbranch(b.icmp_unsigned("<=", count, self._load(table, rows.CAPACITY)), done, evicts)
        b.position_at_end(evicts)
        link = self._load(table, rows.OLDEST)
        for _ in range(2):
            self._unless(b.icmp_unsigned("!=", link, I64(0)))
            row = self._row(link)
            self._unless(b.icmp_unsigned("==", self._load(row, rows.PLAIN), I64(1)))
            link = self._load(row, rows.NEWER)
        b.branch(done)
        b.position_at_end(done)

    # A new entry, as `Tlb.insert` makes it.

    def _insert(
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
        b, table = self._b, self._rows
        full, free, have = self._block("full"), self._block("free"), self._block("have")
        large_count = self._load(table, rows.LARGE_COUNT)
        self._unless(b.icmp_unsigned("<", large_count, I64(rows.MOST_LARGE)))
        count = self._load(table, rows.COUNT)
        b.cbranch(b.icmp_unsigned("==", count, self._load(table, rows.CAPACITY)), full, free)
        b.position_at_end(full)
        oldest = self._evict()
        from_full = b.block
        b.branch(have)
        b.position_at_end(free)
        unused = self._load(table, rows.FREE)
        self._store(self._load(self._row(unused), rows.NEXT), table, rows.FREE)
        self._store(b.add(count, I64(1)), table, rows.COUNT)
        from_free = b.block
        b.branch(have)
        b.position_at_end(have)
        link = b.phi(I64)
        link.add_incoming(oldest, from_full)
        link.add_incoming(unused, from_free)
        row, serial, newest = self._row(link), self._load(table, rows.FILLED), self._load(table, rows.NEWEST)
        self._store(b.add(serial, I64(1)), table, rows.FILLED)
        instruction = b.sub(b.add(self._slot(state.COUNT), self._slot(state.LIMIT)), self._slot(state.BUDGET))
        place = b.or_(self._slot(state.EL), self._load(self._memo, refill.SECURITY))
        is_page = b.icmp_unsigned("==", size, I64(_PAGE))
        base = b.and_(address, b.sub(I64(0), size))
        page = b.lshr(address, I64(_PAGE_BITS))
        key = b.or_(b.shl(page, I64(rows.SPACE_BITS)), space)
        for field, value in (
            (rows.KEY, b.select(is_page, key, space)), (rows.TAG, tag), (rows.NEXT, I64(0)),
            (rows.OLDER, newest), (rows.NEWER, I64(0)), (rows.SERIAL, serial), (rows.CLASS, number), (rows.BASE, base),
            (rows.OUTPUT, output), (rows.INSTRUCTION, instruction), (rows.PC, self._slot(state.PC)),
            (rows.PLACE, place), (rows.SIZE, size), (rows.PLAIN, I64(1)),
            (rows.MIDDLE, middle), (rows.USED, self._load(table, rows.WATCH)),
        ):  # fmt: skip
            self._store(value, row, field)
        is_first = b.icmp_unsigned("==", newest, I64(0))
        after = b.add(self._row(newest), I64(8 * rows.NEWER))
        self._store(link, b.select(is_first, b.add(table, I64(8 * rows.OLDEST)), after))
        self._store(link, table, rows.NEWEST)
        chained, listed, done = self._block("chained"), self._block("listed"), self._block("inserted")
        b.cbranch(is_page, chained, listed)
        b.position_at_end(chained)
        bucket = b.and_(page, I64(rows.BUCKETS - 1))
        end = self._follow(self._scaled(table, rows.HEADS, bucket, 1), I64(0))
        self._store(link, end)
        b.branch(done)
        b.position_at_end(listed)
        items = self._load(table, rows.LARGE_COUNT)
        item = self._scaled(self._load(table, rows.LARGE_LIST), 0, items, rows.LARGE)
        for word, value in enumerate((base, size, link, size)):
            self._store(value, item, word)
        self._store(b.add(items, I64(1)), table, rows.LARGE_COUNT)
        b.branch(done)
        b.position_at_end(done)

    def _follow(self, head: ir.Value, link: ir.Value) -> ir.Value:
        """The place in a bucket's chain that holds a link."""
        b = self._b
        each, on, found = self._block("link"), self._block("next"), self._block("linked")
        before = b.block
        b.branch(each)
        b.position_at_end(each)
        place = b.phi(I64)
        place.add_incoming(head, before)
        held = self._load(place)
        b.cbranch(b.icmp_unsigned("==", held, link), found, on)
        b.position_at_end(on)
        place.add_incoming(b.add(self._row(held), I64(8 * rows.NEXT)), on)
        b.branch(each)
        b.position_at_end(found)
        return place

    def _evict(self) -> ir.Value:
        """Take out the oldest entry, in the software TLB too; its row is free for another, whose link is returned."""
        b, table = self._b, self._rows
        oldest = self._load(table, rows.OLDEST)
        row = self._row(oldest)
        self._unless(b.icmp_unsigned("==", self._load(row, rows.PLAIN), I64(1)))
        newer = self._load(row, rows.NEWER)
        self._store(newer, table, rows.OLDEST)
        is_last = b.icmp_unsigned("==", newer, I64(0))
        after = b.add(self._row(newer), I64(8 * rows.OLDER))
        self._store(I64(0), b.select(is_last, b.add(table, I64(8 * rows.NEWEST)), after))
        page, large, done = self._block("small"), self._block("big"), self._block("evicted")
        b.cbranch(b.icmp_unsigned("==", self._load(row, rows.SIZE), I64(_PAGE)), page, large)

        b.position_at_end(page)
        number = b.lshr(self._load(row, rows.KEY), I64(rows.SPACE_BITS))
        bucket = b.and_(number, I64(rows.BUCKETS - 1))
        place = self._follow(self._scaled(table, rows.HEADS, bucket, 1), oldest)
        self._store(self._load(row, rows.NEXT), place)
        index = b.and_(number, I64(_INDEX))
        for salt in state.SALTS:
            place = b.shl(b.xor(index, I64(salt)), I64(2))
            for first in (state.LOAD_TLB, state.STORE_TLB, state.FETCH_TLB):
                b.store(I64(_NEVER), self._slot_place(b.add(place, I64(first))))
        dropped = b.inttoptr(b.add(self._slot(state.DROPPED), index), PTR)
        b.store(I8(1), dropped)
        b.branch(done)

        b.position_at_end(large)  # the oldest of them too, the first in their list
        count = b.sub(self._load(table, rows.LARGE_COUNT), I64(1))
        self._store(count, table, rows.LARGE_COUNT)
        items = self._load(table, rows.LARGE_LIST)

        def shift(index: ir.Value) -> None:
            word = b.add(items, b.shl(index, I64(3)))
            self._store(self._load(word, rows.LARGE), word)

        self._repeat(b.mul(count, I64(rows.LARGE)), shift)
        slots, drops = I64(state.GRANTS - state.LOAD_TLB), self._slot(state.DROPPED)
        self._repeat(slots, lambda at: b.store(I64(_NEVER), self._slot_place(b.add(at, I64(state.LOAD_TLB)))))
        ones = I64(0x0101_0101_0101_0101)
        self._repeat(I64(state.TLB_ENTRIES // 8), lambda at: self._store(ones, b.add(drops, b.shl(at, I64(3)))))
        b.branch(done)
        b.position_at_end(done)
        return oldest

    def _repeat(self, count: ir.Value, body: Callable[[ir.Value], object]) -> None:
        """Do something for every index below a count."""
        b = self._b
        each, inside, after = self._block("each"), self._block("inside"), self._block("after")
        before = b.block
        b.branch(each)
        b.position_at_end(each)
        index = b.phi(I64)
        index.add_incoming(I64(0), before)
        b.cbranch(b.icmp_unsigned("==", index, count), after, inside)
        b.position_at_end(inside)
        body(index)
        index.add_incoming(b.add(index, I64(1)), b.block)
        b.branch(each)
        b.position_at_end(after)

    # The software TLB, and the access itself.

    def _fill(self, offset: ir.Value, owner: ir.Value, third: ir.Value) -> None:
        b, va = self._b, self._va
        context = self._slot(state.CONTEXT)
        salt = b.lshr(b.and_(context, I64(state.SALT_MASK)), I64(_PAGE_BITS - state.SALT_SHIFT))
        index = b.and_(b.xor(self._page, salt), I64(_INDEX))
        first = (state.LOAD_TLB, state.STORE_TLB, state.FETCH_TLB)[self._kind]
        entry = self._slot_place(b.add(b.shl(index, I64(2)), I64(first)))
        tag = b.or_(b.and_(va, I64(-_PAGE & MASK64)), context)
        values = (tag, third, I64(0)) if self._is_fetch else (tag, b.sub(offset, va), owner, third)
        for word, value in enumerate(values):
            b.store(value, b.gep(entry, [I64(word)], source_etype=I64))
        self._set_slot(state.REFILLED, I64(1))
        part = b.shl(I64(1), b.lshr(index, I64(state.PART.bit_length() - 1)))
        self._set_slot(state.FILLED_PARTS, b.or_(self._slot(state.FILLED_PARTS), part))

    def _by_size(self, each: Any) -> None:
        """Go on with what is made for each size of access."""
        b = self._b
        blocks = [self._block(f"size{size}") for size in _SIZES]
        switch = b.switch(self._size, self._python)
        for size, block in zip(_SIZES, blocks, strict=True):
            switch.add_case(I64(size), block)
        for size, block in zip(_SIZES, blocks, strict=True):
            b.position_at_end(block)
            each(ir.IntType(8 * size))
            b.ret(I64(0))

    def _make_fetch(self, words: ir.Value) -> None:
        """What `Interpreter._known` does."""
        b = self._b
        place = self._word(words)
        word = self._load(place, 1)
        with b.if_then(b.icmp_unsigned(">", word, I64(0xFFFF_FFFF))):  # a region stands here
            b.ret(I64(_AGAIN))
        self._set_slot(state.HANDLER, self._load(place))
        self._set_slot(state.WORD, word)
        b.ret(I64(0))

    def _make_load(self, offset: ir.Value, owner: ir.Value) -> None:
        b = self._b
        held = self._owner_of(offset)
        self._unless(b.or_(b.icmp_unsigned("==", held, owner), b.icmp_unsigned("==", held, I64(0))))
        place = b.add(self._slot(state.ARENA), offset)

        def load(kind: ir.IntType) -> None:
            value = self._load(place, typ=kind)
            self._set_slot(state.VALUE, value if kind.width == 64 else b.zext(value, I64))

        self._by_size(load)

    def _make_store(self, offset: ir.Value, owner: ir.Value, third: ir.Value) -> None:
        b = self._b
        held = b.zext(self._tag(offset), I64)
        claims = b.icmp_unsigned("!=", b.and_(third, I64(state.CLAIMS)), I64(0))
        is_free = b.and_(b.icmp_unsigned("==", held, I64(0)), claims)
        self._unless(b.or_(b.icmp_unsigned("==", held, owner), is_free))
        self._store(b.trunc(owner, I32), self._tag_place(offset))
        record = b.add(self._slot(state.WRITERS), b.and_(offset, I64(~15 & MASK64)))
        count = b.sub(self._slot(state.WRITER_COUNT), b.shl(self._slot(state.BUDGET), I64(COUNT_SHIFT)))
        self._store(b.or_(count, b.lshr(third, I64(state.RECORD_SHIFT))), record)
        self._store(self._slot(state.PC), record, 1)
        place, value = b.add(self._slot(state.ARENA), offset), self._slot(state.VALUE)

        def store(kind: ir.IntType) -> None:
            self._store(value if kind.width == 64 else b.trunc(value, kind), place)

        self._by_size(store)
