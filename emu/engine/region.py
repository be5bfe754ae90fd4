"""Hot code as one native function: straight lines, loops and calls over several blocks, registers held in values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import llvmlite.ir as ir

from emu import state
from emu.engine.lower import HANDLER, I8, I32, I64, PTR, Lower
from emu.engine.native import REGION_SHIFT
from emu.isa.ops import Escape, Mode, Query
from emu.isa.pattern import Decoded, Value
from emu.mec.memory import CODE_TAG
from emu.state import MASK64

_LINK = 30
_NZCV = (state.N, state.Z, state.C, state.V)
_HELD = (*range(state.XZR), state.SP, *_NZCV)
"""Slots that live in values inside a region. The registers are stored at once as well, so that an exit costs nothing;
the flags, most of which nobody looks at, at exits only."""
_STEADY = (
    *(state.CONTEXT, state.ARENA, state.TAGS),
    *(state.FP_DISABLED, state.SP_ALIGNMENT, state.UNALIGNED_EXCLUSIVES, state.GUARDED),
    *(state.TAG_CLEAR_LOW, state.TAG_CLEAR_HIGH, state.TAG_SET_HIGH),
    *(state.COUNT, state.LIMIT, state.FPCR, state.WRITERS, state.WRITER_COUNT),
)
"""Slots that nothing inside a region changes: read once."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """A decoded word at an address."""

    pc: int
    decoded: Decoded


@dataclass
class Code:
    """What a region may be made of: the words that have run, by address, and how far a region may go."""

    at: Callable[[int], Decoded | None]
    """The instruction at an address if it has run and may be compiled, else None."""
    most: int = 256
    """Instructions in a region."""
    used: dict[int, Decoded] = field(default_factory=dict)
    """Every address a region was made of."""


class RegionLower(Lower):
    """Operations inside a region: registers are values, whatever is out of the ordinary leaves the region.

    A way out always goes to the start of the instruction that could not be finished here: the interpreter does it
    again as a whole, so nothing an instruction did before it leaves may matter a second time.
    """

    def __init__(self, builder: ir.IRBuilder, state_pointer: ir.Value, region: RegionBuilder) -> None:
        self._body_budget: ir.Value | None = None
        super().__init__(builder, state_pointer, I64(0), I64(0), I64(0))
        self._region = region
        self._at = 0
        self._steps = 0
        self._exit: WayOut | None = None
        self.is_left = False
        self.is_call = False
        self.target: Value | None = None
        self.condition: Value = 1

    def begin(self, pc: int, decoded: Decoded, budget: ir.Value, steps: int) -> None:
        """The instruction at pc comes next, `steps` after the block's start, where `budget` was what is left."""
        self._at, self._steps = pc, steps
        self.word = I64(decoded.word)
        self._pc = I64(pc)
        if budget is not self._body_budget or (not steps and pc == self._region.head):
            self._exit = None
        self._body_budget = budget
        self.is_left = self.is_call = False
        self.target, self.condition = None, 1

    @property
    def budget(self) -> ir.Value:
        """What is left before this instruction."""
        return self.b.sub(self._body_budget, I64(self._steps))

    @budget.setter
    def budget(self, value: ir.Value) -> None:
        """The base class sets it once; here it follows the instructions."""

    # State.

    def slot(self, index: Value) -> ir.Value:
        return self._region.place(index) if isinstance(index, int) else super().slot(index)

    def get(self, slot: int) -> Value:
        if slot == state.XZR:
            return 0
        held = self._region.held.get(slot)
        if held is not None:
            return self.b.load(held, typ=I64)
        steady = self._region.steady.get(slot)
        return super().get(slot) if steady is None else steady

    def set(self, slot: int, value: Value) -> None:
        held = self._region.held.get(slot)
        if held is not None:
            self.b.store(self.value(value), held)
            if slot in _NZCV:
                self._exit = None
                return
        assert slot not in _STEADY
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
        self._leave_if(self.truth(self.value(self.get(state.GUARDED))))
        self.set(state.BTYPE, otherwise)
        self.set(state.BTYPE_SET, self.sub(self.add(self.get(state.COUNT), self.get(state.LIMIT)), self.budget))

    # Ways out.

    def _way_out(self) -> ir.Block:
        """Where to go from here to leave before this instruction; one place for as long as the flags stay the same."""
        if self._exit is None:
            self._exit = self._region.way_out(self._body_budget)
        self._exit.from_here(self.b.block, I64(self._at), self._steps)
        return self._exit.block

    def _leave_if(self, condition: ir.Value) -> None:
        on = self.b.append_basic_block("on")
        out = self._way_out()
        self.b.cbranch(condition, out, on).set_weights([1, 1 << 20])
        self.b.position_at_end(on)

    def _leave_unless(self, condition: ir.Value) -> None:
        on = self.b.append_basic_block("on")
        out = self._way_out()
        self.b.cbranch(condition, on, out).set_weights([1 << 20, 1])
        self.b.position_at_end(on)

    def _leave(self) -> None:
        out = self._way_out()
        self.b.branch(out)
        self.b.position_at_end(self.b.append_basic_block("never"))
        self.is_left = True

    def escape(self, kind: Escape) -> None:
        self._leave()

    def escape_if(self, condition: Value, kind: Escape) -> None:
        if isinstance(condition, int) and condition == 0:
            return
        self._leave_if(self.truth(self.value(condition)))

    def ask(self, query: Query, a: Value = 0, b: Value = 0) -> Value:
        self._leave()
        return I64(0)

    # Memory.

    def pointer(self, slot: int) -> ir.Value:
        return self._region.pointers[slot]

    def _find(
        self, table: int, address: ir.Value, size: int, mode: Mode, align: int
    ) -> tuple[ir.Value, ir.Value, ir.Value]:
        """(arena offset, owner id as 32 bits, entry) by the software TLB; leaves where that has no answer.

        Aligned accesses need one comparison. Aligned to their size too, so that they stay within one block, even where
        the instruction asks for less.
        """
        b = self.b
        aligned = max(align, size)
        salted = b.xor(address, b.shl(self._region.steady[state.CONTEXT], I64(state.SALT_SHIFT)))
        line = b.and_(b.lshr(salted, I64(7)), I64((state.TLB_ENTRIES - 1) << 5))
        entry = b.gep(self._region.place(table), [line], source_etype=I8)
        expected = b.or_(b.and_(address, I64(~0xFFF & MASK64)), self._region.steady[state.CONTEXT])
        wrong = b.xor(b.load(entry, typ=I64), expected)
        if aligned > 1:
            wrong = b.or_(wrong, b.and_(address, I64(aligned - 1)))
        hit = b.icmp_unsigned("==", wrong, I64(0))
        if mode in (Mode.ALIGNED, Mode.ATOMIC, Mode.ORDERED) or aligned == 1:
            self._leave_unless(hit)
        else:
            on, odd = b.append_basic_block("found"), b.append_basic_block("odd")
            b.cbranch(hit, on, odd).set_weights([1 << 20, 1])
            b.position_at_end(odd)
            found = self._probe(table, address, size, mode, align)[0]
            out = self._way_out()
            b.cbranch(found, on, out)
            b.position_at_end(on)
        addend = b.load(b.gep(entry, [I64(8)], source_etype=I8), typ=I64)
        owner = b.load(b.gep(entry, [I64(16)], source_etype=I8), typ=I32)
        return b.add(address, addend), owner, entry

    def load(self, address: Value, size: int, mode: Mode = Mode.NORMAL, align: int = 0) -> Value:
        b, align = self.b, align or size
        address = self.value(address)
        if mode is Mode.UNPRIVILEGED:
            self._leave()
            return I64(0)
        table = state.STORE_TLB if mode is Mode.ATOMIC else state.LOAD_TLB
        offset, owner, _ = self._find(table, address, size, mode, align)
        tag = b.and_(self._tag(offset), I32(CODE_TAG - 1))
        self._leave_unless(b.or_(b.icmp_unsigned("==", tag, owner), b.icmp_unsigned("==", tag, I32(0))))
        self.note_access(address, size, mode, 0)
        loaded = b.load(self.host(offset), typ=ir.IntType(8 * size), align=1)
        return loaded if size == 8 else b.zext(loaded, I64)

    def store(self, address: Value, size: int, value: Value, mode: Mode = Mode.NORMAL, align: int = 0) -> None:
        b, align = self.b, align or size
        address, value = self.value(address), self.value(value)
        if mode is Mode.UNPRIVILEGED:
            self._leave()
            return
        offset, owner, entry = self._find(state.STORE_TLB, address, size, mode, align)
        mine = b.append_basic_block("mine")
        self._own(offset, owner, entry, mine, self._way_out)
        b.position_at_end(mine)
        self.note_access(address, size, mode, state.LAST_ACCESS_WRITE)
        narrow = value if size == 8 else b.trunc(value, ir.IntType(8 * size))
        b.store(narrow, self.host(offset), align=1)
        self._record_writer(offset, entry)

    def exclusive_store(self, address: Value, size: int, values: tuple[Value, ...], element: int) -> Value:
        # Whether it stores is known only at run time: the interpreter does it.
        self._leave()
        return I64(0)


class WayOut:
    """A block that leaves the region, shared by the instructions between two changes of the flags."""

    def __init__(self, b: ir.IRBuilder, block: ir.Block) -> None:
        self.block = block
        b.position_at_end(block)
        self._pc, self._steps = b.phi(I64), b.phi(I64)
        self._known: set[ir.Block] = set()

    @property
    def pc(self) -> ir.Value:
        return self._pc

    @property
    def steps(self) -> ir.Value:
        return self._steps

    def from_here(self, block: ir.Block, pc: ir.Value, steps: int) -> None:
        """Leaving from this block means before the instruction at pc, that many after the start of its block."""
        if block not in self._known:
            self._known.add(block)
            self._pc.add_incoming(pc, block)
            self._steps.add_incoming(I64(steps), block)


class RegionBuilder:
    """Builds the function of one region."""

    def __init__(self, module: ir.Module, name: str, head: int, code: Code) -> None:
        self._code = code
        self.head = head
        self._function = ir.Function(module, HANDLER, name)
        self._function.args[0].add_attribute("noalias")
        self._state, self._word, self._pc, self._budget = self._function.args
        self._entry = self._function.append_basic_block("entry")
        self._heads: dict[int, ir.Block] = {}
        self._lengths: dict[int, int] = {}
        self._waiting: list[int] = []
        self._returns: list[int] = []
        self.count = 0
        self._is_head_done = False
        b = ir.IRBuilder(self._entry)
        self._addresses = ir.IRBuilder(self._function.append_basic_block("addresses"))
        self._places: dict[int, ir.Value] = {}
        self.held = {slot: b.alloca(I64, name=f"s{slot}") for slot in _HELD}
        self._left = b.alloca(I64, name="budget")
        is_head = b.icmp_unsigned("==", self._pc, I64(head))
        usual = self._usual = self._function.append_basic_block("usual")
        self._other = self._function.append_basic_block("other")
        b.cbranch(is_head, usual, self._other)
        b.position_at_end(usual)
        for slot, place in self.held.items():
            b.store(b.load(self._slot(b, slot), typ=I64), place)
        b.store(self._budget, self._left)
        self.steady = {slot: b.load(self._slot(b, slot), typ=I64) for slot in _STEADY}
        self.pointers = {slot: b.inttoptr(self.steady[slot], PTR) for slot in (state.ARENA, state.TAGS, state.WRITERS)}
        self._lower = RegionLower(ir.IRBuilder(usual), self._state, self)

    def build(self) -> None:
        """Lower everything reachable from the head that has run, up to the limit."""
        b = ir.IRBuilder(self._usual)
        b.branch(self._addresses.block)
        first = self._block(self.head)
        while self._waiting:
            self._lower_block(self._waiting.pop())
            self._is_head_done = True
        self._addresses.branch(first)
        # Another address of the same page, or nothing could be done here: one instruction, the ordinary way.
        b.position_at_end(self._other)
        originals = b.load(self._slot(b, state.ORIGINALS), typ=PTR)
        place = b.gep(originals, [b.lshr(self._word, I64(REGION_SHIFT))], source_etype=I64)
        handler = b.inttoptr(b.load(place, typ=I64), HANDLER.as_pointer())
        word = b.and_(self._word, I64(0xFFFF_FFFF))
        following = b.call(handler, [self._state, word, self._pc, self._budget])
        with b.if_then(b.icmp_unsigned("!=", following, I64(state.LEAVE))):
            b.store(b.sub(self._budget, I64(1)), self._slot(b, state.BUDGET))
        b.ret(following)

    def place(self, slot: int) -> ir.Value:
        """The address of a slot, computed once for the whole region."""
        found = self._places.get(slot)
        if found is None:
            found = self._places[slot] = self._addresses.gep(self._state, [I64(slot)], source_etype=I64)
        return found

    def _slot(self, b: ir.IRBuilder, index: int) -> ir.Value:
        return b.gep(self._state, [I64(index)], source_etype=I64)

    def _block(self, pc: int) -> ir.Block:
        """The block that begins at an address, to be lowered if it is new."""
        found = self._heads.get(pc)
        if found is None:
            found = self._heads[pc] = self._function.append_basic_block(f"at_{pc:x}")
            self._waiting.append(pc)
        return found

    def way_out(self, budget: ir.Value) -> WayOut:
        """A new block to leave by, with the flags as they are where it is used; `budget` is that of the block."""
        block = self._function.append_basic_block("out")
        b = ir.IRBuilder()
        out = WayOut(b, block)
        left = b.sub(budget, out.steps)
        if not self._is_head_done:
            # Where nothing has been done at all, the head's own instruction cannot be finished here.
            some = self._function.append_basic_block("some")
            b.cbranch(b.icmp_unsigned("==", left, self._budget), self._other, some)
            b.position_at_end(some)
        self._leave(b, out.pc, left)
        return out

    def _leave_at(self, b: ir.IRBuilder, pc: ir.Value, budget: ir.Value, steps: int) -> None:
        """Leave from the end of a block."""
        self._leave(b, pc, b.sub(budget, I64(steps)))

    def _leave(self, b: ir.IRBuilder, pc: ir.Value, left: ir.Value) -> None:
        for slot in _NZCV:
            b.store(b.load(self.held[slot], typ=I64), self.place(slot))
        b.store(left, self.place(state.BUDGET))
        b.ret(pc)

    def _lower_block(self, start: int) -> None:
        head = self._heads[start]
        b = self._lower.b
        body = self._function.append_basic_block(f"body_{start:x}")
        b.position_at_end(head)
        budget = b.load(self._left, typ=I64)
        b.position_at_end(body)
        lower = self._lower
        pc, steps = start, 0
        while True:
            decoded = self._instruction(pc) if (pc == start or pc not in self._heads) else None
            if decoded is None:
                self._go(b, pc, budget, steps, pc in self._heads and pc != start)
                break
            lower.begin(pc, decoded, budget, steps)
            decoded.encoding.semantics(lower, **decoded.operands)
            if lower.is_left:
                b.unreachable()
                break
            steps += 1
            following = (pc + 4) & MASK64
            if lower.target is None:
                pc = following
                continue
            self._branch(b, lower, pc, following, budget, steps)
            break
        self._lengths[start] = steps
        self._enter(head, body, start, budget, steps)

    def _enter(self, head: ir.Block, body: ir.Block, start: int, budget: ir.Value, steps: int) -> None:
        """The check at a block's start: budget for all of it, and nobody asking to stop."""
        b = ir.IRBuilder(head)
        b.position_at_end(head)
        out = self._function.append_basic_block("out")
        stop = b.load(self.place(state.STOP), typ=I64)
        fine = b.and_(b.icmp_unsigned(">=", budget, I64(steps)), b.icmp_unsigned("==", stop, I64(0)))
        b.cbranch(fine, body, out).set_weights([1 << 20, 1])
        b.position_at_end(out)
        if start == self.head:
            some = self._function.append_basic_block("some")
            b.cbranch(b.icmp_unsigned("==", budget, self._budget), self._other, some)
            b.position_at_end(some)
        self._leave_at(b, I64(start), budget, 0)

    def _instruction(self, pc: int) -> Decoded | None:
        if self.count >= self._code.most or pc >> 12 != self.head >> 12:
            return None
        decoded = self._code.at(pc)
        if decoded is not None:
            self._code.used[pc] = decoded
            self.count += 1
        return decoded

    def _may_enter(self, pc: int) -> bool:
        if pc in self._heads:
            return True
        return pc >> 12 == self.head >> 12 and self.count < self._code.most and self._code.at(pc) is not None

    def _go(self, b: ir.IRBuilder, pc: int, budget: ir.Value, steps: int, is_known: bool) -> None:
        """Go on at a constant address, inside the region where possible."""
        if is_known or (steps and self._may_enter(pc)):
            b.store(b.sub(budget, I64(steps)), self._left)
            b.branch(self._block(pc))
        else:
            self._leave_at(b, I64(pc), budget, steps)

    def _branch(
        self, b: ir.IRBuilder, lower: RegionLower, pc: int, following: int, budget: ir.Value, steps: int
    ) -> None:
        target, condition = lower.target, lower.condition
        if lower.is_call:
            self._returns.append(following)
        if isinstance(condition, int):
            if not condition:
                self._go(b, following, budget, steps, False)
            elif isinstance(target, int):
                self._go(b, target, budget, steps, False)
            else:
                self._indirect(b, lower.value(target), budget, steps)
            return
        assert isinstance(target, int), "a conditional branch goes to a constant address"
        taken, not_taken = self._function.append_basic_block("taken"), self._function.append_basic_block("not_taken")
        b.cbranch(lower.truth(lower.value(condition)), taken, not_taken)
        b.position_at_end(taken)
        self._go(b, target, budget, steps, False)
        b.position_at_end(not_taken)
        self._go(b, following, budget, steps, False)

    def _indirect(self, b: ir.IRBuilder, target: ir.Value, budget: ir.Value, steps: int) -> None:
        out = self._function.append_basic_block("out")
        b.store(b.sub(budget, I64(steps)), self._left)
        switch = b.switch(target, out)
        for pc in dict.fromkeys(self._returns):
            if self._may_enter(pc):
                switch.add_case(I64(pc), self._block(pc))
        b.position_at_end(out)
        self._leave_at(b, target, budget, steps)
