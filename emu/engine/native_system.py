"""System instructions as native code, where `emu.permissions` has granted them: one probe of a table each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import llvmlite.ir as ir

from emu import state
from emu import transition_table as plan
from emu.isa.ops import Escape, Mode
from emu.state import MASK64

if TYPE_CHECKING:
    from emu.engine.lower import Lower

_I64, _I8, _I1, _PTR = ir.IntType(64), ir.IntType(8), ir.IntType(1), ir.PointerType()
DC_ZVA = 0xD50B_7420
"""The word of DC ZVA, X0."""
GRANTED = frozenset((Escape.MRS, Escape.MSR, Escape.MSR_IMMEDIATE, Escape.SYS))
"""What may be granted."""
_CIPAE = 0
"""Of DC CIPAE."""


def probe(lower: Lower) -> tuple[ir.Value, ir.Value]:
    """(whether this very instruction is granted in the present situation, its entry in the table)."""
    b = lower.b
    situation = lower.value(lower.get(state.SITUATION))
    key = b.and_(b.lshr(lower.word, _I64(5)), _I64(state.GRANT_KEY))
    tag = b.or_(situation, key)
    index = b.and_(b.xor(tag, b.xor(b.lshr(tag, _I64(7)), b.lshr(tag, _I64(15)))), _I64(state.GRANT_ENTRIES - 1))
    entry = lower.slot(b.add(b.shl(index, _I64(2)), _I64(state.GRANTS)))
    # An empty entry is 0, and so is the tag of no instruction in any situation.
    hit = b.and_(b.icmp_unsigned("==", b.load(entry, typ=_I64), tag), b.icmp_unsigned("!=", situation, _I64(0)))
    return hit, entry


def perform(
    lower: Lower, kind: Escape, entry: ir.Value, slow: ir.Block, done: ir.Block, is_zeroing: bool = False
) -> None:
    """Do a granted instruction and go to `done`; to `slow` where it turns out to be out of the ordinary.

    `is_zeroing` says that a SYS is DC ZVA.
    """
    b = lower.b
    where, second, third = (b.load(b.gep(entry, [_I64(word)], source_etype=_I64), typ=_I64) for word in (1, 2, 3))
    place = b.gep(lower.state, [b.and_(where, _I64(0xFFFF))], source_etype=_I64)
    shift = b.lshr(where, _I64(16))
    rt = b.and_(lower.word, _I64(31))
    if kind is Escape.MRS:
        now = b.sub(b.add(lower.get(state.COUNT), lower.get(state.LIMIT)), lower.budget)
        stored = b.shl(b.load(place, typ=_I64), shift)
        lower.write_x(rt, b.add(stored, b.and_(b.sub(now, second), third)))
    elif kind is Escape.MSR:
        _step(lower, where, lower.read_x(rt), second, third, slow, done)
        b.store(b.or_(b.and_(b.lshr(lower.read_x(rt), shift), second), third), place)
    elif kind is Escape.MSR_IMMEDIATE:
        b.store(b.or_(b.and_(b.load(place, typ=_I64), second), third), place)
    elif is_zeroing:
        _zero(lower, lower.read_x(rt), slow)
    else:
        _maintain(lower, lower.read_x(rt), second, third, slow, done)
    b.branch(done)


def _step(
    lower: Lower, where: ir.Value, given: ir.Value, mask: ir.Value, fixed: ir.Value, slow: ir.Block, done: ir.Block
) -> None:
    """An MSR to a register that steers translation, by the table of steps; goes on behind this for any other."""
    b = lower.b

    def get(slot: int) -> ir.Value:
        return lower.value(lower.get(slot))

    step, go, noted, plain = (b.append_basic_block(f"step.{name}") for name in ("look", "go", "note", "plain"))
    b.cbranch(b.icmp_unsigned("==", b.and_(where, _I64(state.IS_STEP)), _I64(0)), plain, step)
    b.position_at_end(step)
    slot = b.and_(where, _I64(0xFFFF))
    number, barriers = get(state.PROGRAMMED), get(state.BARRIERS)
    index = b.xor(b.mul(slot, _I64(5)), b.mul(number, _I64(9)))
    for shift in plan.STEP_VALUE_SHIFTS:
        index = b.xor(index, b.lshr(given, _I64(shift)))
    index = b.and_(index, _I64(state.STEP_ENTRIES - 1))
    entry = lower.slot(b.add(b.mul(index, _I64(state.STEP_WORDS)), _I64(state.STEPS)))

    def field(word: int) -> ir.Value:
        return b.load(b.gep(entry, [_I64(word)], source_etype=_I64), typ=_I64)

    place = b.or_(get(state.CONTEXT), b.shl(barriers, _I64(plan.BARRIERS_SHIFT)))
    count = get(state.WRITES)
    fine = b.icmp_unsigned("!=", number, _I64(0))
    fine = b.and_(fine, b.icmp_unsigned("<", count, _I64(state.MOST_WRITES)))
    fine = b.and_(fine, b.icmp_unsigned("==", b.or_(b.and_(given, mask), fixed), given))
    for word, wanted in (
        (plan.STEP_TAG, b.or_(get(state.SITUATION), slot)), (plan.STEP_PROGRAMMED, number),
        (plan.STEP_ACTING, get(state.ACTING)), (plan.STEP_PLACE, place), (plan.STEP_GIVEN, given),
    ):  # fmt: skip
        fine = b.and_(fine, b.icmp_unsigned("==", field(word), wanted))
    b.cbranch(fine, go, slow)
    b.position_at_end(go)
    register = b.gep(lower.state, [slot], source_etype=_I64)
    old = b.load(register, typ=_I64)
    waits = b.icmp_unsigned("!=", b.and_(barriers, _I64(state.SOMETHING_WAITS)), _I64(0))
    b.cbranch(b.or_(waits, b.icmp_unsigned("!=", old, given)), noted, done)
    b.position_at_end(noted)
    record = b.gep(lower.pointer(state.WRITE_LOG), [b.mul(count, _I64(state.WRITE_WORDS))], source_etype=_I64)
    now = b.sub(b.add(get(state.COUNT), get(state.LIMIT)), lower.budget)
    for word, value in enumerate((slot, old, given, now, lower.value(lower.pc()))):
        b.store(value, b.gep(record, [_I64(word)], source_etype=_I64))
    lower.set(state.WRITES, b.add(count, _I64(1)))
    b.store(given, register)
    lower.set(state.PROGRAMMED, field(plan.STEP_NUMBER))
    lower.set(state.CONTEXT, field(plan.STEP_CONTEXT))
    lower.set(state.BARRIERS, field(plan.STEP_BARRIERS))
    b.branch(done)
    b.position_at_end(plain)


def _maintain(lower: Lower, operand: ir.Value, way: ir.Value, number: ir.Value, slow: ir.Block, done: ir.Block) -> None:
    """A DC or IC instruction; goes on behind this for DC ZVA, and has done nothing yet."""
    b = lower.b
    names = ("asked", "silent", "by_address", "loud", "noted", "zeroing")
    asked, silent, by_address, loud, noted, zeroing = (b.append_basic_block(f"maintain.{name}") for name in names)
    b.cbranch(b.icmp_unsigned("==", way, _I64(0)), zeroing, asked)
    b.position_at_end(asked)
    block = lower.pointer(state.MAINTENANCE)

    def place(index: ir.Value) -> ir.Value:
        return b.gep(block, [index], source_etype=_I64)

    mode = b.load(place(b.add(number, _I64(state.MAINTENANCE_MODES))), typ=_I64)
    b.cbranch(b.icmp_unsigned("==", mode, _I64(state.MAINTENANCE_SILENT)), silent, loud)
    b.position_at_end(silent)
    b.cbranch(b.icmp_unsigned("==", way, _I64(state.MAINTAINS_VIRTUAL)), by_address, done)
    b.position_at_end(by_address)
    # Where a load goes without a word, so does maintenance: it is checked as one.
    b.cbranch(lower.has_load(operand), done, slow)
    b.position_at_end(loud)
    room_place = place(_I64(state.MAINTENANCE_ROOM))
    room = b.load(room_place, typ=_I64)
    is_physical = b.icmp_unsigned("==", way, _I64(state.MAINTAINS_PHYSICAL))
    fine = b.and_(is_physical, b.icmp_unsigned("==", mode, _I64(state.MAINTENANCE_LOGS)))
    fine = b.and_(fine, b.icmp_unsigned("!=", room, _I64(0)))
    is_realm = b.icmp_unsigned("==", b.lshr(operand, _I64(62)), _I64(3))  # DC CIPAE of anything else has no effect
    fine = b.and_(fine, b.or_(is_realm, b.icmp_unsigned("!=", number, _I64(_CIPAE))))
    b.cbranch(fine, noted, slow)
    b.position_at_end(noted)
    next_place = place(_I64(state.MAINTENANCE_NEXT))
    record = b.load(next_place, typ=_PTR)
    now = b.sub(b.add(lower.get(state.COUNT), lower.get(state.LIMIT)), lower.budget)
    for word, value in enumerate((number, now, operand)):
        b.store(value, b.gep(record, [_I64(word)], source_etype=_I64))
    b.store(b.gep(record, [_I64(state.MAINTENANCE_WORDS)], source_etype=_I64), next_place)
    b.store(b.sub(room, _I64(1)), room_place)
    b.branch(done)
    b.position_at_end(zeroing)
    _zero(lower, operand, slow)


def _zero(lower: Lower, address: ir.Value, slow: ir.Block) -> None:
    """DC ZVA."""
    b = lower.b
    base = b.and_(address, _I64(~(state.ZEROED - 1) & MASK64))
    entry, offset, owner = lower.find_store(base, state.IS_DEVICE, slow)
    blocks = [b.add(offset, _I64(at)) for at in range(0, state.ZEROED, 16)]
    fine: ir.Value = _I1(1)
    for block in blocks:
        fine = b.and_(fine, lower.is_ours(block, owner, entry))
    go = b.append_basic_block("zero")
    b.cbranch(fine, go, slow)
    b.position_at_end(go)
    lower.note_access(base, state.ZEROED, Mode.NORMAL, state.LAST_ACCESS_WRITE)
    for block in blocks:
        lower.take(block, owner, entry)
        for half in (0, 8):
            b.store(_I64(0), b.gep(lower.host(block), [_I64(half)], source_etype=_I8), align=1)
