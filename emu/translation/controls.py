"""TCR_ELx, VTCR_EL2 and VSTCR_EL2 decoded into what a walk needs (mec-reference.md 4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from emu.architecture import Access, Regime
from emu.features import Features
from emu.translation.geometry import (
    PS_52,
    TG0,
    TG1,
    Geometry,
    Granule,
    granule_of,
    is_ds_effective,
    largest_txsz,
    output_bits,
    smallest_stage1_txsz,
    smallest_stage2_txsz,
    stage1_geometry,
    stage2_geometry,
)

TCR_NAME = {Regime.EL3: "TCR_EL3", Regime.EL2: "TCR_EL2", Regime.EL20: "TCR_EL2", Regime.EL10: "TCR_EL1"}
TTBR_NAME = {
    (Regime.EL3, False): "TTBR0_EL3",
    (Regime.EL2, False): "TTBR0_EL2",
    (Regime.EL20, False): "TTBR0_EL2",
    (Regime.EL20, True): "TTBR1_EL2",
    (Regime.EL10, False): "TTBR0_EL1",
    (Regime.EL10, True): "TTBR1_EL1",
}
MAIR_NAME = {Regime.EL3: "MAIR_EL3", Regime.EL2: "MAIR_EL2", Regime.EL20: "MAIR_EL2", Regime.EL10: "MAIR_EL1"}


@dataclass(frozen=True, slots=True)
class Stage1Control:
    """One half of a stage-1 regime as its TCR_ELx describes it."""

    geometry: Geometry
    tbi: bool
    """Top byte ignored."""
    tbi_of_code: bool
    """Top byte ignored in addresses of instructions too (TBID)."""
    epd: bool
    """Walks through this half's tables are disabled."""
    e0pd: bool
    """Unprivileged accesses to this half fault."""
    hpd: bool
    """Hierarchical permissions in table descriptors are ignored."""
    output_bits: int
    limit: int
    """First address beyond the output size."""
    shareability: int | None
    """Shareability of the output where its leaves have no SH field, with DS; else None."""
    is_root_wide: bool
    """TTBR_ELx[5:2] holds bits [51:48] of the first table's address."""
    ha: bool
    """Hardware sets the Access flag."""
    hd: bool
    """Hardware sets the dirty state too."""
    problem: str
    """Why TxSZ lets no address through, or ""."""
    a1: bool
    """The ASID comes from TTBR1."""
    has_wide_asid: bool
    """16 bits of ASID are in use (AS)."""

    def ignores_tag(self, access: Access) -> bool:
        """Whether the top byte of an access's address is no part of it."""
        return self.tbi_of_code if access is Access.FETCH else self.tbi


@dataclass(frozen=True, slots=True)
class Stage2Control:
    """Stage 2 for one intermediate address space as VTCR_EL2 (and VSTCR_EL2) describe it."""

    geometry: Geometry | None
    """None when SL0 (and SL2) is reserved or disagrees with T0SZ, or T0SZ is too small."""
    input_bits: int
    problem: str
    """Why there is no geometry, or ""."""
    output_bits: int
    limit: int
    shareability: int | None
    """Shareability of the output where its leaves have no SH field, with DS; else None."""
    is_root_wide: bool
    """VTTBR_EL2[5:2] holds bits [51:48] of the first table's address."""
    ha: bool
    """Hardware sets the Access flag."""
    hd: bool
    """Hardware sets the dirty state too."""


def _is_root_wide(granule: Granule, ps: int, is_ds: bool, features: Features) -> bool:
    return is_ds or (granule.shift == 16 and features.has_lpa and ps == PS_52)


def _updates(ha: int, hd: int, features: Features) -> tuple[bool, bool]:
    """(HA, HD) as they act: without HA there is no hardware update at all."""
    has_access_flag = bool(ha) and features.hafdbs >= 1
    return has_access_flag, has_access_flag and bool(hd) and features.hafdbs >= 2


@lru_cache(maxsize=256)
def stage1_control(regime: Regime, upper: bool, tcr: int, features: Features) -> Stage1Control:
    """Decode one half's fields of TCR_ELx, in the layout that the regime gives it.

    TxSZ above its maximum is taken as the maximum (IMPLEMENTATION DEFINED); below the minimum too, unless FEAT_LVA
    makes it a fault.
    """
    has_two = regime.has_two_ranges
    base = 16 if has_two and upper else 0
    granule = granule_of(tcr >> (14 + base) & 3, TG1 if has_two and upper else TG0, features)
    is_ds = is_ds_effective(granule.shift, tcr >> (59 if has_two else 32) & 1, features)
    ps = tcr >> (32 if has_two else 16) & 7
    out = output_bits(ps, granule.shift, features)
    txsz = tcr >> base & 0x3F
    least = smallest_stage1_txsz(granule.shift, is_ds, features)
    problem = ""
    if txsz < least and features.has_lva:
        problem = f"TCR_ELx.T{int(upper)}SZ is {txsz}, below its minimum of {least}"
    bits = 64 - min(max(txsz, least), largest_txsz(granule.shift, features))
    ha, hd = _updates(tcr >> (39 if has_two else 21) & 1, tcr >> (40 if has_two else 22) & 1, features)
    tbi, tbid = (37, 51) if has_two else (20, 29)
    half = int(has_two and upper)
    return Stage1Control(
        geometry=stage1_geometry(granule.shift, bits, is_ds, features),
        tbi=bool(tcr >> (tbi + half) & 1),
        tbi_of_code=bool(tcr >> (tbi + half) & 1 and not tcr >> (tbid + half) & 1),
        epd=has_two and bool(tcr >> (base + 7) & 1),
        e0pd=has_two and bool(tcr >> (55 + half) & 1),
        hpd=bool(tcr >> (41 + half if has_two else 24) & 1),
        output_bits=out,
        limit=1 << out,
        shareability=tcr >> (12 + base) & 3 if is_ds else None,
        is_root_wide=_is_root_wide(granule, ps, is_ds, features),
        ha=ha,
        hd=hd,
        problem=problem,
        a1=has_two and bool(tcr >> 22 & 1),
        has_wide_asid=has_two and bool(tcr >> 36 & 1),
    )


@lru_cache(maxsize=64)
def stage2_control(shape: int, vtcr: int, features: Features) -> Stage2Control:
    """Decode stage 2: T0SZ, SL0, SL2 and TG0 from `shape` (VTCR_EL2, or VSTCR_EL2 for Secure IPAs), the rest from
    VTCR_EL2.

    T0SZ above its maximum is taken as the maximum, below its minimum too, unless FEAT_LPA makes it a fault.
    """
    granule = granule_of(shape >> 14 & 3, TG0, features)
    is_ds = is_ds_effective(granule.shift, vtcr >> 32 & 1, features)
    ps = vtcr >> 16 & 7
    out = output_bits(ps, granule.shift, features)
    t0sz = shape & 0x3F
    least = smallest_stage2_txsz(granule.shift, is_ds, features)
    bits = 64 - min(max(t0sz, least), largest_txsz(granule.shift, features))
    sl = shape >> 6 & 3
    if granule.shift == 12 and is_ds:
        sl |= (shape >> 33 & 1) << 2
    geometry = stage2_geometry(granule.shift, bits, sl, is_ds, features)
    problem = "" if geometry else f"stage-2 first level SL0={sl} is reserved or does not fit {bits} input bits"
    if t0sz < least and features.has_lpa:
        geometry, problem = None, f"stage-2 T0SZ is {t0sz}, below its minimum of {least}"
    ha, hd = _updates(vtcr >> 21 & 1, vtcr >> 22 & 1, features)
    return Stage2Control(
        geometry,
        bits,
        problem,
        out,
        1 << out,
        vtcr >> 12 & 3 if is_ds else None,
        _is_root_wide(granule, ps, is_ds, features),
        ha,
        hd,
    )


def vmid_of(vttbr: int, vtcr: int) -> int:
    """VTTBR_EL2.VMID: 16 bits with VTCR_EL2.VS=1, else 8."""
    return vttbr >> 48 if vtcr >> 19 & 1 else vttbr >> 48 & 0xFF
