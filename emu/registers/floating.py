"""Floating-point control and status: FPCR and FPSR. Their values live in slots of their own."""

from __future__ import annotations

from emu.registers.model import Field, Register, bit
from emu.registers.traps import FLOATING_POINT

_ROUNDING = {0: "to nearest, ties to even", 1: "towards plus infinity", 2: "towards minus infinity", 3: "towards zero"}

# Exceptions are never trapped here, so the enables [15, 12:8] are RES0, as are Len and Stride without AArch32 and the
# bits of FEAT_AFP and FEAT_EBF16.
_FPCR = (
    bit("AHP", 26, "Half precision is the alternative format, without infinities and NaNs"),
    bit("DN", 25, "Operations give the default NaN", {0: "NaN operands are passed on", 1: "always the default NaN"}),
    bit("FZ", 24, "Denormal single and double precision numbers are flushed to zero"),
    Field("RMode", 23, 22, "Rounding mode", _ROUNDING),
    bit("FZ16", 19, "Denormal half precision numbers are flushed to zero", feature="FEAT_FP16"),
)
_FPSR = (
    bit("QC", 27, "An integer operation has saturated"),
    bit("IDC", 7, "A denormal operand was flushed to zero"),
    bit("IXC", 4, "A result was inexact"),
    bit("UFC", 3, "Underflow"),
    bit("OFC", 2, "Overflow"),
    bit("DZC", 1, "Division by zero"),
    bit("IOC", 0, "Invalid operation"),
)

REGISTERS: tuple[Register, ...] = (
    Register(
        "FPCR",
        (3, 3, 4, 4, 0),
        "Floating-point control: rounding, NaNs, denormals",
        _FPCR,
        el=0,
        group="floating",
        feature="FEAT_FP",
        traps=FLOATING_POINT,
    ),
    Register(
        "FPSR",
        (3, 3, 4, 4, 1),
        "Floating-point status: exceptions since they were cleared",
        _FPSR,
        el=0,
        group="floating",
        feature="FEAT_FP",
        traps=FLOATING_POINT,
    ),
)
