"""The operations inside a region: registers are values, whatever is out of the ordinary leaves the region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import llvmlite.ir as ir

from emu import state
from emu.engine import native_system
from emu.engine.helpers import HELPER, access
from emu.engine.lower import HANDLER, I8, I32, I64, PTR, Lower, table_of_load
from emu.engine.text import Block, Number, Phi, TextBuilder
from emu.isa.evaluate import Arithmetic
from emu.isa.ops import Escape, Mode, Query
from emu.isa.pattern import Decoded, Value
from emu.mec.memory import CODE_TAG
from emu.state import MASK64

if TYPE_CHECKING:
    from emu.engine.region import RegionBuilder

_LINK = 30
NZCV = (state.N, state.Z, state.C, state.V)
HELD = frozenset((*range(state.XZR), state.SP, *NZCV))
"""Slots that live in values inside a region. The registers are stored at once as well, so that an exit costs nothing;
the flags, most of which nobody looks at, at exits and at the ends of blocks only."""
STEADY = frozenset((
    state.CONTEXT, state.ARENA, state.TAGS, state.FP_DISABLED, state.SP_ALIGNMENT, state.UNALIGNED_EXCLUSIVES,
    state.GUARDED, state.TAG_CLEAR_LOW, state.TAG_CLEAR_HIGH, state.TAG_SET_HIGH, state.COUNT, state.LIMIT, state.FPCR,
    state.WRITERS, state.WRITER_COUNT,
))  # fmt: skip
"""Slots that nothing inside a region changes."""
_I1 = ir.IntType(1)
_TRUTH = "zext i1 {} to i64"
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
        self._exit: WayOut | None = None
        self._known: dict[int, Value] = {}
        self._dirty: list[int] = []
        self._same: dict[tuple[str, Value, Value], Number] = {}
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
        self._excluded.clear()
        self._exit = None
        self._body_budget, self._chain = budget, body.scope
        body.parent = head.scope
        self.b.position_at_end(body)

    def begin(self, pc: int, decoded: Decoded, steps: int) -> None:
        """The instruction at pc comes next, `steps` after the block's start."""
        self._at, self._steps = pc, steps
        self.word = decoded.word
        self._pc = pc
        self.is_left = self.is_call = False
        self.target, self.condition = None, 1

    def end_block(self) -> None:
        """Everything that was put off is stored."""
        for slot in self._dirty:
            self.b.store(self._known[slot], self._region.place(slot))
        self._dirty.clear()

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
            return self._number_of(self.b.and_(x.operands[0], y.operands[0]))
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
            found = self._same[key] = self._number_of(self.b.icmp_unsigned("==", x, y))
        return found

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
            if slot in HELD:
                known = self._known[slot] = self.b.load(self._region.place(slot), typ=I64)
                if slot in NZCV:
                    known.width = 1
            elif slot in STEADY:
                known = self._region.steady(slot)
                if known is None:
                    known = self._known[slot] = super().get(slot)
            else:
                return super().get(slot)
        return known

    def set(self, slot: int, value: Value) -> None:
        if slot in NZCV:
            if slot not in self._dirty:
                self._dirty.append(slot)
            self._known[slot] = value
            self._exit = None
            return
        if slot in HELD:
            self._known[slot] = value
            self._region.keep(self.b, slot, value)
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
        """Where to go from here to leave before this instruction; one place for as long as the flags stay the same."""
        b = self.b
        if self._exit is None:
            here, block = b.block, b.append_basic_block("out")
            block.parent = self._chain
            b.position_at_end(block)
            self._exit = WayOut(block, b.phi(I64), b.phi(I64))
            for slot in self._dirty:
                b.store(self._known[slot], self._region.place(slot))
            self._region.leave(b, self._exit.pc, b.sub(self._body_budget, self._exit.steps))
            b.position_at_end(here)
        self._exit.from_here(b.block, self._at, self._steps)
        return self._exit.block

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
        done, slow = self.b.append_basic_block("done"), self.b.append_basic_block("slow")
        native_system.perform(self, kind, entry, slow, done, is_zeroing=True)
        self.b.position_at_end(slow)
        self.b.branch(self._way_out())
        self._resume(done)

    def escape_if(self, condition: Value, kind: Escape) -> None:
        if isinstance(condition, int) and condition == 0:
            return
        if condition not in self._excluded:
            self._excluded.add(condition)
            self._leave_if(self.truth(condition))

    def call_handler(self, name: str) -> None:
        """Have an instruction done by its handler, which can do nothing but to go on: see `emu.engine.outline`."""
        self.escape_if(self.get(state.FP_DISABLED), Escape.FP_ACCESS)
        handler = self.b.module.declare(name, HANDLER)
        self.b.call(handler, [self.state, self.word, self._at, self.budget])

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
        context = self.get(state.CONTEXT)
        salted = b.xor(address, b.shl(b.and_(context, state.SALT_MASK), state.SALT_SHIFT))
        line = b.and_(b.lshr(salted, 7), (state.TLB_ENTRIES - 1) << 5)
        entry = b.gep(self._region.slot(table), [line], source_etype=I8)
        expected = b.or_(b.and_(address, ~0xFFF & MASK64), context)
        wrong = b.xor(b.load(entry, typ=I64), expected)
        if aligned > 1:
            wrong = b.or_(wrong, b.and_(address, aligned - 1))
        on = b.append_basic_block("found")
        b.cbranch(b.icmp_unsigned("==", wrong, 0), on, slow).set_weights(_USUAL)
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

    def _host_of(self, slot: int, address: Value, what: int, slow: Block | None, host: Value) -> Value:
        """Where the access goes: `host`, or from `slow` whatever the helper says, which may be to leave."""
        b = self.b
        if slow is None:
            found = self._call_helper(slot, address, what)
            self._leave_if(b.icmp_unsigned("==", found, ir.Constant(PTR, None)))
            return found
        here, join = b.block, b.append_basic_block("join")
        slow.parent = self._chain
        where = b.reference(host)
        b.branch(join)
        b.position_at_end(slow)
        found = self._call_helper(slot, address, what)
        b.cbranch(b.icmp_unsigned("==", found, ir.Constant(PTR, None)), self._way_out(), join)
        self._resume(join)
        phi: Phi = b.phi(PTR)
        phi.add_reference(where, here)
        phi.add_incoming(found, slow)
        return phi

    def load(self, address: Value, size: int, mode: Mode = Mode.NORMAL, align: int = 0) -> Value:
        b, align = self.b, align or size
        if mode is Mode.UNPRIVILEGED:
            self._leave()
            return 0
        what = access(size, mode, 0, align)
        slow, host = None, None
        if self._region.is_inline:
            slow = b.append_basic_block("odd")
            offset, entry = self._find(table_of_load(mode), address, size, mode, align, slow)
            tag, fine = b.and_(self._tag(offset), I32(CODE_TAG - 1)), b.append_basic_block("fine")
            readable = b.or_(b.icmp_unsigned("==", tag, self._owner(entry)), b.icmp_unsigned("==", tag, I32(0)))
            b.cbranch(readable, fine, slow).set_weights(_USUAL)
            self._branch_off(fine, slow)
            self.note_access(address, size, mode, 0)
            host = self.host(offset)
        found = self._host_of(state.HELPER_LOAD, address, what, slow, host)
        loaded = b.load(found, typ=ir.IntType(8 * size), align=1)
        return loaded if size == 8 else b.zext(loaded, I64)

    def store(self, address: Value, size: int, value: Value, mode: Mode = Mode.NORMAL, align: int = 0) -> None:
        b, align = self.b, align or size
        if mode is Mode.UNPRIVILEGED:
            self._leave()
            return
        what = access(size, mode, state.LAST_ACCESS_WRITE, align)
        slow, host = None, None
        if self._region.is_inline:
            slow = b.append_basic_block("odd")
            offset, entry = self._find(state.STORE_TLB, address, size, mode, align, slow)
            mine = b.append_basic_block("mine")
            b.cbranch(b.icmp_unsigned("==", self._tag(offset), self._owner(entry)), mine, slow).set_weights(_USUAL)
            self._branch_off(mine, slow)
            self.note_access(address, size, mode, state.LAST_ACCESS_WRITE)
            self._record_writer(offset, entry)
            host = self.host(offset)
        found = self._host_of(state.HELPER_STORE, address, what, slow, host)
        b.store(value if size == 8 else b.trunc(value, ir.IntType(8 * size)), found, align=1)

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
    """A block that leaves the region, shared by the instructions between two changes of the flags."""

    def __init__(self, block: Block, pc: Phi, steps: Phi) -> None:
        self.block, self.pc, self.steps = block, pc, steps
        self._known: set[Block] = set()

    def from_here(self, block: Block, pc: int, steps: int) -> None:
        """Leaving from this block means before the instruction at pc, that many after the start of its block."""
        if block not in self._known:
            self._known.add(block)
            self.pc.add_incoming(pc, block)
            self.steps.add_incoming(steps, block)
