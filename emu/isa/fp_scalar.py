"""What all scalar floating-point instructions share: the format in their encoding, reading and writing a V register."""

from __future__ import annotations

import functools
from collections.abc import Callable

from emu.isa.lanes import check_access
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Fields, Semantics, Value

FP, FP16 = "FEAT_FP", "FEAT_FP16"

_Allowed = Callable[[Fields], bool]


def _always(_: Fields) -> bool:
    return True


def scalar(
    pattern: str,
    *,
    static: str = "",
    allocated: _Allowed = _always,
    half: _Allowed | None = _always,
    feature: str = FP,
) -> Callable[[Semantics], Semantics]:
    """Register a meaning for single and double precision, and for half precision where FEAT_FP16 brings it.

    `ftype` in the pattern stands for the format's two bits; the meaning is called with `width` instead, which is 32
    or 64 in the class of its name and 16 in the one with `_half` behind its name. Access to V registers is checked
    before the meaning is asked. `allocated` and `half` refuse field values (`sz` is 1 for double precision); `half`
    is None where there is no such instruction. `feature` is what brings the wider ones.
    """

    def register(semantics: Semantics) -> Semantics:
        name = semantics.__name__

        @functools.wraps(semantics)
        def wide(ops: Ops, sz: int, **fields: Value) -> None:
            check_access(ops)
            semantics(ops, width=32 << sz, **fields)

        A64.instruction(
            pattern.replace("ftype", "0 sz:1"), static=f"sz {static}", allocated=allocated, name=name, feature=feature
        )(wide)
        if half is None:
            return semantics

        @functools.wraps(semantics)
        def narrow(ops: Ops, **fields: Value) -> None:
            check_access(ops)
            semantics(ops, width=16, **fields)

        A64.instruction(
            pattern.replace("ftype", "11"), static=static, allocated=half, name=f"{name}_half", feature=FP16
        )(narrow)
        return semantics

    return register


def read_scalar(ops: Ops, register: Value, width: int) -> Value:
    """The low `width` bits of a V register."""
    value = ops.read_v(register, 0)
    return value if width == 64 else ops.zext(value, width)


def write_scalar(ops: Ops, register: Value, value: Value) -> None:
    """A value no wider than 64 bits; the rest of the register becomes zero."""
    ops.write_v(register, value, 0)
