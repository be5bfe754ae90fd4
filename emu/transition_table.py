"""The layout of the table of transitions in the state buffer (`emu.transitions`), for Python and for native code."""

from __future__ import annotations

from emu import state

SVC, HVC, SMC, ERET, ISB = 1, 2, 3, 4, 5
"""Kinds, in the low bits of an entry's tag. Above them are M[3:0] of the SPSR of a return, and PSTATE.PAN."""
MODE_SHIFT, PAN_SHIFT = 3, 7
ODD_RETURN = 1 << 4 | 3 << 10 | 1 << 20
"""SPSR_ELx.{M[4],BTYPE,IL}: returns with any of these are Python's."""

# An entry: the tag, the combination of values that the steering registers hold, what goes into COPIED, and the rest.
TAG, HELD, FIRST_COPY = 0, 1, 2
COPIED = (
    *(state.CONTEXT, state.SITUATION, state.HERE, state.ACTING, state.FP_DISABLED, state.SP_ALIGNMENT),
    *(state.UNALIGNED_EXCLUSIVES, state.TAG_CLEAR_LOW, state.TAG_CLEAR_HIGH, state.TAG_SET_HIGH),
    *(state.EL, state.SPSEL, state.PAN),
)
BANK_FROM, BANK_TO, ELR, SPSR, ESR, VBAR, OFFSET, SYNDROME, RECORD, SSBS, NOTE = range(16, 27)
"""The slots of the stack pointers' banks and of the registers; the vector's offset; ESR but for the immediate; what the
log says in its upper half; PSTATE.SSBS; for a return, the host address of two words that get its moment: the
instruction and the PC."""


# A step, a write of a register that steers translation: the situation and the register's slot; the combinations that
# the registers hold and that act; CONTEXT and BARRIERS; the value; then the combination, CONTEXT and BARRIERS after it.
(STEP_TAG, STEP_PROGRAMMED, STEP_ACTING, STEP_PLACE, STEP_GIVEN, STEP_NUMBER, STEP_CONTEXT, STEP_BARRIERS) = range(8)
BARRIERS_SHIFT = 32
STEP_VALUE_SHIFTS = (0, 9, 48)


def step_index(slot: int, number: int, value: int) -> int:
    """The entry of the table of steps for a register's slot, the combination before the write, and what is written."""
    mixed = slot * 5 ^ number * 9
    for shift in STEP_VALUE_SHIFTS:
        mixed ^= value >> shift
    return mixed & state.STEP_ENTRIES - 1


def entry_index(tag: int, number: int) -> int:
    """The entry of the table that a tag and a combination belong to."""
    return (tag ^ tag >> MODE_SHIFT ^ (tag >> state.GRANT_KEY_BITS) * 5 ^ number * 9) & state.TRANSITION_ENTRIES - 1
