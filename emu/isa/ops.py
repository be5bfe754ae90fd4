"""The operations that instruction meanings are written in. An engine is something that supplies them."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from emu.isa.pattern import Value


class Mode(Enum):
    """How a load or store counts as an access."""

    NORMAL = 0
    ALIGNED = 1
    """Exclusive: must be aligned to its size, whatever SCTLR_ELx.A says; with FEAT_LSE2 within 16 bytes will do."""
    UNPRIVILEGED = 2
    """LDTR/STTR: checked as EL0 where the architecture says so."""
    ATOMIC = 3
    """The load and the store of an atomic read-modify-write: aligned to the whole access. Its load needs write
    permission too, checked after everything a read alone would meet (which decides ESR_ELx.WnR), so that the store
    that follows at the same address cannot fault."""
    ORDERED = 4
    """Acquire and release: aligned as ALIGNED is, unless SCTLR_ELx.nAA lifts it."""


class Escape(Enum):
    """What leaves straight-line code for the CPU model: it reads the instruction's word and acts on the state."""

    __hash__ = object.__hash__  # a member is its only equal; Enum's own is slow

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
    BARRIER = 22
    """A DSB or DMB that somebody wants to hear of."""
    SP_ALIGNMENT = 15
    EXCLUSIVE_ALIGNMENT = 16
    UNDEFINED = 17
    WFET = 19
    WFIT = 20
    MEMORY_COPY = 21
    FP_ACCESS = 18
    """A V register is used where CPACR_EL1, CPTR_EL2 or CPTR_EL3 do not allow it."""


class Query(Enum):
    """What an instruction asks of the CPU model to go on with a value: `Ops.ask`."""

    SIGN_IA = 0
    """Pointer authentication: pointer a, modifier b (AddPAC in the manual)."""
    SIGN_IB = 1
    SIGN_DA = 2
    SIGN_DB = 3
    AUTHENTICATE_IA = 4
    """The pointer without its authentication code; what a wrong code does, Auth in the manual says."""
    AUTHENTICATE_IB = 5
    AUTHENTICATE_DA = 6
    AUTHENTICATE_DB = 7
    STRIP_CODE = 8
    STRIP_DATA = 9
    SIGN_GENERIC = 10
    BRANCH_TYPE = 11
    """Nothing but an effect: `Ops.set_branch_type` to target a, with the two types in b, the guarded one from bit 8."""


class Fp(Enum):
    """Floating-point operations on values of one format, as FPCR says, with FPSR's flags accumulated.

    Their meaning is in `emu.fp`, one function each. Control words are made by `emu.fp.controls`.
    """

    ADD = 1
    SUB = 2
    MUL = 3
    DIV = 4
    SQRT = 5
    MULADD = 6
    """a + b * c, rounded once."""
    MULX = 7
    """Multiplication where infinity times zero is two."""
    ABSOLUTE_DIFFERENCE = 8
    MAX = 9
    MIN = 10
    MAXNM = 11
    MINNM = 12
    COMPARE = 13
    """NZCV as four bits; only a signaling NaN is invalid."""
    COMPARE_SIGNALING = 14
    """NZCV as four bits; any NaN is invalid."""
    EQUAL = 15
    """0 or 1, as are the next two."""
    GREATER_OR_EQUAL = 16
    GREATER = 17
    RECIPROCAL_STEP = 18
    """2 - a * b."""
    RECIPROCAL_ROOT_STEP = 19
    """(3 - a * b) / 2."""
    RECIPROCAL_ESTIMATE = 20
    RECIPROCAL_ROOT_ESTIMATE = 21
    RECIPROCAL_EXPONENT = 22
    UNSIGNED_RECIPROCAL_ESTIMATE = 23
    """Of a 32-bit fixed-point number, as is the next."""
    UNSIGNED_RECIPROCAL_ROOT_ESTIMATE = 24
    CONVERT = 25
    """a to the format that control word b names."""
    TO_BFLOAT16 = 26
    TO_FIXED = 27
    """a to the integer or fixed-point number that control word b describes."""
    FROM_FIXED = 28
    """The integer or fixed-point number a, described by control word b, to the format."""
    TO_JAVASCRIPT = 29
    """A double to a 32-bit integer modulo 2**32; bit 32 of the result is the Z flag."""
    TO_INTEGRAL = 30
    """a to an integer of the same format, as control word b says."""
    TO_INTEGRAL_EXACT = 31
    """The same with the inexact exception."""
    TO_INTEGRAL_WITHIN = 32
    """a to an integer of the same format that fits a signed integer of the control word's size."""
    MULADD_WIDENING = 33
    """a + b * c where b and c are half and a and the result are single precision."""
    BFLOAT_DOT = 34
    """a + b . c where b and c are pairs of BFloat16 numbers and a and the result single precision; ignores FPCR."""


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
    def lookup(self, table: bytes, index: Value) -> Value:
        """The byte of a constant table at an index inside it."""
        ...

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

    def store(self, address: Value, size: int, value: Value, mode: Mode = Mode.NORMAL, align: int = 0) -> None: ...
    def read_v(self, register: Value, half: int) -> Value:
        """The low (0) or high (1) 64 bits of a V register."""
        ...

    def write_v(self, register: Value, low: Value, high: Value) -> None:
        """All 128 bits of a V register."""
        ...

    def fp(self, operation: Fp, width: int, a: Value, b: Value = 0, c: Value = 0) -> Value:
        """A floating-point operation on formats of 16, 32 or 64 bits (`emu.fp`)."""
        ...

    def ask(self, query: Query, a: Value = 0, b: Value = 0) -> Value:
        """A value that the CPU model computes from two operands. An exception it takes abandons the instruction."""
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
    def set_branch_type(self, target: Value, otherwise: int, guarded: Value) -> None:
        """PSTATE.BTYPE for the instruction at `target`, where this one goes: `guarded` from a guarded page."""
        ...

    def escape(self, kind: Escape) -> None:
        """Hand the instruction to the CPU model. Nothing may follow it."""
        ...

    def escape_if(self, condition: Value, kind: Escape) -> None:
        """Hand the instruction over and abandon it when the condition is not 0."""
        ...
