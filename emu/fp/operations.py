"""Each `Fp` operation as a function of bit patterns and FPCR."""

from __future__ import annotations

from emu.isa.ops import Fp


def evaluate(operation: Fp, width: int, a: int, b: int, c: int, fpcr: int) -> tuple[int, int]:
    """(result, FPSR flags to accumulate) of an operation on `width`-bit formats."""
    raise NotImplementedError(operation)
