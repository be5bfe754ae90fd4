"""The shape of translation tables: which address bits index which level, and how tables and blocks are sized."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from emu.features import Features

LAST_LEVEL = 3
_DESCRIPTOR_SHIFT = 3
_MAX_CONCATENATED = 4
"""log2 of the tables that stage 2 may concatenate at its first level."""


@dataclass(frozen=True, slots=True)
class Granule:
    """One translation granule (mec-reference.md 4.3), 64-bit descriptors."""

    shift: int
    """log2 of its bytes."""
    block_levels: tuple[int, ...]
    """Levels below 3 at which a block is allowed."""
    contiguous: dict[int, int]
    """Level -> log2 of the entries in a contiguous run."""
    stage2_starts: dict[int, int]
    """VTCR_EL2.SL0 -> first level of a stage-2 walk."""

    @property
    def stride(self) -> int:
        """Address bits resolved by a full table."""
        return self.shift - _DESCRIPTOR_SHIFT


GRANULES: dict[int, Granule] = {
    12: Granule(12, (1, 2), {1: 4, 2: 4, 3: 4}, {0: 2, 1: 1, 2: 0, 3: 3}),
    14: Granule(14, (2,), {2: 5, 3: 7}, {0: 3, 1: 2, 2: 1}),
    16: Granule(16, (2,), {2: 5, 3: 5}, {0: 3, 1: 2, 2: 1}),
}

TG0: dict[int, int] = {0b00: 12, 0b01: 16, 0b10: 14}
"""TCR_ELx.TG0 and VTCR_EL2.TG0 -> log2 of the granule. Reserved encodings are absent."""
TG1: dict[int, int] = {0b01: 14, 0b10: 12, 0b11: 16}
"""TCR_ELx.TG1 -> log2 of the granule."""
OUTPUT_BITS: tuple[int, ...] = (32, 36, 40, 42, 44, 48, 52, 56)
"""TCR_ELx.{PS,IPS} -> output address size."""

_START_NEEDS_PA: dict[tuple[int, int], int] = {(12, 0): 44, (14, 1): 42, (16, 1): 44}
"""(granule, first level) -> implemented PA bits without which that stage-2 first level is reserved."""


def granule_of(encoding: int, table: dict[int, int], features: Features) -> Granule:
    """The granule that a TG field selects; reserved or missing ones behave as the first one implemented."""
    shift = table.get(encoding)
    return GRANULES[shift if shift in features.granules else features.granules[0]]


def input_bits(txsz: int, features: Features, minimum: int = 16) -> int:
    """Input address size for a TxSZ; values outside the limits are taken as the limit (IMPLEMENTATION DEFINED)."""
    return 64 - min(max(txsz, minimum), 48 if features.has_small_tables else 39)


def output_bits(ps: int, features: Features) -> int:
    """Output address size for a PS or IPS field: never more than is implemented."""
    return min(OUTPUT_BITS[ps], features.pa_bits)


@dataclass(frozen=True, slots=True)
class Geometry:
    """Everything about one walk's shape that does not depend on the address."""

    granule: Granule
    input_bits: int
    start: int
    """Level of the first table."""
    base_mask: int
    """Bits of TTBR_ELx[47:1] that are the first table's address: it is aligned to its size."""
    table_mask: int
    """Bits of a descriptor that are the next table's address."""
    shifts: tuple[int, int, int, int]
    """Level -> lowest address bit of its index."""
    tops: tuple[int, int, int, int]
    """Level -> highest address bit of its index."""

    def index(self, level: int, address: int) -> int:
        """Index of an input address in the table at a level."""
        low = self.shifts[level]
        return (address >> low) & ((1 << (self.tops[level] - low + 1)) - 1)

    def leaf_size(self, level: int) -> int:
        """Bytes mapped by one leaf at a level."""
        return 1 << self.shifts[level]

    def run_size(self, level: int, is_contiguous: bool) -> int:
        """Bytes mapped by a leaf, or by the contiguous run that it is part of."""
        shift = self.shifts[level]
        return 1 << (shift + self.granule.contiguous.get(level, 0) if is_contiguous else shift)


def _geometry(granule: Granule, bits: int, start: int) -> Geometry:
    stride, shift = granule.stride, granule.shift
    low = [shift + stride * (LAST_LEVEL - level) for level in range(LAST_LEVEL + 1)]
    high = [bits - 1 if level == start else low[level] + stride - 1 for level in range(LAST_LEVEL + 1)]
    table_bits = bits - low[start] + _DESCRIPTOR_SHIFT
    address = (1 << 48) - 1
    return Geometry(
        granule,
        bits,
        start,
        address & ~((1 << table_bits) - 1),
        address & ~((1 << shift) - 1),
        (low[0], low[1], low[2], low[3]),
        (high[0], high[1], high[2], high[3]),
    )


@lru_cache(maxsize=128)
def stage1_geometry(shift: int, bits: int) -> Geometry:
    """Shape of a stage-1 walk with a granule of 2**shift bytes over `bits` of input address."""
    granule = GRANULES[shift]
    return _geometry(granule, bits, LAST_LEVEL - (bits - 1 - shift) // granule.stride)


@lru_cache(maxsize=128)
def stage2_geometry(shift: int, bits: int, sl0: int, features: Features) -> Geometry | None:
    """Shape of a stage-2 walk; None when SL0 is reserved or does not fit the input size (Translation fault)."""
    granule = GRANULES[shift]
    start = granule.stage2_starts.get(sl0)
    if start is None or (start == LAST_LEVEL and shift == 12 and not features.has_small_tables):
        return None
    if features.pa_bits < _START_NEEDS_PA.get((shift, start), 0):
        return None
    least = (LAST_LEVEL - start) * granule.stride + shift + 1
    if not least <= bits <= least + granule.stride - 1 + _MAX_CONCATENATED:
        return None
    return _geometry(granule, bits, start)
