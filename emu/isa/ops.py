"""The operations that instruction meanings are written in. An engine is something that supplies them."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from emu.isa.pattern import Value


class Mode(Enum):
    """How a load or store counts as an access."""

    NORMAL = 0
    ALIGNED = 1
    """Acquire, release and exclusive: must be aligned to its size, whatever SCTLR_ELx.A says."""
    UNPRIVILEGED = 2
    """LDTR/STTR: checked as EL0 where the architecture says so."""


class Escape(Enum):
    """What leaves straight-line code for the CPU model: it reads the instruction's word and acts on the state."""

    SVC = 1
    HVC = 2
    SMC = 3
    BRK = 4
    HLT = 5
    ERET = 6
    MRS = 7
    MSR = 8
    MSR_IMMEDIATE = 9
    SYS = 10
    SYSL = 11
    WFE = 12
    WFI = 13
    ISB = 14
    SP_ALIGNMENT = 15
    EXCLUSIVE_ALIGNMENT = 16
    UNDEFINED = 17
    FP_ACCESS = 18
    """A V register is used where CPACR_EL1, CPTR_EL2 or CPTR_EL3 do not allow it."""


class Fp(Enum):
    """Floating-point operations on values of one format, as FPCR says, with FPSR's flags accumulated.

    Their meaning is in `emu.fp`, one function each.
    """

    ADD = 1
    SUB = 2
    MUL = 3
    DIV = 4
    SQRT = 5
    MULADD = 6
    """a + b * c, rounded once."""


class Ops(Protocol):
    """64-bit values only; results wrap. Shift amounts are below 64. Comparisons give 0 or 1.

    Any argument that is a plain int is a constant. `width` and `size` arguments are always plain ints.
    """

    def add(self, a: Value, b: Value) -> Value: ...
    def sub(self, a: Value, b: Value) -> Value: ...
    def mul(self, a: Value, b: Value) -> Value: ...
    def umulh(self, a: Value, b: Value) -> Value: ...
    def smulh(self, a: Value, b: Value) -> Value: ...
    def udiv(self, a: Value, b: Value) -> Value:
        """Unsigned quotient; 0 when b is 0."""
        ...

    def sdiv(self, a: Value, b: Value) -> Value:
        """Signed quotient rounded towards zero; 0 when b is 0; the most negative number over -1 is itself."""
        ...

    def and_(self, a: Value, b: Value) -> Value: ...
    def or_(self, a: Value, b: Value) -> Value: ...
    def xor(self, a: Value, b: Value) -> Value: ...
    def shl(self, a: Value, b: Value) -> Value: ...
    def shr(self, a: Value, b: Value) -> Value: ...
    def sar(self, a: Value, b: Value) -> Value: ...
    def eq(self, a: Value, b: Value) -> Value: ...
    def ult(self, a: Value, b: Value) -> Value: ...
    def slt(self, a: Value, b: Value) -> Value: ...
    def select(self, condition: Value, a: Value, b: Value) -> Value:
        """a where condition is not 0, else b; both are computed."""
        ...

    def zext(self, a: Value, width: int) -> Value:
        """The low `width` bits."""
        ...

    def sext(self, a: Value, width: int) -> Value:
        """The low `width` bits, the top one of them repeated above."""
        ...

    def clz(self, a: Value) -> Value:
        """Leading zeros of 64 bits; 64 for 0."""
        ...

    def bit_reverse(self, a: Value) -> Value: ...
    def byte_reverse(self, a: Value) -> Value: ...

    def read_x(self, register: Value) -> Value:
        """X register; 31 reads as zero."""
        ...

    def write_x(self, register: Value, value: Value) -> None:
        """X register; a write to 31 is dropped."""
        ...

    def read_xsp(self, register: Value) -> Value:
        """X register, where 31 is the stack pointer in use."""
        ...

    def write_xsp(self, register: Value, value: Value) -> None: ...
    def get(self, slot: int) -> Value:
        """A slot of the state buffer (`emu.state`)."""
        ...

    def set(self, slot: int, value: Value) -> None: ...

    def load(self, address: Value, size: int, mode: Mode = Mode.NORMAL, align: int = 0) -> Value:
        """Little-endian load of `size` bytes (1, 2, 4, 8), zero extended. A fault abandons the instruction.

        `align` is the alignment in bytes that SCTLR_ELx.A and Device memory ask for, where it is not `size`.
        """
        ...

    def store(
        self, address: Value, size: int, value: Value, mode: Mode = Mode.NORMAL, align: int = 0
    ) -> None: ...
    def read_v(self, register: Value, half: int) -> Value:
        """The low (0) or high (1) 64 bits of a V register."""
        ...

    def write_v(self, register: Value, low: Value, high: Value) -> None:
        """All 128 bits of a V register."""
        ...

    def fp(self, operation: Fp, width: int, a: Value, b: Value = 0, c: Value = 0) -> Value:
        """A floating-point operation on formats of 16, 32 or 64 bits (`emu.fp`)."""
        ...

    def exclusive_begin(self, address: Value, size: int) -> None:
        """Arm the local monitor; after the load, which may fault."""
        ...

    def exclusive_store(self, address: Value, size: int, values: tuple[Value, ...], element: int) -> Value:
        """Store if the monitor covers it, and clear it: 0 when stored, 1 when not."""
        ...

    def pc(self) -> Value:
        """Address of this instruction."""
        ...

    def branch(self, target: Value) -> None: ...
    def branch_if(self, condition: Value, target: Value) -> None: ...
    def escape(self, kind: Escape) -> None:
        """Hand the instruction to the CPU model. Nothing may follow it."""
        ...

    def escape_if(self, condition: Value, kind: Escape) -> None:
        """Hand the instruction over and abandon it when the condition is not 0."""
        ...
