"""Which instructions a region calls the handler of: those that take much code and touch nothing but V registers."""

from __future__ import annotations

from typing import Any

from emu import state
from emu.isa.ops import Escape
from emu.isa.pattern import Decoded

_MODULES = ("emu.isa.simd_", "emu.isa.crypto_", "emu.isa.fp_")
QUICK, BEST = 6, 100
"""More operations than that are called rather than put into the region, where compiling has to be quick, and else."""
_FP_WEIGHT = 20
"""Operations that an operation on floating-point numbers counts as."""
_HARMLESS = frozenset((
    "add", "sub", "mul", "umulh", "smulh", "udiv", "sdiv", "and_", "or_", "xor", "shl", "shr", "sar", "eq", "ult",
    "slt", "select", "zext", "sext", "clz", "bit_reverse", "byte_reverse", "lookup", "read_x", "read_v", "write_v",
))  # fmt: skip

_weights: dict[tuple[str, tuple[int, ...]], int | None] = {}


class _More(Exception):
    """The instruction does more than to read registers and to write V registers."""


class _Survey:
    """Operations that only count themselves; every result stands for any number."""

    def __init__(self) -> None:
        self.weight = 0

    def __getattr__(self, name: str) -> Any:
        if name not in _HARMLESS:
            raise _More(name)

        def count(*_: Any) -> Any:
            self.weight += 1
            return self

        return count

    def get(self, slot: int) -> Any:
        if slot != state.FP_DISABLED:
            raise _More(slot)
        return self

    def escape_if(self, _: Any, kind: Escape) -> None:
        if kind is not Escape.FP_ACCESS:
            raise _More(kind)

    def fp(self, *_: Any) -> Any:
        self.weight += _FP_WEIGHT
        return self


def _weigh(decoded: Decoded) -> int | None:
    encoding = decoded.encoding
    survey = _Survey()
    fields = {name: decoded.operands[name] if name in encoding.static else survey for name in encoding.fields}
    try:
        encoding.semantics(survey, **fields)
    except (_More, TypeError):  # TypeError: a number that has to be a constant
        return None
    return survey.weight


def is_called(decoded: Decoded, limit: int) -> bool:
    """Whether a region calls the handler: it checks before that the V registers may be used at all."""
    if not decoded.encoding.semantics.__module__.startswith(_MODULES):
        return False
    key = decoded.key
    if key not in _weights:
        _weights[key] = _weigh(decoded)
    weight = _weights[key]
    return weight is not None and weight > limit


class _Readers(_Survey):
    """Operations that note which general-purpose registers are read."""

    def __init__(self) -> None:
        super().__init__()
        self.registers: set[int] = set()

    def read_x(self, register: int) -> Any:
        self.registers.add(register)
        return self


def registers_read(decoded: Decoded) -> frozenset[int]:
    """The general-purpose registers that the handler of an instruction reads, which is one that `is_called`."""
    readers = _Readers()
    decoded.encoding.semantics(readers, **decoded.operands)
    return frozenset(readers.registers) - {state.XZR}


def symbol(decoded: Decoded) -> str:
    """The name that a region knows a handler by."""
    name, fields = decoded.key
    return "_".join(("handler", name, *map(str, fields)))
