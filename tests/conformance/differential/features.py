"""Which instruction set features an implementation's identification registers claim."""

from __future__ import annotations

from collections.abc import Mapping

from emu.features import ISA_MAX
from emu.registers.claims import CLAIMS
from emu.registers.table import BY_NAME

IDENTIFICATION = tuple(sorted({name.split(".")[0] for claims in CLAIMS.values() for name, _ in claims}))
"""The registers that tell."""
_ABSENT = 15
"""In the fields that count from -1."""
_SIGNED = ("FP", "AdvSIMD")


def claimed(registers: Mapping[str, int]) -> frozenset[str]:
    """Those of this machine's features that these values claim too."""
    found = set()
    for feature, claims in CLAIMS.items():
        values = []
        for name, least in claims:
            register, part = name.split(".")
            field = next(item for item in BY_NAME[register].fields if item.name == part)
            value = registers[register] >> field.low & 15
            values.append(value >= least and not (part in _SIGNED and value == _ABSENT))
        if all(values):
            found.add(feature)
    if "FEAT_PAuth" in found:
        found.add("FEAT_PACQARMA5")
    return frozenset(found) & ISA_MAX
