"""Fields of translation table descriptors by name, for those who change one of them."""

from __future__ import annotations

from emu.errors import EmuError
from emu.registers.model import Field
from emu.translation import descriptors as d

_MASK = (1 << 64) - 1
_COMMON = (
    Field("valid", 0, 0, "the descriptor is in use"),
    Field("type", 1, 0, "valid bit and kind"),
    Field("OutputAddress", 47, 12, "output address"),
    Field("NextLevelTable", 47, 12, "address of the next table"),
    d.SH, d.AF, d.NT, d.DBM, d.CONTIGUOUS, d.AMEC,
)  # fmt: skip
_STAGE1 = (
    d.ATTR_INDEX, d.STAGE1_NS, d.AP, d.NG, d.NSE, d.GP, d.PXN, d.UXN, d.XN,
    d.AP_TABLE, d.UXN_TABLE, d.XN_TABLE, d.PXN_TABLE, d.NS_TABLE,
)  # fmt: skip
_STAGE2 = (d.MEM_ATTR, d.S2AP, d.FNXS, d.STAGE2_XN, d.STAGE2_NS)
FIELDS: dict[int, dict[str, Field]] = {
    1: {field.name: field for field in (*_COMMON, *_STAGE1)},
    2: {field.name: field for field in (*_COMMON, *_STAGE2)},
}
"""Stage -> name -> field. What a table or leaf descriptor of some regime lacks, the walk does not look at."""
_IN_PLACE = frozenset(("OutputAddress", "NextLevelTable"))


def field_named(name: str, stage: int | None = None) -> Field:
    """The field of that name, whatever its case; of either stage where none is given, stage 1 first.

    Raises EmuError with the names there are.
    """
    for each in (stage,) if stage else (1, 2):
        for known, field in FIELDS[each].items():
            if known.lower() == name.lower():
                return field
    names = ", ".join(FIELDS[stage or 1])
    raise EmuError(f"a descriptor of stage {stage or 1} has no field {name}; there are {names}")


def replaced(descriptor: int, field: Field, value: int) -> int:
    """A descriptor with another value in a field; an address is given as it is. Raises EmuError if it does not fit."""
    placed = value if field.name in _IN_PLACE else value << field.low
    if placed & ~field.mask & _MASK or placed > _MASK:
        if field.name in _IN_PLACE:
            raise EmuError(f"{field.name} has to be a multiple of {1 << field.low:#x} below {2 << field.high:#x}")
        raise EmuError(f"{field.name} has {field.width} bit{'s' if field.width > 1 else ''}: {value:#x} is too large")
    return descriptor & ~field.mask | placed
