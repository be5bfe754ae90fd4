"""The complete instruction set: importing this registers every encoding class with `A64`."""

from __future__ import annotations

from emu.isa import (
    atomic,
    branch,
    crypto_aes,
    crypto_sha,
    crypto_sha512,
    crypto_sm,
    extensions_integer,
    extensions_memory,
    extensions_pointer,
    extensions_system,
    fp_arithmetic,
    fp_compare,
    fp_convert,
    fp_move,
    immediate,
    memory,
    register,
    simd_bfloat,
    simd_copy,
    simd_fp_arithmetic,
    simd_fp_products,
    simd_fp_two_register,
    simd_memory,
    simd_permute,
    simd_shift_immediate,
    simd_three_different,
    simd_three_same,
    simd_three_same_extra,
    simd_two_register,
    system,
)
from emu.isa.pattern import A64

__all__ = ["A64", "GROUPS"]

_MODULES = (
    immediate,
    register,
    memory,
    branch,
    system,
    simd_copy,
    simd_permute,
    simd_three_same,
    simd_three_different,
    simd_two_register,
    simd_shift_immediate,
    simd_three_same_extra,
    simd_fp_arithmetic,
    simd_fp_two_register,
    simd_fp_products,
    simd_bfloat,
    crypto_aes,
    crypto_sha,
    crypto_sha512,
    crypto_sm,
    atomic,
    extensions_integer,
    extensions_system,
    fp_arithmetic,
    fp_compare,
    fp_convert,
    fp_move,
    simd_memory,
    extensions_pointer,
    extensions_memory,
)

GROUPS = {module.__name__.rpartition(".")[2]: module for module in _MODULES}
"""The files that define instructions, by name."""
