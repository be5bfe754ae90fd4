"""Native code for a walk as it went before: tables that memory still holds alike, and a leaf like one that is known."""

from __future__ import annotations

from typing import NamedTuple

import llvmlite.ir as ir

from emu import state
from emu.engine import refill_layout as refill
from emu.engine.native_site import I64, Site
from emu.state import MASK64


class Found(NamedTuple):
    """What a walk of one stage finds."""

    upper: ir.Value
    """Host address of what is known of the tables."""
    leaf: ir.Value
    """Host address of what is known of the leaf's bits."""
    output: ir.Value
    """The address in the descriptor."""
    size: ir.Value
    """Bytes that it is about."""


class WalkCode:
    """Walks at one site, by one context's memo."""

    def __init__(self, site: Site, memo: ir.Value) -> None:
        self._site = site
        self._memo = memo

    def walk(self, va: ir.Value, uppers: int, leaves: int, counted: int) -> Found:
        """One stage, by the uppers and leaves that begin at these words; `counted` has the number of leaves."""
        s, b = self._site, self._site.b
        upper, shift = self._upper(va, uppers)
        index = b.and_(b.lshr(va, shift), I64((1 << refill.INDEX_BITS) - 1))
        others = s.load(upper, refill.UPPER_INDEX)
        is_in_table = b.icmp_unsigned("==", b.and_(index, b.lshr(others, I64(16))), b.and_(others, I64(0xFFFF)))
        s.unless(is_in_table)
        arena = s.slot(state.ARENA)
        count = s.load(upper, 1)
        done = s.block("verified")
        for number in range(refill.MOST_UPPER):
            more = s.block("more")
            b.cbranch(b.icmp_unsigned(">", count, I64(number)), more, done)
            b.position_at_end(more)
            at = refill.UPPER_WORDS + 3 * number
            offset = s.load(upper, at)
            same = b.icmp_unsigned("==", s.load(b.add(arena, offset)), s.load(upper, at + 1))
            owned = b.icmp_unsigned("==", s.owner_of(offset), s.load(upper, at + 2))
            s.unless(b.and_(same, owned))
        b.branch(done)
        b.position_at_end(done)
        mask = b.lshr(others, I64(16))
        entry = b.shl(b.and_(index, b.xor(mask, I64((1 << refill.INDEX_BITS) - 1))), I64(3))
        offset = b.add(s.load(upper, 3), entry)
        owner = s.owner_of(offset)
        ours = b.icmp_unsigned("==", owner, s.load(upper, refill.UPPER_OWNER))
        s.unless(b.or_(ours, b.icmp_unsigned("==", owner, I64(0))))
        descriptor = s.load(b.add(arena, offset))
        size = b.shl(I64(1), shift)
        address = b.and_(b.sub(I64(0), size), I64(refill.ADDRESS))
        bits = b.and_(descriptor, b.xor(address, I64(MASK64)))
        kind = b.or_(b.shl(s.load(upper, 2), I64(2)), I64(s.kind))
        return Found(upper, self._find_leaf(bits, kind, leaves, counted), b.and_(descriptor, address), size)

    def _upper(self, va: ir.Value, first: int) -> tuple[ir.Value, ir.Value]:
        """(place of the upper that an address belongs to, among those from `first`; log2 of what its leaves cover)."""
        s, b = self._site, self._site.b
        found, places = s.block("upper"), []
        for step, (shift, count) in enumerate(zip(refill.LEAF_SHIFTS, refill.UPPER_COUNTS, strict=True)):
            region = b.lshr(va, I64(shift + refill.INDEX_BITS))
            upper = s.scaled(self._memo, first, b.and_(region, I64(count - 1)), refill.UPPER)
            first += refill.UPPER * count
            is_here = b.icmp_unsigned("==", s.load(upper), b.add(region, I64(1)))
            on = s.python if step == len(refill.LEAF_SHIFTS) - 1 else s.block("elsewhere")
            places.append((upper, shift, b.block))
            b.cbranch(is_here, found, on)
            if on is not s.python:
                b.position_at_end(on)
        b.position_at_end(found)
        address, size = b.phi(I64), b.phi(I64)
        for upper, shift, block in places:
            address.add_incoming(upper, block)
            size.add_incoming(I64(shift), block)
        return address, size

    def _find_leaf(self, bits: ir.Value, kind: ir.Value, leaves: int, counted: int) -> ir.Value:
        """The place of the leaf with these attribute bits, met in this way."""
        s, b = self._site, self._site.b
        each, compare, further, found = (s.block(name) for name in ("leaf", "like", "unlike", "known"))
        count = s.load(self._memo, counted)
        before = b.block
        b.branch(each)
        b.position_at_end(each)
        index = b.phi(I64)
        index.add_incoming(I64(0), before)
        b.cbranch(b.icmp_unsigned("==", index, count), s.python, compare)
        b.position_at_end(compare)
        leaf = s.scaled(self._memo, leaves, index, refill.LEAF)
        alike = b.icmp_unsigned("==", s.load(leaf, 0), bits)
        b.cbranch(b.and_(alike, b.icmp_unsigned("==", s.load(leaf, 1), kind)), found, further)
        b.position_at_end(further)
        index.add_incoming(b.add(index, I64(1)), further)
        b.branch(each)
        b.position_at_end(found)
        return leaf
