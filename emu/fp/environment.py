"""FPCR as arithmetic reads it, and the exceptions that it collects for FPSR (Arm ARM, FPCR and FPSR)."""

from __future__ import annotations

from enum import IntEnum

IOC, DZC, OFC, UFC, IXC, IDC = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 7
"""Cumulative exceptions of FPSR: invalid operation, division by zero, overflow, underflow, inexact, input denormal."""
QC = 1 << 27
"""FPSR's cumulative saturation bit, of integer vector instructions."""

AHP, DN, FZ, FZ16 = 1 << 26, 1 << 25, 1 << 24, 1 << 19
"""FPCR: alternative half precision, default NaN, flush to zero, flush to zero of half precision."""
RMODE_SHIFT = 22


class Rounding(IntEnum):
    """Rounding modes; the first four are FPCR.RMode's encodings."""

    TIES_TO_EVEN = 0
    TOWARDS_POSITIVE = 1
    TOWARDS_NEGATIVE = 2
    TOWARDS_ZERO = 3
    TIES_AWAY = 4
    TO_ODD = 5
    BY_FPCR = 7
    """Whatever FPCR.RMode says."""


class Environment:
    """One operation's view of FPCR, and its exceptions in `flags`."""

    __slots__ = ("alternative_half", "default_nan", "flags", "flushes", "flushes_half", "rounding")

    def __init__(self, fpcr: int) -> None:
        self.rounding = Rounding(fpcr >> RMODE_SHIFT & 3)
        self.default_nan = bool(fpcr & DN)
        self.flushes = bool(fpcr & FZ)
        self.flushes_half = bool(fpcr & FZ16)
        self.alternative_half = bool(fpcr & AHP)
        self.flags = 0

    def mode(self, code: int) -> Rounding:
        """The rounding mode that a control word's code names."""
        return self.rounding if code == Rounding.BY_FPCR else Rounding(code)
