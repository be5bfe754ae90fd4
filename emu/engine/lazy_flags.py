"""NZCV inside a region: kept as what they are to be made from, and made where somebody looks at them.

Nearly all flags are overwritten unread, or read by the branch just behind. A block of guest code that ends with flags
of its own leaves a note of them: which kind of instruction set them, and its operands. The region's exit turns the
note into flags. Only where a block that follows reads the flags are they made at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emu import state
from emu.engine.lower import I64
from emu.engine.text import Later, Number, TextBuilder
from emu.isa.arithmetic import add_with_carry, set_flags_logical
from emu.isa.pattern import Value

if TYPE_CHECKING:
    from emu.engine.region_lower import RegionLower

NZCV = (state.N, state.Z, state.C, state.V)
_SUBTRACTION, _LOGICAL = 1, 3
"""Kinds of notes, of 64 bits; one more is the same of 32 bits. 0 means that the flags are in their slots."""
Flags = dict[int, Value]


def is_made_by(value: Value, operation: str) -> bool:
    """Whether a value is the result of an operation, given as IR text begins."""
    return value.__class__ is Number and value.form is not None and value.form.startswith(operation)


def difference_of(value: Value) -> tuple[Value, Value, int] | None:
    """(a, b, width) of a difference a - b, cut to its width, of operands of that width."""
    if is_made_by(value, "sub i64"):
        return *value.operands, 64
    if is_made_by(value, "and i64") and value.operands[1] == 0xFFFF_FFFF and is_made_by(value.operands[0], "sub i64"):
        a, b = value.operands[0].operands
        if all((x if x.__class__ is int else (1 << x.width) - 1) <= 0xFFFF_FFFF for x in (a, b)):
            return a, b, 32
    return None


def subtraction_of(n: Value, v: Value) -> tuple[Value, Value, int] | None:
    """(a, b, width) of the subtraction that gave these two flags, as `add_with_carry` makes them."""
    if not (is_made_by(n, "lshr") and is_made_by(v, "lshr") and is_made_by(v.operands[0], "and")):
        return None
    narrow, top = n.operands
    found = difference_of(narrow)
    if found is None or top != found[2] - 1 or v.operands[1] != top:
        return None
    a, b, _ = found
    first, second = v.operands[0].operands
    return found if _is_xor(first, a, b) and _is_xor(second, a, narrow) else None


def _is_xor(value: Value, x: Value, y: Value) -> bool:
    return is_made_by(value, "xor i64") and tuple(value.operands) in ((x, y), (y, x))


def _note_of(flags: Flags) -> tuple[int, Value, Value] | None:
    """(kind, two operands) that make these flags, where that is known."""
    if len(flags) < len(NZCV):
        return None
    n, z, c, v = (flags[slot] for slot in NZCV)
    if c.__class__ is int and v.__class__ is int and not v and is_made_by(n, "lshr"):
        # Nothing is carried or borrowed where 0 is subtracted.
        narrow, top = n.operands
        kind = (_SUBTRACTION if c else _LOGICAL) + (top == 31)
        return (kind, narrow, 0) if top in (31, 63) and _compares(z, "icmp eq", narrow, 0) else None
    found = subtraction_of(n, v)
    if found is None:
        return None
    a, b, width = found
    if not _compares(z, "icmp eq", a, b) or not is_made_by(c, "zext i1"):
        return None
    carry = c.operands[0]
    if not is_made_by(carry, "xor i1") or not _compares_truth(carry.operands[0], "icmp ult", a, b):
        return None
    return _SUBTRACTION + (width == 32), a, b


def _compares(value: Value, how: str, x: Value, y: Value) -> bool:
    return is_made_by(value, "zext i1") and _compares_truth(value.operands[0], how, x, y)


def _compares_truth(value: Value, how: str, x: Value, y: Value) -> bool:
    return is_made_by(value, how) and tuple(value.operands) == (x, y)


class LazyFlags:
    """The flags of a region: notes, who reads flags that another block set, and what the exit does."""

    def __init__(self, entry: TextBuilder, slot: Callable[[int], Number], is_lazy: bool) -> None:
        """`slot`: gives the address of a slot. Where not `is_lazy` the flags are always in their slots."""
        self._slot, self._is_lazy = slot, is_lazy
        # Volatile, so that they stay in memory: as values they would crowd out those of registers.
        self._note = [entry.alloca(I64) for _ in range(3)] if is_lazy else []
        if is_lazy:
            entry.store(0, self._note[0], is_volatile=True)
        self._kinds: set[int] = set()
        self._now = 0
        self._readers: set[int] = set()
        self._following: dict[int, set[int]] = {}
        """Blocks that may come after a block that has set the flags."""
        self._passed_to: dict[int, set[int]] = {}
        """Blocks that may come after one that has not."""
        self._anywhere: list[set[int]] = []
        """Those of the above sets that have all targets of branches through registers besides."""
        self._ends: list[tuple[int, Later, list[Any], list[Any]]] = []

    # While blocks are lowered.

    def begin_block(self, start: int) -> None:
        self._now = start
        self._following[start], self._passed_to[start] = set(), set()

    def are_read(self) -> None:
        """The present block reads flags that came into it."""
        self._readers.add(self._now)

    def goes_to(self, start: int, has_flags: bool) -> None:
        """The present block, which has set the flags so far or not, may be followed by another one."""
        (self._following if has_flags else self._passed_to)[self._now].add(start)

    def goes_anywhere(self, has_flags: bool) -> None:
        """The same with any that a branch through a register leads to."""
        self._anywhere.append((self._following if has_flags else self._passed_to)[self._now])

    def store(self, b: TextBuilder, flags: Flags, is_end: bool) -> None:
        """Bring flags to where others find them: as a note, where nobody else in the region can want them."""
        if len(flags) < len(NZCV):
            self.are_read()  # the others must be in their slots
        note = _note_of(flags) if self._is_lazy else None
        if note is None:
            self._make(b, flags)
            return
        self._kinds.add(note[0])
        if not is_end:
            self._write(b, note)
            return
        for operand in note[1:]:
            b.reference(operand)
        with b.elsewhere() as made:
            self._make(b, flags)
        with b.elsewhere() as noted:
            self._write(b, note)
        self._ends.append((self._now, b.later(), made, noted))

    def _make(self, b: TextBuilder, flags: Flags) -> None:
        for slot, value in flags.items():
            b.store(value, self._slot(slot))
        if self._is_lazy:
            b.store(0, self._note[0], is_volatile=True)

    def _write(self, b: TextBuilder, note: tuple[int, Value, Value]) -> None:
        for value, place in zip(note, self._note, strict=True):
            b.store(value, place, is_volatile=True)

    # When all are there.

    def decide(self, anywhere: set[int]) -> None:
        """Notes or flags at the end of every block; a branch through a register may lead `anywhere`."""
        for following in self._anywhere:
            following |= anywhere
        wanted, is_settled = set(self._readers), False
        while not is_settled:
            more = {start for start, passed in self._passed_to.items() if start not in wanted and passed & wanted}
            wanted |= more
            is_settled = not more
        for start, later, made, noted in self._ends:
            later.lines = made if self._following[start] & wanted else noted

    def make(self, b: TextBuilder, lower: RegionLower) -> None:
        """At the exit: the flags that a note stands for go to their slots."""
        if not self._kinds:
            return
        kind = b.load(self._note[0], typ=I64, is_volatile=True)
        done = b.append_basic_block("flagged")
        switch = b.switch(kind, done)
        b.position_at_end(done)
        for each in sorted(self._kinds):
            block = lower.b.append_basic_block("flags")
            switch.add_case(each, block)
            lower.begin_part(block)
            x, y = (lower.b.load(place, typ=I64, is_volatile=True) for place in self._note[1:])
            is_wide = each in (_SUBTRACTION, _LOGICAL)
            if not is_wide:
                x.width = y.width = 32
            if each >= _LOGICAL:
                set_flags_logical(lower, int(is_wide), x)
            else:
                add_with_carry(lower, int(is_wide), x, y, subtract=1, set_flags=1)
            for slot in NZCV:
                lower.b.store(lower.get(slot), self._slot(slot))
            lower.b.branch(done)
