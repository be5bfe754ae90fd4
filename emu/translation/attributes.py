"""Memory type and shareability: MAIR bytes, stage-2 MemAttr, and how the two stages combine (mec-reference.md 4.7)."""

from __future__ import annotations

from functools import lru_cache

from emu.translation.records import MemoryAttributes

NON_SHAREABLE, OUTER_SHAREABLE, INNER_SHAREABLE = 0, 2, 3
NORMAL_NC, NORMAL_WT_READ_ALLOCATE, NORMAL_WB = 0x44, 0xAA, 0xFF

_NC, _WT, _WB = 1, 2, 3
"""Cacheability, ordered by how little it restricts; also the stage-2 MemAttr encoding of each half."""
_SH_STRENGTH = {NON_SHAREABLE: 0, 1: 0, INNER_SHAREABLE: 1, OUTER_SHAREABLE: 2}


def _cacheability(nibble: int) -> int:
    """Of one half of a MAIR byte for Normal memory."""
    if nibble == 0b0100:
        return _NC
    return _WB if nibble & 0b0100 else _WT


def _normal(mair: int, shareability: int) -> MemoryAttributes:
    if mair == NORMAL_NC:
        shareability = OUTER_SHAREABLE
    return MemoryAttributes(False, mair, NON_SHAREABLE if shareability == 1 else shareability)


def _device(kind: int) -> MemoryAttributes:
    """`kind`: 0 nGnRnE, 1 nGnRE, 2 nGRE, 3 GRE."""
    return MemoryAttributes(True, kind << 2, OUTER_SHAREABLE)


STAGE1_OFF_DATA = _device(0)
STAGE1_OFF_FETCH_CACHED = _normal(NORMAL_WT_READ_ALLOCATE, OUTER_SHAREABLE)
STAGE1_OFF_FETCH_UNCACHED = _normal(NORMAL_NC, OUTER_SHAREABLE)
DEFAULT_CACHEABLE = _normal(NORMAL_WB, NON_SHAREABLE)
"""Stage 1 of EL1&0 under HCR_EL2.DC."""


@lru_cache(maxsize=1024)
def stage1_attributes(mair: int, shareability: int) -> MemoryAttributes:
    """Attributes of a leaf from its byte of MAIR_ELx and its SH field.

    0x0d is Device; 0x40, 0xA0 and 0xF0 are read as NC, WT and WB (FEAT_XS and FEAT_MTE2 are not implemented).
    Reserved bytes of the form 0bxxxx0000 behave as Non-cacheable.
    """
    outer, inner = mair >> 4, mair & 0xF
    if outer == 0:
        return _device(inner >> 2)
    if inner == 0:
        return _normal({0xA: NORMAL_WT_READ_ALLOCATE, 0xF: NORMAL_WB}.get(outer, NORMAL_NC), shareability)
    return _normal(mair, shareability)


@lru_cache(maxsize=128)
def stage2_attributes(memattr: int, shareability: int, is_forced: bool) -> MemoryAttributes:
    """Attributes that a stage-2 leaf has by itself; `is_forced` is HCR_EL2.FWB."""
    if is_forced:
        return _combine_forced(_normal(NORMAL_WB, shareability), memattr, shareability)
    if memattr >> 2 == 0:
        return _device(memattr & 3)
    halves = {_NC: 0b0100, _WT: 0b1010, _WB: 0b1111, 0: 0b0100}
    return _normal(halves[memattr >> 2] << 4 | halves[memattr & 3], shareability)


@lru_cache(maxsize=1024)
def combine(stage1: MemoryAttributes, memattr: int, shareability: int, is_forced: bool) -> MemoryAttributes:
    """Both stages' attributes together. `memattr` and `shareability` are stage 2's; `is_forced` is HCR_EL2.FWB."""
    stronger = max(stage1.shareability, shareability, key=lambda field: _SH_STRENGTH[field])
    if is_forced:
        return _combine_forced(stage1, memattr, stronger)
    if memattr >> 2 == 0:
        kind = memattr & 3
        return _device(min(kind, stage1.mair >> 2) if stage1.is_device else kind)
    if stage1.is_device:
        return stage1
    mair = _restrict(stage1.mair >> 4, memattr >> 2) << 4 | _restrict(stage1.mair & 0xF, memattr & 3)
    return _normal(mair, stronger)


def _combine_forced(stage1: MemoryAttributes, memattr: int, stronger: int) -> MemoryAttributes:
    """FEAT_S2FWB: MemAttr[2]=0 Device, 101 Normal NC, 110 Normal WB, 111 (and 100) stage 1's."""
    if not memattr & 0b100:
        kind = memattr & 3
        return _device(min(kind, stage1.mair >> 2) if stage1.is_device else kind)
    selector = memattr & 0b11
    if selector == 0b10:
        mair = NORMAL_WB if stage1.is_device else _forced_back(stage1.mair >> 4) << 4 | _forced_back(stage1.mair & 0xF)
        return MemoryAttributes(False, mair, NON_SHAREABLE if stronger == 1 else stronger, is_forced=True)
    if stage1.is_device:
        return stage1
    return _normal(NORMAL_NC if selector == 0b01 else stage1.mair, stronger)


def _forced_back(nibble: int) -> int:
    """One half of a MAIR byte made Write-Back: cacheable halves keep their hints, others allocate on both."""
    return 0b1111 if nibble in (0, 0b0100) else nibble | 0b0100


def _restrict(nibble: int, cacheability: int) -> int:
    """One half of a MAIR byte, no more cacheable than stage 2 allows. Reserved MemAttr halves count as NC."""
    allowed = cacheability or _NC
    if _cacheability(nibble) <= allowed:
        return nibble
    if allowed == _NC:
        return 0b0100
    return nibble & 0b1011  # Write-Back made Write-Through, with stage 1's hints: transient or not, when to allocate
