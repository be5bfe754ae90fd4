"""Random instruction words: every bit that an encoding class leaves open is chosen, unpredictable cases are not."""

from __future__ import annotations

import os
import random

from emu.isa.a64 import A64
from emu.isa.pattern import EncodingClass, Fields

SCALE = int(os.environ.get("MECTUI_SCALE", "1"))
"""Multiplies the cases of every comparison with another implementation, for long runs by hand."""


def _names(text: str) -> list[str]:
    return text.split()


DATA_CLASSES = _names(
    """pc_relative add_subtract_immediate logical_immediate_64 logical_immediate_32 logical_immediate_16
    logical_immediate_8 logical_immediate_4 logical_immediate_2 move_wide bitfield extract logical_shifted
    add_subtract_shifted add_subtract_extended add_subtract_carry conditional_compare_register
    conditional_compare_immediate conditional_select reverse count_leading divide shift_variable multiply_add
    multiply_add_long multiply_high"""
)
BRANCH_CLASSES = _names("branch_immediate branch_conditional compare_and_branch test_and_branch branch_register")
MEMORY_CLASSES = _names(
    """load_store_unsigned load_store_imm9 load_store_register load_literal load_store_pair load_exclusive
    store_exclusive load_exclusive_pair store_exclusive_pair load_acquire_store_release"""
)

# Of the extensions: those that unicorn knows too, and those that it does not.
EXTENSION_DATA_CLASSES = _names(
    """crc32 invert_carry rotate_into_flags set_flags_narrow flags_from_external flags_to_external
    speculation_barrier"""
)
EXTENSION_MEMORY_CLASSES = _names(
    """atomic_operation swap compare_and_swap compare_and_swap_pair load_acquire_rcpc
    load_acquire_store_release_unscaled"""
)
EXTENSION_OWN_CLASSES = _names(
    """extreme_register extreme_immediate count_trailing_zeros count_ones absolute branch_conditional_hinted"""
)


def by_name(name: str) -> EncodingClass:
    return next(encoding for encoding in A64.classes if encoding.name == name)


def is_predictable(encoding: EncodingClass, fields: Fields) -> bool:
    """False where the manual leaves the result CONSTRAINED UNPREDICTABLE, so that two machines may differ."""
    name = encoding.name
    rn, rt, rt2 = fields.get("rn"), fields.get("rt"), fields.get("rt2")
    if name == "load_store_imm9" and fields["index"] & 1 and rn == rt and rn != 31:
        return False
    if name == "load_store_pair":
        if fields["L"] and rt == rt2:
            return False
        if fields["index"] & 1 and rn != 31 and rn in (rt, rt2):
            return False
    if name == "load_exclusive_pair" and rt == rt2:
        return False
    if name.startswith("store_exclusive"):
        rs = fields["rs"]
        if rs in (rt, rt2) or (rs == rn and rn != 31):
            return False
    return True


def random_word(
    encoding: EncodingClass, source: random.Random, static: tuple[int, ...] | None = None, tries: int = 10_000
) -> int | None:
    """A word of this class; bits that should be one in reserved register fields are one.

    `static` fixes the static fields. None when no word like that is allocated.
    """
    for _ in range(tries):
        word = encoding.value | source.getrandbits(32) & ~encoding.mask
        for name, value in zip(encoding.static, static or (), strict=static is not None):
            low, width = encoding.fields[name]
            word = word & ~(((1 << width) - 1) << low) | value << low
        if encoding.name.startswith(("load_exclusive", "store_exclusive")) or (
            encoding.name == "load_acquire_store_release"
        ):
            if "rs" not in encoding.fields:
                word |= 31 << 16
            if "rt2" not in encoding.fields:
                word |= 31 << 10
        if encoding.name == "multiply_high":
            word |= 31 << 10
        fields = encoding.extract(word)
        if encoding.is_allocated(fields) and is_predictable(encoding, fields):
            decoded = A64.decode(word)
            assert decoded is not None
            assert decoded.encoding is encoding
            return word
    return None


INTERESTING = (
    0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000,
    0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFE, 0xFFFF_FFFF_FFFF_FFFF,
)  # fmt: skip


def random_operand(source: random.Random) -> int:
    """Half the time a value at a boundary, else any."""
    return source.choice(INTERESTING) if source.random() < 0.5 else source.getrandbits(64)
