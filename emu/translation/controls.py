"""TCR_ELx, VTCR_EL2 and VSTCR_EL2 decoded into what a walk needs (mec-reference.md 4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from emu.architecture import Access, Regime
from emu.features import Features
from emu.translation.geometry import (
    TG0,
    TG1,
    Geometry,
    granule_of,
    input_bits,
    output_bits,
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

BADDR = (1 << 48) - 2
"""TTBR_ELx.BADDR."""


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
    """None when SL0 is reserved or disagrees with T0SZ."""
    input_bits: int
    sl0: int
    output_bits: int
    limit: int


@lru_cache(maxsize=256)
def stage1_control(regime: Regime, upper: bool, tcr: int, features: Features) -> Stage1Control:
    """Decode one half's fields of TCR_ELx, in the layout that the regime gives it."""
    if regime.has_two_ranges:
        base = 16 if upper else 0
        granule = granule_of(tcr >> (30 if upper else 14) & 3, TG1 if upper else TG0, features)
        out = output_bits(tcr >> 32 & 7, features)
        return Stage1Control(
            geometry=stage1_geometry(granule.shift, input_bits(tcr >> base & 0x3F, features)),
            tbi=bool(tcr >> (38 if upper else 37) & 1),
            tbi_of_code=bool(tcr >> (38 if upper else 37) & 1 and not tcr >> (52 if upper else 51) & 1),
            epd=bool(tcr >> (base + 7) & 1),
            e0pd=bool(tcr >> (56 if upper else 55) & 1),
            hpd=bool(tcr >> (42 if upper else 41) & 1),
            output_bits=out,
            limit=1 << out,
            a1=bool(tcr >> 22 & 1),
            has_wide_asid=bool(tcr >> 36 & 1),
        )
    granule = granule_of(tcr >> 14 & 3, TG0, features)
    out = output_bits(tcr >> 16 & 7, features)
    return Stage1Control(
        geometry=stage1_geometry(granule.shift, input_bits(tcr & 0x3F, features)),
        tbi=bool(tcr >> 20 & 1),
        tbi_of_code=bool(tcr >> 20 & 1 and not tcr >> 29 & 1),
        epd=False,
        e0pd=False,
        hpd=bool(tcr >> 24 & 1),
        output_bits=out,
        limit=1 << out,
        a1=False,
        has_wide_asid=False,
    )


@lru_cache(maxsize=64)
def stage2_control(shape: int, vtcr: int, features: Features) -> Stage2Control:
    """Decode stage 2: T0SZ, SL0 and TG0 from `shape` (VTCR_EL2, or VSTCR_EL2 for Secure IPAs), the rest from VTCR_EL2.

    T0SZ below 64 minus the implemented PA size is taken as that minimum.
    """
    granule = granule_of(shape >> 14 & 3, TG0, features)
    bits = input_bits(shape & 0x3F, features, minimum=max(16, 64 - features.pa_bits))
    sl0 = shape >> 6 & 3
    out = output_bits(vtcr >> 16 & 7, features)
    return Stage2Control(stage2_geometry(granule.shift, bits, sl0, features), bits, sl0, out, 1 << out)


def vmid_of(vttbr: int, vtcr: int) -> int:
    """VTTBR_EL2.VMID: 16 bits with VTCR_EL2.VS=1, else 8."""
    return vttbr >> 48 if vtcr >> 19 & 1 else vttbr >> 48 & 0xFF
