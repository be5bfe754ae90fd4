"""Native code for what a translation lets through: classes that are granted, granule protection, decoded pages."""

from __future__ import annotations

from typing import NamedTuple

import llvmlite.ir as ir

from emu import state
from emu.engine import refill_layout as refill
from emu.engine.native_site import I8, I64, PAGE, PAGE_BITS, Site
from emu.state import MASK64


class Way(NamedTuple):
    """Where an access goes."""

    offset: ir.Value
    """In the arena."""
    owner: ir.Value
    """The owner id that it is made under."""
    third: ir.Value
    """The last word of the software TLB's entry; of a fetch the host address of the page's decoded words."""


class GrantCode:
    """Grants at one site, by one context's memo."""

    def __init__(self, site: Site, memo: ir.Value, page: ir.Value) -> None:
        """`page` is the virtual address's."""
        self._site = site
        self._memo = memo
        self._page = page

    def granted(self, number: ir.Value, pa: ir.Value) -> Way:
        """To a physical address through a class of translations that is granted here; `number` is the class plus 1."""
        s, b = self._site, self._site.b
        grant = s.scaled(self._memo, refill.GRANTS - refill.GRANT, number, refill.GRANT)
        flags = s.load(grant, refill.GRANT_FLAGS)
        s.unless(b.icmp_unsigned("!=", b.and_(flags, I64(1 << s.kind)), I64(0)))
        offset = b.sub(pa, s.slot(state.RAM_BASE))
        s.unless(b.icmp_unsigned("<", offset, s.slot(state.RAM_SIZE)))
        page = b.lshr(offset, I64(PAGE_BITS))
        pages = s.load(grant, refill.GRANT_PAGES)
        protected, on = s.block("protected"), s.block("passed")
        b.cbranch(b.icmp_unsigned("==", pages, I64(0)), on, protected)
        b.position_at_end(protected)
        passed = s.load(b.add(pages, page), typ=I8)
        b.cbranch(b.icmp_unsigned("!=", passed, I8(0)), on, s.python)
        b.position_at_end(on)
        if s.is_store:
            storable = s.load(b.add(s.slot(state.STORABLE), page), typ=I8)
            s.unless(b.icmp_unsigned("!=", storable, I8(0)))
        owner = s.load(grant, refill.GRANT_OWNER)
        if s.is_fetch:
            return Way(offset, owner, self._decoded(offset, owner))
        return Way(offset, owner, s.load(grant, refill.GRANT_STORE if s.is_store else refill.GRANT_LOAD))

    def _decoded(self, offset: ir.Value, owner: ir.Value) -> ir.Value:
        """Host address of the decoded words of the page that is fetched from, if its word here is decoded."""
        s, b = self._site, self._site.b
        place = b.and_(self._page, I64(refill.FETCH_COUNT - 1))
        known = s.scaled(self._memo, refill.FETCHES, place, refill.FETCH)
        page = I64(-PAGE & MASK64)
        is_known = b.icmp_unsigned("==", s.load(known), b.add(b.and_(s.va, page), I64(1)))
        is_there = b.icmp_unsigned("==", s.load(known, 1), b.and_(offset, page))
        is_ours = b.icmp_unsigned("==", s.load(known, 3), owner)
        s.unless(b.and_(b.and_(is_known, is_there), is_ours))
        words = s.load(known, 2)
        handler = s.load(decoded_word(s, words))
        s.unless(b.icmp_unsigned("!=", handler, s.slot(state.DECODE_STUB)))
        return words


def decoded_word(site: Site, words: ir.Value) -> ir.Value:
    """The host address of the decoded word at the program counter, in its page's."""
    b = site.b
    return site.scaled(words, 0, b.and_(b.lshr(site.va, I64(2)), I64(PAGE // 4 - 1)), 2)
