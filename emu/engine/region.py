"""Hot code as one native function: straight lines, loops and calls over several blocks, registers held in values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emu import state
from emu.engine.chain import chain
from emu.engine.dispatch import REGION_SHIFT
from emu.engine.lazy_flags import LazyFlags
from emu.engine.lower import HANDLER, I64, PTR
from emu.engine.outline import BEST, QUICK, is_called
from emu.engine.region_lower import ACCESS, STEADY, RegionLower
from emu.engine.text import Block, Number, Switch, TextBuilder, TextFunction, TextModule
from emu.isa.pattern import Decoded
from emu.state import MASK64


@dataclass
class Code:
    """What a region may be made of: the words that have run, by address, and how far a region may go."""

    at: Callable[[int], Decoded | None]
    """The instruction at an address if it is decoded and may be compiled, else None."""
    most: int = 256
    """Instructions in a region."""
    is_reached: Callable[[int], bool] = lambda _: True
    """Whether a branch has ever gone to an address, as far as is known."""
    used: dict[int, Decoded] = field(default_factory=dict)
    """Every address a region was made of."""


class RegionBuilder:
    """Builds the function of one region. It may be entered at several addresses, its heads."""

    def __init__(self, module: TextModule, name: str, heads: tuple[int, ...], code: Code, is_inline: bool) -> None:
        """`is_inline`: better code that takes longer to compile."""
        self._code, self.is_inline = code, is_inline
        self._wanted = heads
        self._page = heads[0] >> 12
        self._function = TextFunction(module, HANDLER, name)
        self._state, self._word, self._pc, self._budget = self._function.args
        self._entry = TextBuilder(self._function, self._function.append_basic_block("entry"))
        self._other = self._function.append_basic_block("other")
        self._end = TextBuilder(self._function, self._function.append_basic_block("end"))
        self._blocks: dict[int, Block] = {}
        self._waiting: list[int] = []
        self._returns: list[int] = []
        self._switches: list[Switch] = []
        """Branches through registers: wherever they may lead inside the region."""
        self.count = 0
        self._slots: dict[int, Number] = {}
        self._held: dict[int, Number] = {}
        self._written: set[int] = set()
        """Held slots that have got a value anywhere."""
        self._steady: dict[int, Number] = {}
        self._salt: Number | None = None
        self._left = self._entry.alloca(I64)
        self._entry.store(self._budget, self._left)
        self.flags = LazyFlags(self._entry, self.slot, is_inline)
        start = self._function.append_basic_block("start")
        self._lower = RegionLower(TextBuilder(self._function, start), self._state, self)
        self._lower.b.unreachable()

    def build(self) -> tuple[int, ...]:
        """Lower everything reachable from the heads that has run, up to the limit. Returns the heads it got."""
        heads = []
        for head in self._wanted:
            if head in self._blocks or self._may_enter(head):
                self._block(head)
                heads.append(head)
            while self._waiting:
                self._lower_block(self._waiting.pop())
        switch = self._entry.switch(self._pc, self._other)
        for head in heads:
            switch.add_case(head, self._blocks[head])
        anywhere = [pc for pc in dict.fromkeys((*heads, *self._returns)) if pc in self._blocks]
        for switch in self._switches:
            for pc in anywhere:
                switch.add_case(pc, self._blocks[pc])
        self.flags.decide(set(anywhere))
        self._build_end()
        self._build_other()
        return tuple(heads)

    def _build_end(self) -> None:
        """All ways out come here, with everything in its place but what is left of the budget."""
        b = self._end
        if self.is_inline:
            self.flags.make(b, self._lower)
            for slot in sorted(self._written):
                b.store(b.load(self._held[slot], typ=I64), self.slot(slot))
        out = b.append_basic_block("return")
        # Where nothing has been done at all, the instruction cannot be finished here.
        left = b.load(self.slot(state.BUDGET), typ=I64)
        b.cbranch(b.icmp_unsigned("==", left, self._budget), self._other, out)
        b.position_at_end(out)
        chain(b, self._state, b.load(self.slot(state.PC), typ=I64), left)

    def _build_other(self) -> None:
        """Another address of the same page, or nothing could be done here: one instruction, the ordinary way."""
        b = TextBuilder(self._function, self._other)
        originals = b.load(self.slot(state.ORIGINALS), typ=PTR)
        place = b.gep(originals, [b.lshr(self._word, REGION_SHIFT)], source_etype=I64)
        handler = b.inttoptr(b.load(place, typ=I64), HANDLER.as_pointer())
        word = b.and_(self._word, 0xFFFF_FFFF)
        following = b.call(handler, [self._state, word, self._pc, self._budget])
        with b.if_then(b.icmp_unsigned("!=", following, state.LEAVE)):
            b.store(b.sub(self._budget, 1), self.slot(state.BUDGET))
        b.ret(following)

    # State.

    def slot(self, slot: int) -> Number:
        """The address of a slot."""
        found = self._slots.get(slot)
        if found is None:
            found = self._slots[slot] = Number(PTR, f"getelementptr i64, ptr {{}}, i64 {slot}", (self._state,))
        return found

    def place(self, slot: int) -> Number:
        """Where the value of a held slot is between blocks."""
        if not self.is_inline:
            return self.slot(slot)
        found = self._held.get(slot)
        if found is None:
            b = self._entry
            found = self._held[slot] = b.alloca(I64)
            b.store(b.load(self.slot(slot), typ=I64), found)
        return found

    def put(self, b: TextBuilder, slot: int, value: Any) -> None:
        """Give a held slot a value."""
        if slot in ACCESS:
            b.store(value, self.slot(slot))
            return
        self._written.add(slot)
        b.store(value, self.place(slot))

    def steady(self, slot: int) -> Number | None:
        """The value of a slot that nothing changes, loaded once for the whole region."""
        if slot not in STEADY:
            return None
        found = self._steady.get(slot)
        if found is None:
            found = self._steady[slot] = self._entry.load(self.slot(slot), typ=I64)
        return found

    def salt(self) -> Number:
        """The current context's salt of the software TLB's places, as `emu.engine.softtlb` mixes it into addresses."""
        if self._salt is None:
            context = self.steady(state.CONTEXT)
            shift = f"shl i64 {{}}, {state.SALT_SHIFT}"
            self._salt = Number(I64, shift, (Number(I64, f"and i64 {{}}, {state.SALT_MASK}", (context,)),))
            name = self._entry.reference(self._salt)
            self._salt = Number(I64, None)
            self._salt.name = name
        return self._salt

    def leave(self, b: TextBuilder, pc: Any, left: Any) -> None:
        """Leave with everything in its place, to go on at pc with so much of the budget left."""
        # Not as values: they would be made on the way that goes on, too.
        b.store(pc, self.slot(state.PC))
        b.store(left, self.slot(state.BUDGET))
        b.branch(self._end.block)

    # Blocks.

    def _block(self, pc: int) -> Block:
        """The block that begins at an address, to be lowered if it is new."""
        found = self._blocks.get(pc)
        if found is None:
            found = self._blocks[pc] = self._function.append_basic_block(f"at_{pc:x}")
            self._waiting.append(pc)
        return found

    def _lower_block(self, start: int) -> None:
        head, body = self._blocks[start], self._function.append_basic_block("body")
        lower, b = self._lower, self._lower.b
        b.position_at_end(head)
        budget = b.load(self._left, typ=I64)
        lower.begin_block(budget, body, head)
        self.flags.begin_block(start)
        pc, steps = start, 0
        while True:
            decoded = self._instruction(pc) if (pc == start or pc not in self._blocks) else None
            if decoded is None:
                lower.end_block()
                self._go(b, pc, budget, steps, pc in self._blocks and pc != start)
                break
            lower.begin(pc, decoded, steps)
            if is_called(decoded, BEST if self.is_inline else QUICK):
                lower.call_handler(decoded)
            else:
                decoded.encoding.semantics(lower, **decoded.operands)
            if lower.is_left:
                b.unreachable()
                break
            steps += 1
            following = (pc + 4) & MASK64
            if lower.target is None or self._goes_on(b, lower, following, budget, steps):
                pc = following
                continue
            lower.end_block()
            self._branch(b, lower, following, budget, steps)
            break
        self._enter(head, body, start, budget, steps)

    def _enter(self, head: Block, body: Block, start: int, budget: Number, steps: int) -> None:
        """The check at a block's start: budget for all of it, and nobody asking to stop."""
        b = self._lower.b
        b.position_at_end(head)
        out = b.append_basic_block("out")
        stop = b.load(self.slot(state.STOP), typ=I64)
        fine = b.and_(b.icmp_unsigned(">=", budget, steps), b.icmp_unsigned("==", stop, 0))
        b.cbranch(fine, body, out).set_weights([1 << 20, 1])
        b.position_at_end(out)
        self.leave(b, start, budget)

    def _instruction(self, pc: int) -> Decoded | None:
        if self.count >= self._code.most or pc >> 12 != self._page:
            return None
        decoded = self._code.at(pc)
        if decoded is not None:
            self._code.used[pc] = decoded
            self.count += 1
        return decoded

    def _may_enter(self, pc: int) -> bool:
        if pc in self._blocks:
            return True
        return pc >> 12 == self._page and self.count < self._code.most and self._code.at(pc) is not None

    def _go(self, b: TextBuilder, pc: int, budget: Number, steps: int, is_known: bool) -> None:
        """Go on at a constant address, inside the region where possible."""
        left = Number(I64, "sub i64 {}, {}", (budget, steps))
        if is_known or (steps and self._may_enter(pc)):
            b.store(left, self._left)
            self.flags.goes_to(pc, self._lower.has_flags)
            b.branch(self._block(pc))
        else:
            self.leave(b, pc, left)

    def _jump(self, b: TextBuilder, pc: int, budget: Number, steps: int) -> None:
        """The same for a branch's target, which is left alone where no branch has gone there yet."""
        if pc in self._blocks or self._code.is_reached(pc):
            self._go(b, pc, budget, steps, False)
        else:
            self.leave(b, pc, b.sub(budget, steps))

    def _goes_on(self, b: TextBuilder, lower: RegionLower, following: int, budget: Number, steps: int) -> bool:
        """Go on behind a conditional branch with all that is known, where nothing else is likely to enter there."""
        target = lower.target
        if isinstance(lower.condition, int) or not isinstance(target, int) or following in self._wanted:
            return False
        if following in self._blocks or not self._may_enter(following):
            return False
        taken, on = b.append_basic_block("taken"), b.append_basic_block("on")
        b.cbranch(lower.truth(lower.condition), taken, on)
        with lower.aside(taken):
            self._jump(b, target, budget, steps)
        lower.resume(on)
        return True

    def _branch(self, b: TextBuilder, lower: RegionLower, following: int, budget: Number, steps: int) -> None:
        target, condition = lower.target, lower.condition
        if lower.is_call:
            self._returns.append(following)
        if isinstance(condition, int):
            if not condition:
                self._go(b, following, budget, steps, False)
            elif isinstance(target, int):
                self._jump(b, target, budget, steps)
            else:
                self._indirect(b, target, budget, steps)
            return
        assert isinstance(target, int), "a conditional branch goes to a constant address"
        taken, not_taken = b.append_basic_block("taken"), b.append_basic_block("not_taken")
        b.cbranch(lower.truth(condition), taken, not_taken)
        b.position_at_end(taken)
        self._jump(b, target, budget, steps)
        b.position_at_end(not_taken)
        self._go(b, following, budget, steps, False)

    def _indirect(self, b: TextBuilder, target: Any, budget: Number, steps: int) -> None:
        out = b.append_basic_block("out")
        left, to = b.sub(budget, steps), b.reference(target)
        b.store(left, self._left)
        switch = b.switch(target, out)
        for pc in dict.fromkeys(self._returns):
            if self._may_enter(pc):
                self._block(pc)
        self._switches.append(switch)
        self.flags.goes_anywhere(self._lower.has_flags)
        out.parent = b.block.scope
        b.position_at_end(out)
        known = Number(I64, None)
        known.name = to
        self.leave(b, known, left)
