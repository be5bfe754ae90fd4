"""Pointer authentication keys: 128 bits each, in two registers."""

from __future__ import annotations

from emu.registers.model import Field, Register, Reset
from emu.registers.traps import POINTER_KEYS

_HALF = (Field("KEY", 63, 0, "Half of the key"),)
_KEYS = (
    ("APIA", 1, 0, "instruction addresses, key A"),
    ("APIB", 1, 2, "instruction addresses, key B"),
    ("APDA", 2, 0, "data addresses, key A"),
    ("APDB", 2, 2, "data addresses, key B"),
    ("APGA", 3, 0, "generic authentication"),
)

REGISTERS: tuple[Register, ...] = tuple(
    Register(
        f"{name}Key{half}_EL1",
        (3, 0, 2, crm, op2 + number),
        f"Pointer authentication key of {meaning}: bits {bits}",
        _HALF,
        reset=Reset.UNKNOWN,
        group="pointers",
        feature="FEAT_PAuth",
        traps=POINTER_KEYS,
    )
    for name, crm, op2, meaning in _KEYS
    for number, (half, bits) in enumerate((("Lo", "[63:0]"), ("Hi", "[127:64]")))
)
