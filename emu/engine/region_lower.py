"""The operations inside a region: registers are values, whatever is out of the ordinary leaves the region."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import llvmlite.ir as ir

from emu import state
from emu.engine import native_system
from emu.engine.helpers import HELPER, access
from emu.engine.lazy_flags import NZCV, difference_of, is_made_by, subtraction_of
from emu.engine.lower import HANDLER, I8, I32, I64, PTR, Lower, table_of_load
from emu.engine.outline import registers_read, symbol
from emu.engine.text import Block, Number, TextBuilder
from emu.isa.evaluate import Arithmetic
from emu.isa.ops import Escape, Mode, Query
from emu.isa.pattern import Decoded, Value
from emu.mec.memory import CODE_TAG
from emu.state import MASK64

if TYPE_CHECKING:
    from emu.engine.region import RegionBuilder

_LINK = 30
HELD = frozenset((*range(state.XZR), state.SP, *NZCV))
"""Slots that live in values inside a region. Where better code is wanted they come to their places at exits only, the
flags as `emu.engine.lazy_flags` says; where compiling has to be quick the registers are stored at once."""
ACCESS = frozenset((state.LAST_ACCESS_VA, state.LAST_ACCESS_INFO))
"""Slots that are stored at exits and at the ends of blocks, where loads and stores are done inline."""
STEADY = frozenset((
    state.CONTEXT, state.ARENA, state.TAGS, state.FP_DISABLED, state.SP_ALIGNMENT, state.UNALIGNED_EXCLUSIVES,
    state.GUARDED, state.TAG_CLEAR_LOW, state.TAG_CLEAR_HIGH, state.TAG_SET_HIGH, state.COUNT, state.LIMIT, state.FPCR,
    state.WRITERS, state.WRITER_COUNT,
))  # fmt: skip
"""Slots that nothing inside a region changes."""
_I1 = ir.IntType(1)
_TRUTH, _NOT = "zext i1 {} to i64", "xor i1 {}, -1"
_RARE, _USUAL = [1, 1 << 20], [1 << 20, 1]


def _width(value: Value) -> int:
    """How many of the low bits may be set."""
    return (value & MASK64).bit_length() if value.__class__ is int else value.width


class RegionLower(Lower):
    """Operations inside a region.

    A way out always goes to the start of the instruction that could not be finished here: the interpreter does it
    again as a whole, so nothing an instruction did before it leaves may matter a second time.
    """

    b: TextBuilder

    def __init__(self, builder: TextBuilder, state_pointer: Number, region: RegionBuilder) -> None:
        self._body_budget: Any = None
        super().__init__(builder, state_pointer, 0, 0, 0)
        self._region = region
        self._at = 0
        self._steps = 0
        self._held = HELD | ACCESS if region.is_inline else HELD
        self._put_off = self._held if region.is_inline else frozenset(NZCV)
        """Slots whose values are not stored before the block's end."""
        self._exit: WayOut | None = None
        self._edge: Block | None = None
        """Where to leave from the present instruction in the present state."""
        self._known: dict[int, Value] = {}
        self._dirty: list[int] = []
        self._same: dict[tuple[str, Value, Value], Number] = {}
        self._signed: dict[Number, tuple[Value, Value]] = {}
        """Comparisons of signed numbers, with the 64-bit values that they are of."""
        self._vectors: dict[tuple[Value, int], Value] = {}
        """Halves of V registers as they are in their slots."""
        self._pair: tuple[int, Value, Value] | None = None
        """(helper's slot, address, place in the host's memory) of the upper half of 16 bytes whose lower is done."""
        self._excluded: set[Value] = set()
        """Conditions that would have left the block."""
        self._chain: object = None
        self.is_left = self.is_call = False
        self.target: Value | None = None
        self.condition: Value = 1

    def begin_block(self, budget: Number, body: Block, head: Block) -> None:
        """A block of guest code begins, with `budget` left; its values may be used in all that follows in it."""
        self._known.clear()
        self._dirty.clear()
        self._same.clear()
        self._signed.clear()
        self._vectors.clear()
        self._excluded.clear()
        self._exit = self._edge = None
        self._body_budget, self._chain = budget, body.scope
        body.parent = head.scope
        self.b.position_at_end(body)

    def begin_part(self, block: Block) -> None:
        """Go on in a block where nothing is known."""
        self._known.clear()
        self._dirty.clear()
        self._same.clear()
        self._signed.clear()
        self._chain = block.scope
        self.b.position_at_end(block)

    def begin(self, pc: int, decoded: Decoded, steps: int) -> None:
        """The instruction at pc comes next, `steps` after the block's start."""
        self._at, self._steps = pc, steps
        self._pair = self._edge = None
        self.word = decoded.word
        self._pc = pc
        self.is_left = self.is_call = False
        self.target, self.condition = None, 1

    def end_block(self) -> None:
        """Everything that was put off is stored, the flags in what way turns out when all blocks are there."""
        self._store_dirty(is_end=True)

    @contextmanager
    def aside(self, block: Block) -> Iterator[None]:
        """A branch away in the middle of a block: what was put off is stored on that way, too."""
        self._aside(block)
        self._store_dirty(is_end=True)
        yield

    def resume(self, block: Block) -> None:
        """Go on in a block behind such a branch."""
        self._resume(block)

    @property
    def has_flags(self) -> bool:
        """Whether the block has set the flags so far."""
        return any(slot in NZCV for slot in self._dirty)

    @property
    def budget(self) -> Value:
        """What is left before this instruction."""
        return self.sub(self._body_budget, self._steps)

    @budget.setter
    def budget(self, value: Value) -> None:
        """The base class sets it once; here it follows the instructions."""

    # Values.

    def value(self, operand: Value) -> Value:
        return operand

    def _pure(self, form: str, x: Value, y: Value, width: int) -> Number:
        """The result of an operation without effect: the same one where the block has it already."""
        key = form, x, y
        found = self._same.get(key)
        if found is None:
            found = self._same[key] = Number(I64, form, (x, y), width)
        return found

    def _not(self, truth: Number) -> Number:
        key = "not", truth, 0
        found = self._same.get(key)
        if found is None:
            found = self._same[key] = self._number_of(self.b.not_(truth.operands[0]))
        return found

    def add(self, x: Value, y: Value) -> Value:
        if x.__class__ is int:
            if y.__class__ is int:
                return Arithmetic.add(x, y)
            if not x:
                return y
        elif y.__class__ is int and not y:
            return x
        return self._pure("add i64 {}, {}", x, y, min(64, max(_width(x), _width(y)) + 1))

    def sub(self, x: Value, y: Value) -> Value:
        if y.__class__ is int:
            if x.__class__ is int:
                return Arithmetic.sub(x, y)
            if not y:
                return x
        return self._pure("sub i64 {}, {}", x, y, 64)

    def and_(self, x: Value, y: Value) -> Value:
        if x.__class__ is int:
            if y.__class__ is int:
                return Arithmetic.and_(x, y)
            x, y = y, x
        if y.__class__ is int:
            y &= MASK64
            if not y & (1 << x.width) - 1:
                return 0
            if not ~y & (1 << x.width) - 1:
                return x
        elif x.form is _TRUTH and y.form is _TRUTH:
            truth = self._greater(x.operands[0], y.operands[0]) or self.b.and_(x.operands[0], y.operands[0])
            return self._number_of(truth)
        return self._pure("and i64 {}, {}", x, y, min(_width(x), _width(y)))

    def or_(self, x: Value, y: Value) -> Value:
        if x.__class__ is int:
            if y.__class__ is int:
                return Arithmetic.or_(x, y)
            if not x:
                return y
        elif y.__class__ is int:
            if not y:
                return x
        elif x.form is _TRUTH and y.form is _TRUTH:
            return self._number_of(self.b.or_(x.operands[0], y.operands[0]))
        return self._pure("or i64 {}, {}", x, y, max(_width(x), _width(y)))

    def xor(self, x: Value, y: Value) -> Value:
        if x.__class__ is int:
            if y.__class__ is int:
                return Arithmetic.xor(x, y)
            x, y = y, x
        if y.__class__ is int:
            if not y:
                return x
            if y == 1 and x.form is _TRUTH:
                return self._not(x)
        if x is y:
            return 0
        return self._pure("xor i64 {}, {}", x, y, max(_width(x), _width(y)))

    def shl(self, x: Value, y: Value) -> Value:
        if y.__class__ is int:
            if x.__class__ is int:
                return Arithmetic.shl(x, y)
            if not y:
                return x
            return self._pure("shl i64 {}, {}", x, y, min(64, x.width + y))
        return self._pure("shl i64 {}, {}", x, y, 64)

    def shr(self, x: Value, y: Value) -> Value:
        if y.__class__ is int:
            if x.__class__ is int:
                return Arithmetic.shr(x, y)
            if not y:
                return x
            return 0 if y >= x.width else self._pure("lshr i64 {}, {}", x, y, x.width - y)
        return self._pure("lshr i64 {}, {}", x, y, _width(x))

    def eq(self, x: Value, y: Value) -> Value:
        if x.__class__ is int and y.__class__ is int:
            return Arithmetic.eq(x, y)
        if y.__class__ is int and not y and x.form is _TRUTH:
            return self._not(x)
        key = "eq", x, y
        found = self._same.get(key)
        if found is None:
            difference = difference_of(x) if y.__class__ is int and not y else None
            if difference is not None:  # what was subtracted is compared: that is less work
                truth = self.b.icmp_unsigned("==", *difference[:2])
            else:
                truth = self._greater_or_equal(x, y) or self.b.icmp_unsigned("==", x, y)
            found = self._same[key] = self._number_of(truth)
        return found

    def _greater_or_equal(self, n: Value, v: Value) -> Number | None:
        """N == V after a subtraction, as the comparison of signed numbers that it is."""
        subtraction = subtraction_of(n, v)
        if subtraction is None:
            return None
        a, b, width = subtraction
        x, y = (a, b) if width == 64 else (self._low_half(a), self._low_half(b))
        found = self.b.icmp_signed(">=", x, y)
        self._signed[found] = a, b
        return found

    def _low_half(self, value: Value) -> Value:
        return I32(value & 0xFFFF_FFFF) if value.__class__ is int else self.b.trunc(value, I32)

    def _greater(self, x: Number, y: Number) -> Number | None:
        """Conditions HI and GT, "not less, and not equal", as the one comparison that they are."""
        if y.form != _NOT or not is_made_by(y.operands[0], "icmp eq"):
            return None
        equal = y.operands[0].operands
        if x.form == _NOT and is_made_by(x.operands[0], "icmp ult") and x.operands[0].operands == equal:
            return self.b.icmp_unsigned(">", *equal)
        of_signed = self._signed.get(x)
        return self.b.icmp_signed(">", *x.operands) if of_signed == equal else None

    def ult(self, x: Value, y: Value) -> Value:
        if x.__class__ is int and y.__class__ is int:
            return Arithmetic.ult(x, y)
        if y.__class__ is int and not y:
            return 0
        key = "ult", x, y
        found = self._same.get(key)
        if found is None:
            found = self._same[key] = self._number_of(self.b.icmp_unsigned("<", x, y))
        return found

    def slt(self, x: Value, y: Value) -> Value:
        if x.__class__ is int and y.__class__ is int:
            return Arithmetic.slt(x, y)
        return self._number_of(self.b.icmp_signed("<", x, y))

    def zext(self, a: Value, width: int) -> Value:
        return self.and_(a, (1 << width) - 1)

    def sext(self, a: Value, width: int) -> Value:
        if a.__class__ is int:
            return Arithmetic.sext(a, width)
        if a.width < width:
            return a
        if width in (8, 16, 32):
            return self.b.sext(self.b.trunc(a, ir.IntType(width)), I64)
        return super().sext(a, width)

    def _number_of(self, truth: Number) -> Number:
        return Number(I64, _TRUTH, (truth,), 1)

    def truth(self, condition: Value) -> Value:
        if condition.__class__ is int:
            return _I1(int(condition != 0))
        if condition.form is _TRUTH:
            return condition.operands[0]
        return self.b.icmp_unsigned("!=", condition, 0)

    def _new_table(self, name: str, kind: ir.ArrayType) -> Any:
        return self.b.module.add_global(kind, name)

    # State.

    def slot(self, index: Value) -> Value:
        return self._region.slot(index) if isinstance(index, int) else super().slot(index)

    def get(self, slot: int) -> Value:
        if slot == state.XZR:
            return 0
        known = self._known.get(slot)
        if known is None:
            if slot in NZCV:
                known = self._known[slot] = self.b.load(self._region.slot(slot), typ=I64)
                known.width = 1
                self._region.flags.are_read()
            elif slot in self._held:
                known = self._known[slot] = self.b.load(self._region.place(slot), typ=I64)
            elif slot in STEADY:
                known = self._region.steady(slot)
                if known is None:
                    known = self._known[slot] = super().get(slot)
            else:
                return super().get(slot)
        return known

    def set(self, slot: int, value: Value) -> None:
        if slot in self._held:
            self._known[slot] = value
            if slot in self._put_off:
                if slot not in self._dirty:
                    self._dirty.append(slot)
                self._edge = None
                return
        assert slot not in STEADY
        super().set(slot, value)

    def read_x(self, register: Value) -> Value:
        return 0 if register == state.XZR else self.get(register)

    def write_x(self, register: Value, value: Value) -> None:
        if register != state.XZR:
            self.set(register, value)
        if register == _LINK and isinstance(value, int) and value == self._at + 4:
            self.is_call = True

    def read_xsp(self, register: Value) -> Value:
        return self.get(state.SP if register == 31 else register)

    def write_xsp(self, register: Value, value: Value) -> None:
        self.set(state.SP if register == 31 else register, value)

    # Control.

    def pc(self) -> Value:
        return self._at

    def branch(self, target: Value) -> None:
        self.target, self.condition = target, 1

    def branch_if(self, condition: Value, target: Value) -> None:
        self.target, self.condition = target, condition

    def set_branch_type(self, target: Value, otherwise: int, guarded: Value) -> None:
        self._leave_if(self.truth(self.get(state.GUARDED)))
        self.set(state.BTYPE, otherwise)
        self.set(state.BTYPE_SET, self.sub(self.add(self.get(state.COUNT), self.get(state.LIMIT)), self.budget))

    def _resume(self, block: Block) -> None:
        self.b.goto_chain(block, self._chain)

    def _branch_off(self, block: Block, slow: Block) -> None:
        """Go on in a block that `slow` goes round: what is first written there cannot be used after the two meet."""
        block.parent = self._chain
        self.b.goto_chain(block, slow.other)

    # Ways out.

    def _way_out(self) -> Block:
        """Where to go from here to leave before this instruction."""
        b = self.b
        if self._edge is None:
            here = b.block
            if self._exit is None:
                self._exit = WayOut(b, self._chain)
                self._region.leave(b, self._exit.pc, b.sub(self._body_budget, self._exit.steps))
            self._edge = b.append_basic_block("edge")
            self._aside(self._edge)
            self._store_dirty()
            self._exit.from_here(self._edge, self._at, self._steps)
            b.branch(self._exit.block)
            b.position_at_end(here)
        return self._edge

    def _store_dirty(self, is_end: bool = False) -> None:
        flags = {}
        for slot in self._dirty:
            if slot in NZCV:
                flags[slot] = self._known[slot]
            else:
                self._region.put(self.b, slot, self._known[slot])
        if flags:
            self._region.flags.store(self.b, flags, is_end)

    def _leave_if(self, condition: Value) -> None:
        on = self.b.append_basic_block("on")
        out = self._way_out()
        self.b.cbranch(condition, out, on).set_weights(_RARE)
        self._resume(on)

    def _leave_unless(self, condition: Value) -> None:
        on = self.b.append_basic_block("on")
        out = self._way_out()
        self.b.cbranch(condition, on, out).set_weights(_USUAL)
        self._resume(on)

    def _leave(self) -> None:
        out = self._way_out()
        self.b.branch(out)
        self.b.position_at_end(self.b.append_basic_block("never"))
        self.is_left = True

    def escape(self, kind: Escape) -> None:
        if kind is not Escape.MRS and self.word & ~31 != native_system.DC_ZVA:
            self._leave()
            return
        # Granted, these two change nothing that a region relies on.
        hit, entry = native_system.probe(self)
        self._leave_unless(hit)
        out, done, slow = self._way_out(), self.b.append_basic_block("done"), self.b.append_basic_block("slow")
        native_system.perform(self, kind, entry, slow, done, is_zeroing=True)
        self.b.position_at_end(slow)
        self.b.branch(out)
        self._resume(done)

    def escape_if(self, condition: Value, kind: Escape) -> None:
        if isinstance(condition, int) and condition == 0:
            return
        if condition not in self._excluded:
            self._excluded.add(condition)
            self._leave_if(self.truth(condition))

    def call_handler(self, decoded: Decoded) -> None:
        """Have an instruction done by its handler, which can do nothing but to go on: see `emu.engine.outline`."""
        self.escape_if(self.get(state.FP_DISABLED), Escape.FP_ACCESS)
        handler = self.b.module.declare(symbol(decoded), HANDLER)
        if state.SP in self._put_off:
            for register in registers_read(decoded):
                super().set(register, self.get(register))
        self.b.call(handler, [self.state, self.word, self._at, self.budget])
        self._vectors.clear()

    def ask(self, query: Query, a: Value = 0, b: Value = 0) -> Value:
        self._leave()
        return 0

    # Memory.

    def pointer(self, slot: int) -> Value:
        found = self._region.steady(slot)
        return super().pointer(slot) if found is None else self.b.inttoptr(found, PTR)

    def _find(self, table: int, address: Value, size: int, mode: Mode, align: int, slow: Block) -> tuple[Value, Value]:
        """(arena offset, entry) of an access aligned to its size by the software TLB; `slow` is for all others."""
        b = self.b
        aligned = max(align, size)
        line = b.and_(b.lshr(b.xor(address, self._region.salt()), 7), (state.TLB_ENTRIES - 1) << 5)
        entry = b.gep(self._region.slot(table), [line], source_etype=I8)
        context = self.get(state.CONTEXT)
        # A context's number leaves the two lowest bits of a tag clear: an odd address in them is no entry's.
        expected = b.or_(b.and_(address, ~0xFFF & MASK64 | min(aligned, 4) - 1), context)
        wrong: Value = b.icmp_unsigned("!=", b.load(entry, typ=I64), expected)
        if aligned > 4:
            wrong = b.or_(wrong, b.icmp_unsigned("!=", b.and_(address, aligned - 1), 0))
        on = b.append_basic_block("found")
        b.cbranch(wrong, slow, on).set_weights(_RARE)
        self._branch_off(on, slow)
        addend = b.load(b.gep(entry, [8], source_etype=I8), typ=I64)
        return b.add(address, addend), entry

    def _owner(self, entry: Value) -> Value:
        return self.b.load(self.b.gep(entry, [16], source_etype=I8), typ=I32)

    def _call_helper(self, slot: int, address: Value, what: int) -> Value:
        """Where the access goes in the host's memory, or null."""
        b = self.b
        helper = b.inttoptr(b.load(self._region.slot(slot), typ=I64), HELPER.as_pointer())
        of_store = (self._at, self.budget) if slot == state.HELPER_STORE else (0, 0)
        return b.call(helper, [self.state, address, what, *of_store])

    def _ask_helper(self, slot: int, address: Value, what: int) -> Value:
        """The same from a block that the usual way goes round; leaves where the answer is null."""
        b = self.b
        found = self._call_helper(slot, address, what)
        on = b.append_basic_block("helped")
        out = self._way_out()
        b.cbranch(b.icmp_unsigned("==", found, ir.Constant(PTR, None)), out, on).set_weights(_RARE)
        on.parent = self._chain
        b.position_at_end(on)
        return found

    def _readable(self, offset: Value, entry: Value, slow: Block) -> None:
        """Go on where a load sees the block at an arena offset as it lies there, else to `slow`."""
        b = self.b
        tag, owner = self._tag(offset), self._owner(entry)
        fine, unlike = b.append_basic_block("fine"), b.append_basic_block("unlike")
        b.cbranch(b.icmp_unsigned("==", tag, owner), fine, unlike).set_weights([3, 1])
        self._aside(unlike)
        # Nobody's block, or ours with code in it.
        bare = b.and_(tag, I32(CODE_TAG - 1))
        readable = b.or_(b.icmp_unsigned("==", bare, I32(0)), b.icmp_unsigned("==", bare, owner))
        b.cbranch(readable, fine, slow).set_weights(_USUAL)
        self._branch_off(fine, slow)

    def _second_half(self, address: Value, slot: int) -> Value | None:
        """Where the upper half of 16 bytes is whose lower half was accessed just before, together with it."""
        pair, self._pair = self._pair, None
        return pair[2] if pair is not None and pair[:2] == (slot, address) else None

    def _first_half(self, address: Value, slot: int, where: str, here: Block, found: Value, there: Block) -> None:
        """The lower half of 16 bytes was accessed; `where` or `found` says in what place."""
        place = self.b.phi(PTR)
        place.add_reference(where, here)
        place.add_incoming(found, there)
        self._pair = slot, self.add(address, 8), self.b.gep(place, [8], source_etype=I8)

    def load(self, address: Value, size: int, mode: Mode = Mode.NORMAL, align: int = 0) -> Value:
        b, align = self.b, align or size
        if mode is Mode.UNPRIVILEGED:
            self._leave()
            return 0
        is_pair = size == 8 and align == 16
        kind = ir.IntType(8 * size)
        if not self._region.is_inline:
            found = self._call_helper(state.HELPER_LOAD, address, access(size, mode, 0, align))
            self._leave_if(b.icmp_unsigned("==", found, ir.Constant(PTR, None)))
            loaded = b.load(found, typ=kind, align=1)
            return loaded if size == 8 else b.zext(loaded, I64)
        second = self._second_half(address, state.HELPER_LOAD)
        if second is not None:
            self.note_access(address, size, mode, 0)
            return b.load(second, typ=I64, align=1)
        slow, join = b.append_basic_block("odd"), b.append_basic_block("join")
        offset, entry = self._find(table_of_load(mode), address, size, mode, align, slow)
        self._readable(offset, entry, slow)
        host = self.host(offset)
        where = b.reference(host)
        usual = b.load(host, typ=kind, align=1)
        here = b.block
        b.branch(join)
        self._aside(slow)
        # Both halves of 16 bytes are asked for together.
        found = self._ask_helper(state.HELPER_LOAD, address, access(16 if is_pair else size, mode, 0, align))
        odd = b.load(found, typ=kind, align=1)
        there = b.block
        b.branch(join)
        self._resume(join)
        phi = b.phi(kind)
        phi.add_incoming(usual, here)
        phi.add_incoming(odd, there)
        if is_pair:
            self._first_half(address, state.HELPER_LOAD, where, here, found, there)
        self.note_access(address, size, mode, 0)
        return phi if size == 8 else b.zext(phi, I64)

    def store(self, address: Value, size: int, value: Value, mode: Mode = Mode.NORMAL, align: int = 0) -> None:
        b, align = self.b, align or size
        if mode is Mode.UNPRIVILEGED:
            self._leave()
            return
        is_pair = size == 8 and align == 16
        narrow = value if size == 8 else b.trunc(value, ir.IntType(8 * size))
        if not self._region.is_inline:
            found = self._call_helper(state.HELPER_STORE, address, access(size, mode, state.LAST_ACCESS_WRITE, align))
            self._leave_if(b.icmp_unsigned("==", found, ir.Constant(PTR, None)))
            b.store(narrow, found, align=1)
            return
        second = self._second_half(address, state.HELPER_STORE)
        if second is not None:
            b.store(narrow, second, align=1)
            self.note_access(address, size, mode, state.LAST_ACCESS_WRITE)
            return
        slow, join = b.append_basic_block("odd"), b.append_basic_block("join")
        self._write_first(narrow)
        offset, entry = self._find(state.STORE_TLB, address, size, mode, align, slow)
        mine = b.append_basic_block("mine")
        b.cbranch(b.icmp_unsigned("==", self._tag(offset), self._owner(entry)), mine, slow).set_weights(_USUAL)
        self._branch_off(mine, slow)
        self._record_writer(offset, entry)
        host = self.host(offset)
        where = b.reference(host)
        b.store(narrow, host, align=1)
        here = b.block
        b.branch(join)
        self._aside(slow)
        what = access(16 if is_pair else size, mode, state.LAST_ACCESS_WRITE, align)
        found = self._ask_helper(state.HELPER_STORE, address, what)
        b.store(narrow, found, align=1)
        there = b.block
        b.branch(join)
        self._resume(join)
        if is_pair:
            self._first_half(address, state.HELPER_STORE, where, here, found, there)
        self.note_access(address, size, mode, state.LAST_ACCESS_WRITE)

    # V registers.

    def read_v(self, register: Value, half: int) -> Value:
        key = register, half
        found = self._vectors.get(key)
        if found is None:
            found = self._vectors[key] = super().read_v(register, half)
        return found

    def write_v(self, register: Value, low: Value, high: Value) -> None:
        super().write_v(register, low, high)
        self._vectors[register, 0], self._vectors[register, 1] = low, high

    def _write_first(self, value: Value) -> None:
        self.b.reference(value)

    def _aside(self, block: Block) -> None:
        block.parent = self._chain
        self.b.position_at_end(block)

    def exclusive_store(self, address: Value, size: int, values: tuple[Value, ...], element: int) -> Value:
        # One that fails is done by the interpreter.
        passes = self.and_(
            self.get(state.EXCLUSIVE),
            self.and_(self.eq(self.get(state.EXCLUSIVE_VA), address), self.eq(self.get(state.EXCLUSIVE_SIZE), size)),
        )
        self._leave_unless(self.truth(passes))
        for index, value in enumerate(values):
            self.store(self.add(address, index * element), element, value, Mode.ALIGNED)
        self.set(state.EXCLUSIVE, 0)
        return 0


class WayOut:
    """A block that leaves the region, shared by the instructions of a block of guest code."""

    def __init__(self, b: TextBuilder, chain: object) -> None:
        """Goes on in the block."""
        self.block = b.append_basic_block("out")
        self.block.parent = chain
        b.position_at_end(self.block)
        self.pc, self.steps = b.phi(I64), b.phi(I64)

    def from_here(self, block: Block, pc: int, steps: int) -> None:
        """Leaving from this block means before the instruction at pc, that many after the start of its block."""
        self.pc.add_incoming(pc, block)
        self.steps.add_incoming(steps, block)
