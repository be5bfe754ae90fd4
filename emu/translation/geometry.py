"""The shape of translation tables: which address bits index which level, and how tables and blocks are sized."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from emu.features import Features

LAST_LEVEL = 3
_DESCRIPTOR_SHIFT = 3
_MAX_CONCATENATED = 4
"""log2 of the tables that stage 2 may concatenate at its first level."""
_LOW48 = (1 << 48) - 1


class AddressForm(Enum):
    """Where a descriptor keeps bits [51:48] of an address."""

    SHORT = "none: addresses have 48 bits"
    LPA = "in bits [15:12], with 64 KiB granules and 52-bit physical addresses"
    DS = "[51:50] in bits [9:8] and [49:48] in their own place, with TCR_ELx.DS or VTCR_EL2.DS"


@dataclass(frozen=True, slots=True)
class Granule:
    """One translation granule (mec-reference.md 4.3), 64-bit descriptors."""

    shift: int
    """log2 of its bytes."""
    block_levels: tuple[int, ...]
    """Levels below 3 at which a block is always allowed."""
    large_block_level: int
    """The level at which 52-bit addresses allow a block too."""
    contiguous: dict[int, int]
    """Level -> log2 of the entries in a contiguous run."""
    stage2_starts: dict[int, int]
    """VTCR_EL2.{SL2,SL0} -> first level of a stage-2 walk."""

    @property
    def stride(self) -> int:
        """Address bits resolved by a full table."""
        return self.shift - _DESCRIPTOR_SHIFT


GRANULES: dict[int, Granule] = {
    12: Granule(12, (1, 2), 0, {1: 4, 2: 4, 3: 4}, {0: 2, 1: 1, 2: 0, 3: 3, 4: -1}),
    14: Granule(14, (2,), 1, {2: 5, 3: 7}, {0: 3, 1: 2, 2: 1, 3: 0}),
    16: Granule(16, (2,), 1, {2: 5, 3: 5}, {0: 3, 1: 2, 2: 1}),
}

TG0: dict[int, int] = {0b00: 12, 0b01: 16, 0b10: 14}
"""TCR_ELx.TG0 and VTCR_EL2.TG0 -> log2 of the granule. Reserved encodings are absent."""
TG1: dict[int, int] = {0b01: 14, 0b10: 12, 0b11: 16}
"""TCR_ELx.TG1 -> log2 of the granule."""
OUTPUT_BITS: tuple[int, ...] = (32, 36, 40, 42, 44, 48, 52, 56)
"""TCR_ELx.{PS,IPS} -> output address size."""
PS_52 = 0b110

_START_NEEDS_PA: dict[tuple[int, int], int] = {(12, 0): 44, (14, 1): 42, (16, 1): 44}
"""(granule, first level) -> implemented PA bits without which that stage-2 first level is reserved."""
_START_NEEDS_DS = frozenset(((12, -1), (14, 0)))


def granule_of(encoding: int, table: dict[int, int], features: Features) -> Granule:
    """The granule that a TG field selects; reserved or missing ones behave as the first one implemented."""
    shift = table.get(encoding)
    return GRANULES[shift if shift in features.granules else features.granules[0]]


def is_ds_effective(shift: int, ds: int, features: Features) -> bool:
    """Whether a DS bit counts: FEAT_LPA2 is there and the granule is not 64 KiB."""
    return bool(ds) and features.has_lpa2 and shift != 16


def form_of(shift: int, is_ds: bool, features: Features) -> AddressForm:
    """How descriptors of a granule write addresses; `is_ds` from `is_ds_effective`."""
    if shift == 16:
        return AddressForm.LPA if features.has_lpa else AddressForm.SHORT
    return AddressForm.DS if is_ds else AddressForm.SHORT


def largest_txsz(shift: int, features: Features) -> int:
    """The largest TxSZ, for the smallest input range."""
    if not features.has_small_tables:
        return 39
    return 47 if shift == 16 else 48


def smallest_stage1_txsz(shift: int, is_ds: bool, features: Features) -> int:
    """The smallest TxSZ of stage 1, for the largest input range."""
    return 12 if is_ds or (shift == 16 and features.has_lva) else 16


def smallest_stage2_txsz(shift: int, is_ds: bool, features: Features) -> int:
    """The smallest T0SZ of stage 2: its input is no wider than physical addresses are."""
    return 64 - min(features.pa_bits, 52 if is_ds or shift == 16 else 48)


def output_bits(ps: int, shift: int, features: Features) -> int:
    """Output address size for a PS or IPS field: never more than is implemented for the granule."""
    most = 52 if features.has_lpa2 or shift == 16 else 48
    return min(OUTPUT_BITS[ps], features.pa_bits, most)


@dataclass(frozen=True, slots=True)
class Geometry:
    """Everything about one walk's shape that does not depend on the address."""

    granule: Granule
    input_bits: int
    start: int
    """Level of the first table, from -1."""
    form: AddressForm
    block_levels: tuple[int, ...]
    shifts: tuple[int, int, int, int, int]
    """Level -> lowest address bit of its index. Level -1 comes last, where index -1 finds it."""
    tops: tuple[int, int, int, int, int]
    """Level -> highest address bit of its index, in the same order."""

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

    def root(self, ttbr: int, is_wide: bool) -> int:
        """The first table's address: aligned to its size; `is_wide` when TTBR_ELx[5:2] holds bits [51:48]."""
        table_bits = self.input_bits - self.shifts[self.start] + _DESCRIPTOR_SHIFT
        if is_wide:
            return (ttbr & _LOW48 | (ttbr >> 2 & 0xF) << 48) & -(1 << max(table_bits, 6))
        return ttbr & _LOW48 & -(1 << max(table_bits, 1))

    def table(self, descriptor: int) -> int:
        """The next table's address in a Table descriptor."""
        return self._high(descriptor) | descriptor & _LOW48 & -(1 << self.granule.shift)

    def output(self, descriptor: int, level: int) -> int:
        """The output address in a Block or Page descriptor."""
        return self._high(descriptor) | descriptor & _LOW48 & -self.leaf_size(level)

    def _high(self, descriptor: int) -> int:
        """Bits [51:48] of the address in a descriptor, in their place."""
        if self.form is AddressForm.LPA:
            return (descriptor >> 12 & 0xF) << 48
        if self.form is AddressForm.DS:
            return (descriptor >> 8 & 3) << 50 | (descriptor >> 48 & 3) << 48
        return 0


def _geometry(granule: Granule, bits: int, start: int, is_ds: bool, features: Features) -> Geometry:
    stride, shift = granule.stride, granule.shift
    levels = (0, 1, 2, 3, -1)
    low = [shift + stride * (LAST_LEVEL - level) for level in levels]
    high = [bits - 1 if level == start else low[level] + stride - 1 for level in levels]
    form = form_of(shift, is_ds, features)
    is_large = form is not AddressForm.SHORT
    return Geometry(
        granule,
        bits,
        start,
        form,
        (granule.large_block_level, *granule.block_levels) if is_large else granule.block_levels,
        (low[0], low[1], low[2], low[3], low[4]),
        (high[0], high[1], high[2], high[3], high[4]),
    )


@lru_cache(maxsize=256)
def stage1_geometry(shift: int, bits: int, is_ds: bool, features: Features) -> Geometry:
    """Shape of a stage-1 walk with a granule of 2**shift bytes over `bits` of input address."""
    granule = GRANULES[shift]
    return _geometry(granule, bits, LAST_LEVEL - (bits - 1 - shift) // granule.stride, is_ds, features)


@lru_cache(maxsize=256)
def stage2_geometry(shift: int, bits: int, sl: int, is_ds: bool, features: Features) -> Geometry | None:
    """Shape of a stage-2 walk; None when {SL2,SL0} is reserved or does not fit the input size (Translation fault)."""
    granule = GRANULES[shift]
    start = granule.stage2_starts.get(sl)
    if start is None or (start == LAST_LEVEL and shift == 12 and not features.has_small_tables):
        return None
    if features.pa_bits < _START_NEEDS_PA.get((shift, start), 0) or ((shift, start) in _START_NEEDS_DS and not is_ds):
        return None
    least = (LAST_LEVEL - start) * granule.stride + shift + 1
    if not least <= bits <= least + granule.stride - 1 + _MAX_CONCATENATED:
        return None
    return _geometry(granule, bits, start, is_ds, features)
