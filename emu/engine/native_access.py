"""Native code that makes an access whose way is found, and keeps the way in the software TLB."""

from __future__ import annotations

from collections.abc import Callable

import llvmlite.ir as ir

from emu import state
from emu.engine.native_grants import Way, decoded_word
from emu.engine.native_site import I32, I64, PAGE, PAGE_BITS, Site
from emu.mec.writers import COUNT_SHIFT
from emu.state import MASK64

SIZES = (1, 2, 4, 8)
"""Bytes that an access may have."""
_AGAIN = 3
"""`emu.engine.lower.AGAIN`."""
_INDEX = state.TLB_ENTRIES - 1


def fill(s: Site, page: ir.Value, way: Way) -> None:
    """Put the entry into the software TLB; `page` is the virtual address's."""
    b, va = s.b, s.va
    context = s.slot(state.CONTEXT)
    salt = b.lshr(b.and_(context, I64(state.SALT_MASK)), I64(PAGE_BITS - state.SALT_SHIFT))
    index = b.and_(b.xor(page, salt), I64(_INDEX))
    first = (state.LOAD_TLB, state.STORE_TLB, state.FETCH_TLB)[s.kind]
    entry = s.slot_place(b.add(b.shl(index, I64(2)), I64(first)))
    tag = b.or_(b.and_(va, I64(-PAGE & MASK64)), context)
    values = (tag, way.third, I64(0)) if s.is_fetch else (tag, b.sub(way.offset, va), way.owner, way.third)
    for word, value in enumerate(values):
        b.store(value, b.gep(entry, [I64(word)], source_etype=I64))
    s.set_slot(state.REFILLED, I64(1))
    part = b.shl(I64(1), b.lshr(index, I64(state.PART.bit_length() - 1)))
    s.set_slot(state.FILLED_PARTS, b.or_(s.slot(state.FILLED_PARTS), part))


def make(s: Site, way: Way) -> None:
    """Make the access, and return to whoever wanted it."""
    if s.is_fetch:
        _fetch(s, way.third)
    elif s.is_store:
        _store(s, way.offset, way.owner, way.third)
    else:
        _load(s, way.offset, way.owner)


def _by_size(s: Site, each: Callable[[ir.IntType], object]) -> None:
    """Go on with what is made for each size of access."""
    b = s.b
    blocks = [s.block(f"size{size}") for size in SIZES]
    switch = b.switch(s.size, s.python)
    for size, block in zip(SIZES, blocks, strict=True):
        switch.add_case(I64(size), block)
    for size, block in zip(SIZES, blocks, strict=True):
        b.position_at_end(block)
        each(ir.IntType(8 * size))
        b.ret(I64(0))


def _fetch(s: Site, words: ir.Value) -> None:
    """What `Interpreter._known` does."""
    b = s.b
    place = decoded_word(s, words)
    word = s.load(place, 1)
    with b.if_then(b.icmp_unsigned(">", word, I64(0xFFFF_FFFF))):  # a region stands here
        b.ret(I64(_AGAIN))
    s.set_slot(state.HANDLER, s.load(place))
    s.set_slot(state.WORD, word)
    b.ret(I64(0))


def _load(s: Site, offset: ir.Value, owner: ir.Value) -> None:
    b = s.b
    held = s.owner_of(offset)
    s.unless(b.or_(b.icmp_unsigned("==", held, owner), b.icmp_unsigned("==", held, I64(0))))
    place = b.add(s.slot(state.ARENA), offset)

    def load(kind: ir.IntType) -> None:
        value = s.load(place, typ=kind)
        s.set_slot(state.VALUE, value if kind.width == 64 else b.zext(value, I64))

    _by_size(s, load)


def _store(s: Site, offset: ir.Value, owner: ir.Value, third: ir.Value) -> None:
    b = s.b
    held = b.zext(s.tag(offset), I64)
    claims = b.icmp_unsigned("!=", b.and_(third, I64(state.CLAIMS)), I64(0))
    is_free = b.and_(b.icmp_unsigned("==", held, I64(0)), claims)
    s.unless(b.or_(b.icmp_unsigned("==", held, owner), is_free))
    s.store(b.trunc(owner, I32), s.tag_place(offset))
    record = b.add(s.slot(state.WRITERS), b.and_(offset, I64(~15 & MASK64)))
    count = b.sub(s.slot(state.WRITER_COUNT), b.shl(s.slot(state.BUDGET), I64(COUNT_SHIFT)))
    s.store(b.or_(count, b.lshr(third, I64(state.RECORD_SHIFT))), record)
    s.store(s.slot(state.PC), record, 1)
    place, value = b.add(s.slot(state.ARENA), offset), s.slot(state.VALUE)

    def store(kind: ir.IntType) -> None:
        s.store(value if kind.width == 64 else b.trunc(value, kind), place)

    _by_size(s, store)
