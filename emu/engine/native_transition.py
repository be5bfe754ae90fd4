"""Exception entries, returns and context synchronisation as native code, where `emu.transitions` has kept them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import llvmlite.ir as ir

from emu import state
from emu import transition_table as plan
from emu.isa.ops import Escape
from emu.state import MASK64

if TYPE_CHECKING:
    from emu.engine.lower import Lower

_I64, _PTR = ir.IntType(64), ir.PointerType()
KINDS = {
    Escape.SVC: plan.SVC,
    Escape.HVC: plan.HVC,
    Escape.SMC: plan.SMC,
    Escape.ERET: plan.ERET,
    Escape.ISB: plan.ISB,
}
_ERET_WORD = 0xD69F_03E0
_PSTATE = (
    *((state.N, 31), (state.Z, 30), (state.C, 29), (state.V, 28), (state.DIT, 24), (state.UAO, 23)),
    *((state.PAN, 22), (state.SSBS, 12), (state.DAIF, 6), (state.EL, 2)),
)
"""Slots of PSTATE and their places in SPSR_ELx. IL is 0 wherever an instruction is executed."""
_RETURNED = (
    *((state.N, 31, 1), (state.Z, 30, 1), (state.C, 29, 1), (state.V, 28, 1), (state.DIT, 24, 1)),
    *((state.UAO, 23, 1), (state.SSBS, 12, 1), (state.DAIF, 6, 0xF)),
)
"""What a return takes from SPSR_ELx: slot, place, mask. The rest of PSTATE is in the table's entry."""


def attempt(lower: Lower, kind: Escape) -> None:
    """Do a transition that is in the table and leave the handler; goes on behind this where it is not."""
    _Transition(lower, KINDS[kind]).build()


class _Transition:
    def __init__(self, lower: Lower, kind: int) -> None:
        self._lower = lower
        self._kind = kind
        self._b = lower.b

    def build(self) -> None:
        lower, b, kind = self._lower, self._b, self._kind
        known, slow = b.append_basic_block("transition"), b.append_basic_block("transition.slow")
        block = lower.pointer(state.TRANSITION_BLOCK)
        pan, spsr = self._get(state.PAN), _I64(0)
        mode: ir.Value = _I64(0)
        fine = b.icmp_unsigned("==", self._word(block, state.BLOCK_WAITING), _I64(0))
        if kind == plan.ERET:
            asked = b.append_basic_block("transition.return")
            el = self._get(state.EL)
            plain = b.and_(b.icmp_unsigned("==", lower.word, _I64(_ERET_WORD)), b.icmp_unsigned("!=", el, _I64(0)))
            b.cbranch(b.and_(fine, plain), asked, slow)
            b.position_at_end(asked)
            place = b.gep(block, [b.add(el, _I64(state.BLOCK_SPSR - 1))], source_etype=_I64)
            spsr = self._at(b.load(place, typ=_I64))
            pan = b.and_(b.lshr(spsr, _I64(22)), _I64(1))
            mode = b.and_(spsr, _I64(15))
            fine = b.icmp_unsigned("==", b.and_(spsr, _I64(plan.ODD_RETURN)), _I64(0))
        elif kind == plan.ISB:
            wanted = b.and_(self._get(state.BARRIERS), _I64(state.BARRIERS_WANTED))
            fine = b.and_(fine, b.icmp_unsigned("==", wanted, _I64(0)))
        situation, number = self._get(state.SITUATION), self._get(state.PROGRAMMED)
        low = b.or_(b.or_(_I64(kind), b.shl(mode, _I64(plan.MODE_SHIFT))), b.shl(pan, _I64(plan.PAN_SHIFT)))
        tag = b.or_(situation, low)
        mixed = b.xor(b.xor(tag, b.lshr(tag, _I64(plan.MODE_SHIFT))), b.mul(number, _I64(9)))
        mixed = b.xor(mixed, b.mul(b.lshr(tag, _I64(state.GRANT_KEY_BITS)), _I64(5)))
        index = b.and_(mixed, _I64(state.TRANSITION_ENTRIES - 1))
        self._entry = lower.slot(b.add(b.mul(index, _I64(state.TRANSITION_WORDS)), _I64(state.TRANSITIONS)))
        fine = b.and_(fine, b.icmp_unsigned("==", self._field(plan.TAG), tag))
        fine = b.and_(fine, b.icmp_unsigned("==", self._field(plan.HELD), number))
        for needed in (situation, number):
            fine = b.and_(fine, b.icmp_unsigned("!=", needed, _I64(0)))
        now = b.sub(b.add(self._get(state.COUNT), self._get(state.LIMIT)), lower.budget)
        if kind not in (plan.ERET, plan.ISB):
            # Python counts exceptions that follow one another at once.
            room = b.icmp_unsigned("!=", self._word(block, state.BLOCK_ROOM), _I64(0))
            apart = b.icmp_unsigned("!=", self._get(state.AFTER_EXCEPTION), now)
            fine = b.and_(fine, b.and_(room, apart))
        b.cbranch(fine, known, slow)
        b.position_at_end(known)
        following = b.add(lower.value(lower.pc()), _I64(4))
        if kind == plan.ISB:
            self._copy()
            b.ret(following)
        elif kind == plan.ERET:
            b.ret(self._return(now, spsr))
        else:
            b.ret(self._enter(now, block, following))
        b.position_at_end(slow)

    # Access to the state.

    def _get(self, slot: int) -> ir.Value:
        return self._lower.value(self._lower.get(slot))

    def _at(self, slot: ir.Value) -> ir.Value:
        """What the slot of this number holds."""
        return self._b.load(self._b.gep(self._lower.state, [slot], source_etype=_I64), typ=_I64)

    def _put(self, slot: ir.Value, value: ir.Value) -> None:
        self._b.store(value, self._b.gep(self._lower.state, [slot], source_etype=_I64))

    def _field(self, word: int) -> ir.Value:
        return self._word(self._entry, word)

    def _word(self, base: ir.Value, index: int) -> ir.Value:
        return self._b.load(self._b.gep(base, [_I64(index)], source_etype=_I64), typ=_I64)

    # The parts of a transition.

    def _copy(self) -> None:
        """The context that is entered; whatever waited acts."""
        lower, b = self._lower, self._b
        for word, slot in enumerate(plan.COPIED, plan.FIRST_COPY):
            lower.set(slot, self._field(word))
        barriers = self._get(state.BARRIERS)
        with b.if_then(b.icmp_unsigned("!=", b.and_(barriers, _I64(state.SOMETHING_WAITS)), _I64(0))):
            lower.set(state.BARRIERS, b.and_(barriers, _I64(~state.SOMETHING_WAITS & MASK64)))
            lower.set(state.SYNCS, b.add(self._get(state.SYNCS), _I64(1)))
            lower.set(state.WRITES, 0)

    def _leave_level(self, now: ir.Value) -> None:
        """What entries and returns have in common: `Cpu.leave_level`, `Cpu.change_stack`, counting, the context."""
        lower, b = self._lower, self._b
        el, info = self._get(state.EL), self._get(state.LAST_ACCESS_INFO)
        moves = b.icmp_unsigned("!=", self._field(plan.FIRST_COPY + plan.COPIED.index(state.EL)), el)
        with b.if_then(b.and_(moves, b.icmp_unsigned("!=", info, _I64(0)))):
            lower.set(state.EARLIER_VA, self._get(state.LAST_ACCESS_VA))
            lower.set(state.EARLIER_INFO, info)
            flags = b.mul(self._get(state.PAN), _I64(state.EARLIER_PAN))
            flags = b.or_(flags, b.mul(self._get(state.UAO), _I64(state.EARLIER_UAO)))
            here = b.shl(self._get(state.HERE), _I64(state.EARLIER_SHIFT))
            lower.set(state.EARLIER_PLACE, b.or_(b.or_(here, flags), el))
            lower.set(state.LAST_ACCESS_INFO, 0)
        after = b.add(now, _I64(1))
        lower.set(state.COUNTED, after)
        lower.set(state.AFTER_TRANSITION, after)
        self._put(self._field(plan.BANK_FROM), self._get(state.SP))
        lower.set(state.SP, self._at(self._field(plan.BANK_TO)))
        self._copy()
        for slot in (state.SS, state.IL, state.BTYPE):
            lower.set(slot, 0)

    def _enter(self, now: ir.Value, block: ir.Value, following: ir.Value) -> ir.Value:
        """`Exceptions.take` for an instruction that is done by it; returns the vector's address."""
        lower, b = self._lower, self._b
        pc = lower.value(lower.pc())
        spsr: ir.Value = b.select(b.icmp_unsigned("!=", self._get(state.EL), _I64(0)), self._get(state.SPSEL), _I64(0))
        for slot, shift in _PSTATE:
            spsr = b.or_(spsr, b.shl(self._get(slot), _I64(shift)))
        syndrome = b.or_(self._field(plan.SYNDROME), b.and_(b.lshr(lower.word, _I64(5)), _I64(0xFFFF)))
        self._log(block, now, pc, b.or_(syndrome, self._field(plan.RECORD)))
        self._put(self._field(plan.ELR), following)
        self._put(self._field(plan.SPSR), spsr)
        self._put(self._field(plan.ESR), syndrome)
        self._leave_level(now)
        lower.set(state.AFTER_EXCEPTION, b.add(now, _I64(1)))
        lower.set(state.IN_A_ROW, 1)
        lower.set(state.UAO, 0)
        lower.set(state.SSBS, self._field(plan.SSBS))
        lower.set(state.DAIF, 0xF)
        base = b.and_(self._at(self._field(plan.VBAR)), _I64(~0x7FF & MASK64))
        return b.add(base, self._field(plan.OFFSET))

    def _log(self, block: ir.Value, now: ir.Value, pc: ir.Value, rest: ir.Value) -> None:
        b = self._b
        place = b.gep(block, [_I64(state.BLOCK_NEXT)], source_etype=_I64)
        record = b.load(place, typ=_PTR)
        for index, value in enumerate((now, pc, rest)):
            b.store(value, b.gep(record, [_I64(index)], source_etype=_I64))
        b.store(b.gep(record, [_I64(state.RECORD_WORDS)], source_etype=_I64), place)
        room = b.gep(block, [_I64(state.BLOCK_ROOM)], source_etype=_I64)
        b.store(b.sub(b.load(room, typ=_I64), _I64(1)), room)

    def _return(self, now: ir.Value, spsr: ir.Value) -> ir.Value:
        """`Exceptions.eret`; returns where it goes on."""
        lower, b = self._lower, self._b
        target = self._at(self._field(plan.ELR))
        note = b.inttoptr(self._field(plan.NOTE), _PTR)
        for index, value in enumerate((now, lower.value(lower.pc()))):
            b.store(value, b.gep(note, [_I64(index)], source_etype=_I64))
        self._leave_level(now)
        for slot, shift, mask in _RETURNED:
            lower.set(slot, b.and_(b.lshr(spsr, _I64(shift)), _I64(mask)))
        lower.set(state.EXCLUSIVE, 0)
        lower.set(state.EVENT, 1)
        lower.set(state.BTYPE_SET, now)
        clear_low, clear_high = self._get(state.TAG_CLEAR_LOW), self._get(state.TAG_CLEAR_HIGH)
        low = b.and_(target, b.not_(clear_low))
        high = b.or_(b.and_(target, b.not_(clear_high)), self._get(state.TAG_SET_HIGH))
        upper = b.icmp_unsigned("!=", b.and_(b.lshr(target, _I64(55)), _I64(1)), _I64(0))
        return b.select(upper, high, low)
