"""Which optional parts of the architecture this machine has: the facts behind its ID registers."""

from __future__ import annotations

from dataclasses import dataclass

ISA_V8_0: frozenset[str] = frozenset(("FEAT_FP", "FEAT_AdvSIMD"))
"""The instruction set features of the `v8.0` CPU: of those that Armv8.0 leaves optional, floating point and SIMD."""

ISA_MAX: frozenset[str] = frozenset(
    (
        # Floating point.
        "FEAT_FP",
        "FEAT_FP16",
        "FEAT_FRINTTS",
        "FEAT_JSCVT",
        # Advanced SIMD.
        "FEAT_AdvSIMD",
        "FEAT_RDM",
        "FEAT_DotProd",
        "FEAT_I8MM",
        "FEAT_BF16",
        "FEAT_FCMA",
        "FEAT_FHM",
        # Cryptography.
        "FEAT_AES",
        "FEAT_PMULL",
        "FEAT_SHA1",
        "FEAT_SHA256",
        "FEAT_SHA512",
        "FEAT_SHA3",
        "FEAT_SM3",
        "FEAT_SM4",
        # Integer and system extensions.
        "FEAT_BTI",
        "FEAT_CRC32",
        "FEAT_CSSC",
        "FEAT_DIT",
        "FEAT_DPB",
        "FEAT_DPB2",
        "FEAT_FlagM",
        "FEAT_FlagM2",
        "FEAT_FPAC",
        "FEAT_FPACCOMBINE",
        "FEAT_HBC",
        "FEAT_LRCPC",
        "FEAT_LRCPC2",
        "FEAT_LSE",
        "FEAT_LSE2",
        "FEAT_MOPS",
        "FEAT_PAuth",
        "FEAT_PAuth2",
        "FEAT_PACQARMA5",
        "FEAT_RNG",
        "FEAT_RNG_TRAP",
        "FEAT_SB",
        "FEAT_SPECRES",
        "FEAT_SSBS",
        "FEAT_SSBS2",
        "FEAT_WFxT",
    )
)
"""The instruction set features of the `max` CPU: all that this machine implements beyond Armv8.0."""

CPUS = {"max": ISA_MAX, "v8.0": ISA_V8_0}
"""Instruction set features of the CPUs that a machine can be built with, by name."""


@dataclass(frozen=True, slots=True)
class Features:
    """Architecture features as translation, RME and MEC see them.

    What is not listed is always there (RME, SEL2, VHE, PAN3, HPDS2, XNX, FWB, E0PD, VMID16, 16-bit ASIDs) or never
    (D128, S1PIE, S2PIE, S1POE, S2POE, AIE, HAFT, THE, mixed endianness).
    """

    has_mec: bool = True
    """FEAT_MEC."""
    mecid_width: int = 16
    has_cache: bool = False
    """The data cache is modelled, and CLIDR_EL1 announces it."""
    """Implemented bits of a MECID, 1 to 16: MECIDR_EL2.MECIDWidthm1 + 1."""
    has_sctlr2: bool = True
    """FEAT_SCTLR2; without it EMEC cannot be set."""
    has_tcr2: bool = True
    """FEAT_TCR2; without it AMEC0 and AMEC1 cannot be set."""
    pa_bits: int = 52
    """Implemented physical address size (ID_AA64MMFR0_EL1.PARange); 52 is FEAT_LPA."""
    granules: tuple[int, ...] = (12, 14, 16)
    """log2 of the translation granules, the first one standing in for TG encodings of those that are missing."""
    has_lva: bool = True
    """FEAT_LVA: 52-bit virtual addresses with the 64 KiB granule."""
    has_lpa2: bool = True
    """FEAT_LPA2: 52-bit addresses with the 4 KiB and 16 KiB granules, where TCR_ELx.DS or VTCR_EL2.DS is set."""
    has_small_tables: bool = True
    """FEAT_TTST: TxSZ up to 48 (47 with 64 KiB granules) instead of 39, stage 2 from level 3 with 4 KiB granules."""
    hafdbs: int = 2
    """FEAT_HAFDBS (ID_AA64MMFR1_EL1.HAFDBS): 1 hardware sets the Access flag, 2 and the dirty state too."""
    bbm_level: int = 2
    """FEAT_BBM level; from 1 on a Block descriptor with nT=1 takes a Translation fault here."""

    isa: frozenset[str] = ISA_MAX
    """Instruction set features by the manual's names; an instruction of any other one is UNDEFINED."""

    @property
    def has_lpa(self) -> bool:
        """FEAT_LPA: 52-bit output addresses with the 64 KiB granule."""
        return self.pa_bits >= 52

    @property
    def mecid_mask(self) -> int:
        """Bits of a MECID register that exist."""
        return (1 << self.mecid_width) - 1
