"""What a function's own code has done with what it was given: where the caller's X0 to X30 and SP are now.

For code that no compiler wrote call frame information for: assembler above all. Every path from where the code begins
is followed, calls are taken to come back, and what paths do not agree on counts as lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

FP, LINK, SP = 29, 30, 31
CALLER_SAVED = range(19)
SOFT = 64
"""Added to the number of a register that calls may have changed since, though the code itself did not."""
SLOT = 1 << 40
"""What stands for the place in memory at the entry's SP and 0; those below and above are counted from it."""
LARGEST = 1 << 13
"""Bytes of one piece of code that are looked at."""
MOST_VISITS = 64 + 3 * LARGEST // 8
"""Instructions that are looked at, again where paths come together: honest code has one and a half for each."""
Places = tuple[frozenset[int], ...]
"""For each of X0 to X30 where its value at the entry is: numbers of registers, and places around SLOT."""
_ALL = range(31)


@dataclass(frozen=True, slots=True)
class State:
    """What holds before an instruction, against how it was where the code was entered."""

    sp: int | None = 0
    """How far SP has moved, in bytes; None where the code alone does not tell."""
    fp: int | None = None
    """X29 against the entry's SP, where it points into the stack by what the code did."""
    places: Places = tuple(frozenset((number,)) for number in _ALL)
    record: int | None = None
    """Where, against the entry's SP, X29 and X30 of the entry were stored side by side."""
    called: bool = False
    """A call has come back by now on some path: X30 is not what it was."""

    def of(self, register: int) -> frozenset[int]:
        """Where the value is that a register had at the entry."""
        return self.places[register]


class Flow(NamedTuple):
    """What holds at each instruction, by its offset; and where control leaves the code by a branch or at its end."""

    states: Mapping[int, State]
    exits: Mapping[int, State]
    behind: dict[int, State]
    """What holds behind some of them, by then."""

    def after(self, at: int, word: int) -> State | None:
        """What holds behind the instruction at an offset, where control comes to it."""
        found = self.behind.get(at)
        if found is None and at in self.states:
            found = self.behind[at] = after(word, self.states[at])
        return found


def merged(one: State, other: State) -> State:
    """What holds on both of two paths."""
    if one == other:
        return one
    return State(
        one.sp if one.sp == other.sp else None,
        one.fp if one.fp == other.fp else None,
        tuple(a & b for a, b in zip(one.places, other.places, strict=True)),
        one.record if one.record == other.record else None,
        one.called or other.called,
    )


@lru_cache(maxsize=512)
def flow(code: bytes, begin: int = 0, entry: State = State()) -> Flow:
    """Follows code from an offset in it on."""
    states: dict[int, State] = {}
    exits: dict[int, State] = {}
    waiting = [(begin, entry)]
    visits = 0
    while waiting:
        at, state = waiting.pop()
        while True:
            if not 0 <= at < len(code) - 3:
                exits[at] = merged(exits[at], state) if at in exits else state
                break
            known = states.get(at)
            if known is not None:
                state = merged(known, state)
                if state == known:
                    break
            visits += 1
            if visits > MOST_VISITS:
                return Flow({}, {}, {})  # nothing is known rather than half of it
            states[at] = state
            word = int.from_bytes(code[at : at + 4], "little")
            target, goes_on = branch(word)
            state = after(word, state)
            if target is not None:
                waiting.append((at + target, state))
            if not goes_on:
                break
            at += 4
    return Flow(states, exits, {})


def branch(word: int) -> tuple[int | None, bool]:
    """(how far a branch within a function leads, whether control may go on behind it). Calls lead nowhere else."""
    if word & 0xFC00_0000 == 0x1400_0000:  # B
        return _signed(word, 26, 0), False
    if word & 0xFE00_0000 == 0x5400_0000 or word & 0x7E00_0000 == 0x3400_0000:  # B.cond, BC.cond, CBZ, CBNZ
        return _signed(word, 19, 5), True
    if word & 0x7E00_0000 == 0x3600_0000:  # TBZ, TBNZ
        return _signed(word, 14, 5), True
    # BR, RET, ERET, DRPS and their authenticating forms; UDF
    if word & 0xFE00_0000 == 0xD600_0000 and word >> 21 & 7 != 1 and not is_register_call(word):
        return None, False
    return None, word >> 16 != 0


def is_register_call(word: int) -> bool:
    """BLR, BLRAA, BLRAAZ, BLRAB, BLRABZ."""
    return word & 0xFEFF_F000 == 0xD63F_0000


def is_call(word: int) -> bool:
    """Whether X30 gets the address behind an instruction."""
    return word & 0xFC00_0000 == 0x9400_0000 or is_register_call(word)


def call_target(word: int) -> int | None:
    """How far a BL leads; None for calls through registers."""
    return _signed(word, 26, 0) if word & 0xFC00_0000 == 0x9400_0000 else None


def _signed(word: int, bits: int, shift: int) -> int:
    value = word >> shift & (1 << bits) - 1
    return (value - (1 << bits) if value >> bits - 1 else value) * 4


# What one instruction does to what was at the entry.


def after(word: int, state: State) -> State:
    """The state behind an instruction that does not branch away."""
    top = word >> 25 & 0xF
    if top & 0b1110 == 0b1010:  # branches, exceptions, system
        if is_call(word):
            return replace(_softened(_lost(state, LINK)), called=True)
        if word & 0xFFE0_0003 in (0xD400_0001, 0xD400_0002, 0xD400_0003):  # SVC, HVC, SMC
            return _softened(state)
        return _lost(state, word & 31) if word >> 22 == 0x354 and word >> 21 & 1 else state  # MRS, SYSL
    if top & 0b0101 == 0b0100:
        return _memory(word, state)
    if top & 0b1110 == 0b1000:
        return _immediate(word, state)
    if top & 0b0111 == 0b0101:
        return _register(word, state)
    if word & 0x7F20_FC00 == 0x1E20_0000 or word & 0xBFE0_EC00 == 0x0E00_2C00:  # to a general register: FMOV, UMOV, …
        return _lost(state, word & 31)
    return state


def _immediate(word: int, state: State) -> State:
    to, base = word & 31, word >> 5 & 31
    if word & 0x1F80_0000 == 0x1100_0000:  # ADD, SUB
        if word >> 29 & 1:  # sets flags: 31 is XZR
            return _lost(state, to) if to != 31 else state
        amount = (word >> 10 & 0xFFF) << (12 if word >> 22 & 1 else 0)
        if word >> 31 and base in (SP, FP) and to in (SP, FP):
            before = state.sp if base == SP else state.fp
            return _pointer(state, to, None if before is None else before + (-amount if word >> 30 & 1 else amount))
        return _pointer(state, SP, None) if to == SP else _lost(state, to)
    is_logical = word & 0x1F80_0000 == 0x1200_0000
    if to == 31:
        return _pointer(state, SP, None) if is_logical and word >> 29 & 3 != 3 else state
    return _lost(state, to)


def _register(word: int, state: State) -> State:
    to = word & 31
    if word & 0xFFE0_FFE0 == 0xAA00_03E0:  # MOV (register)
        return _copied(state, word >> 16 & 31, to)
    if to == 31:  # ADD and SUB (extended register) have SP there, unless they set flags
        return _pointer(state, SP, None) if word & 0x1FE0_0000 == 0x0B20_0000 and not word >> 29 & 1 else state
    if word & 0x3FE0_0410 == 0x3A40_0000:  # CCMN, CCMP
        return state
    if word & 0xFFFF_FBE0 == 0xDAC1_43E0:  # XPACI, XPACD
        return state
    return _lost(state, to)


def _memory(word: int, state: State) -> State:
    is_vector = bool(word >> 26 & 1)
    base = word >> 5 & 31
    if word & 0x3800_0000 == 0x2800_0000:  # pairs
        kind = word >> 23 & 3  # 0 no allocate, 1 post-indexed, 2 offset, 3 pre-indexed
        size = (4 << (word >> 30)) if is_vector else 8 if word >> 31 else 4
        step = word >> 15 & 0x7F
        offset = (step - 0x80 if step & 0x40 else step) * size
        registers: tuple[int, ...] = (word & 31, word >> 10 & 31)
        is_load, is_indexed, is_post = bool(word >> 22 & 1), kind in (1, 3), kind == 1
    elif word & 0x3B00_0000 == 0x3900_0000:  # one register, unsigned offset
        size = _size(word, is_vector)
        offset, registers = (word >> 10 & 0xFFF) * size, (word & 31,)
        is_load, is_indexed, is_post = _is_load(word, is_vector), False, False
    elif word & 0x3B20_0000 == 0x3800_0000:  # one register, nine bits
        step = word >> 12 & 0x1FF
        kind = word >> 10 & 3  # 0 unscaled, 1 post-indexed, 2 unprivileged, 3 pre-indexed
        size = _size(word, is_vector)
        offset, registers = step - 0x200 if step & 0x100 else step, (word & 31,)
        is_load, is_indexed, is_post = _is_load(word, is_vector), kind in (1, 3), kind == 1
    else:  # literals, register offsets, exclusives, atomics, copies: all that they name may be written
        written = () if is_vector else {word & 31, base, word >> 10 & 31, word >> 16 & 31}
        if word & 0x3B00_0000 == 0x1800_0000:  # literal
            written = () if is_vector else {word & 31}
        elif word & 0x3B20_0C00 == 0x3820_0800:  # register offset
            written = {word & 31} if not is_vector and _is_load(word, is_vector) else ()
        return _lost(state, *(number for number in written if number != 31))
    return _plain(state, base, offset, size, registers, is_load, is_vector, is_indexed, is_post)


def _size(word: int, is_vector: bool) -> int:
    """Bytes of a load or store of one register."""
    return 16 if is_vector and word >> 23 & 1 else 1 << (word >> 30)


def _is_load(word: int, is_vector: bool) -> bool:
    return bool(word >> 22 & 1) if is_vector else word >> 22 & 3 != 0


def _plain(
    state: State, base: int, offset: int, size: int, registers: tuple[int, ...], is_load: bool, is_vector: bool,
    is_indexed: bool, is_post: bool,
) -> State:  # fmt: skip
    """Loads and stores at a base register and an offset."""
    known = state.sp if base == SP else state.fp if base == FP else None
    where = None if known is None else known + (0 if is_post else offset)
    if is_indexed and known is not None:
        # Before the store, so that what is below SP is not taken for given up.
        state = _pointer(state, base, known + offset) if not is_load else state
    elif is_indexed:
        state = _pointer(state, SP, None) if base == SP else _lost(state, base)
    if not is_load:
        if where is not None:
            state = _stored(state, where, size, () if is_vector else registers)
    elif not is_vector:
        for at, number in enumerate(registers):
            if number == 31:
                continue
            if where is None or size != 8:
                state = _lost(state, number)
            else:
                state = _copied(state, SLOT + where + 8 * at, number)
    if is_indexed and known is not None and is_load:
        state = _pointer(state, base, known + offset)
    return state


def _lost(state: State, *registers: int) -> State:
    """Registers have got other values."""
    gone = frozenset((*registers, *(number + SOFT for number in registers)))
    if FP in gone and state.fp is not None:
        state = replace(state, fp=None)
    if all(gone.isdisjoint(places) for places in state.places):
        return state
    return replace(state, places=tuple(places - gone for places in state.places))


def _softened(state: State) -> State:
    """A call, here or of another level, may have changed the registers that it need not keep."""
    return replace(
        state,
        places=tuple(
            frozenset(each + SOFT if each in CALLER_SAVED else each for each in places) for places in state.places
        ),
    )


def _copied(state: State, source: int, to: int) -> State:
    """A register, or a place around SLOT, is copied to a register."""
    if to in (source, 31):
        return state
    found = [number for number in _ALL if source in state.of(number)]
    state = _lost(state, to)
    if not found:
        return state
    places = list(state.places)
    for number in found:
        places[number] |= {to}
    return replace(state, places=tuple(places))


def _stored(state: State, where: int, size: int, registers: tuple[int, ...]) -> State:
    """A store of registers (of none that matter, where it is one of vectors) side by side from a place on."""
    total = size * max(len(registers), 1) if registers else 2 * size
    places = [
        frozenset(each for each in places if each < SLOT // 2 or not where - 8 < each - SLOT < where + total)
        for places in state.places
    ]
    record = state.record
    if record is not None and where - 16 < record < where + total:
        record = None
    if size == 8:
        for at, source in enumerate(registers):
            for number in _ALL:
                if source in state.of(number):
                    places[number] |= {SLOT + where + 8 * at}
        if len(registers) == 2 and registers[0] in state.of(FP) and registers[1] in state.of(LINK):
            record = where
    return replace(state, places=tuple(places), record=record)


def _pointer(state: State, register: int, value: int | None) -> State:
    """SP or X29 points to another place; what lies below SP then is given up."""
    if register == FP:
        return replace(_lost(state, FP), fp=value)
    if value is None or state.sp is None or value <= state.sp:
        return replace(state, sp=value)
    places = tuple(
        frozenset(each for each in places if each < SLOT // 2 or each - SLOT >= value) for places in state.places
    )
    record = state.record if state.record is None or state.record >= value else None
    return replace(state, sp=value, places=places, record=record)
