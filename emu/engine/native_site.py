"""One function of native code in the making: an access that finds nothing in the software TLB, and what it reads.

Addresses of the host are 64-bit integers here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.ir as ir

from emu import state
from emu.engine import refill_layout as refill
from emu.mec.memory import CODE_TAG

I64, I32, I8 = ir.IntType(64), ir.IntType(32), ir.IntType(8)
PTR = ir.PointerType()
PAGE_BITS, PAGE = 12, 1 << 12


class Site:
    """The function, where its code goes on, and the words that it reads and writes."""

    def __init__(self, function: ir.Function, kind: int) -> None:
        """`kind` is that of the accesses (`emu.engine.refill_layout`)."""
        self.function = function
        self.kind = kind
        self.is_store, self.is_fetch = kind == refill.STORES, kind == refill.FETCHED
        self.state, self.va, self.size, self.mode = function.args
        self.b = ir.IRBuilder(function.append_basic_block("entry"))
        self.python = function.append_basic_block("python")
        """Where everything goes that native code does not do."""

    def block(self, name: str) -> ir.Block:
        return self.function.append_basic_block(name)

    def unless(self, condition: ir.Value) -> None:
        """Go to Python where a condition does not hold."""
        on = self.block("on")
        self.b.cbranch(condition, on, self.python).set_weights([1 << 20, 1])
        self.b.position_at_end(on)

    def slot(self, slot: int) -> ir.Value:
        return self.b.load(self.slot_place(I64(slot)), typ=I64)

    def slot_place(self, slot: ir.Value) -> ir.Value:
        return self.b.gep(self.state, [slot], source_etype=I64)

    def set_slot(self, slot: int, value: ir.Value) -> None:
        self.b.store(value, self.slot_place(I64(slot)))

    def load(self, address: ir.Value, index: int = 0, typ: Any = I64) -> ir.Value:
        """The word (or smaller thing) `index` words behind an address."""
        return self.b.load(self.b.inttoptr(self.b.add(address, I64(8 * index)), PTR), typ=typ, align=1)

    def store(self, value: ir.Value, address: ir.Value, index: int = 0) -> None:
        self.b.store(value, self.b.inttoptr(self.b.add(address, I64(8 * index)), PTR), align=1)

    def scaled(self, address: ir.Value, first: int, index: ir.Value, words: int) -> ir.Value:
        """The address of element `index` of an array that begins at word `first`."""
        return self.b.add(address, self.b.add(self.b.mul(index, I64(8 * words)), I64(8 * first)))

    def repeat(self, count: ir.Value, body: Callable[[ir.Value], object]) -> None:
        """Do something for every index below a count."""
        b = self.b
        each, inside, after = self.block("each"), self.block("inside"), self.block("after")
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

    # Owners of memory.

    def owner_of(self, offset: ir.Value) -> ir.Value:
        """The owner id of the block at an arena offset."""
        return self.b.and_(self.b.zext(self.tag(offset), I64), I64(CODE_TAG - 1))

    def tag_place(self, offset: ir.Value) -> ir.Value:
        b = self.b
        return b.add(self.slot(state.TAGS), b.shl(b.lshr(offset, I64(4)), I64(2)))

    def tag(self, offset: ir.Value) -> ir.Value:
        return self.load(self.tag_place(offset), typ=I32)
