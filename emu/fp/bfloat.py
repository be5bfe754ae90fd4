"""BFloat16 dot products: arithmetic of its own that ignores FPCR (BFDotAdd of the manual, without FEAT_EBF16)."""

from __future__ import annotations

from emu.fp.arithmetic import add, multiply
from emu.fp.environment import DN, FZ, OFC, Environment, Rounding
from emu.fp.formats import SINGLE, Format

_UPPER = 0xFFFF_0000


def _overflowing(env: Environment, result: int) -> int:
    """Infinity where rounding to odd would have left the largest number."""
    if env.flags & OFC:
        env.flags = 0
        return SINGLE.infinity(result >> 31)
    return result


def dot_add(env: Environment, form: Format, addend: int, a: int, b: int) -> int:
    """addend + a0 * b0 + a1 * b1, of a single-precision number and pairs of BFloat16 ones in 32 bits.

    Every step rounds to odd and flushes denormal numbers; NaNs become the default one, and no exception is noted.
    """
    own = Environment(DN | FZ)
    own.rounding = Rounding.TO_ODD
    low = _overflowing(own, multiply(own, SINGLE, a << 16 & _UPPER, b << 16 & _UPPER))
    high = _overflowing(own, multiply(own, SINGLE, a & _UPPER, b & _UPPER))
    products = _overflowing(own, add(own, SINGLE, low, high))
    return _overflowing(own, add(own, SINGLE, addend, products))
