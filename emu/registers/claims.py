"""What an instruction set feature adds to the ID registers of a CPU that has it."""

from __future__ import annotations

from collections.abc import Mapping

_ISAR0_NAME, _ISAR1_NAME, _ISAR2_NAME = "ID_AA64ISAR0_EL1", "ID_AA64ISAR1_EL1", "ID_AA64ISAR2_EL1"

CLAIMS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "FEAT_LSE": ((f"{_ISAR0_NAME}.Atomic", 2),),
    "FEAT_CRC32": ((f"{_ISAR0_NAME}.CRC32", 1),),
    "FEAT_FlagM": ((f"{_ISAR0_NAME}.TS", 1),),
    "FEAT_FlagM2": ((f"{_ISAR0_NAME}.TS", 2),),
    "FEAT_RNG": ((f"{_ISAR0_NAME}.RNDR", 1),),
    "FEAT_RNG_TRAP": (("ID_AA64PFR1_EL1.RNDR_trap", 1),),
    "FEAT_DPB": ((f"{_ISAR1_NAME}.DPB", 1),),
    "FEAT_DPB2": ((f"{_ISAR1_NAME}.DPB", 2),),
    "FEAT_LRCPC": ((f"{_ISAR1_NAME}.LRCPC", 1),),
    "FEAT_LRCPC2": ((f"{_ISAR1_NAME}.LRCPC", 2),),
    "FEAT_SB": ((f"{_ISAR1_NAME}.SB", 1),),
    "FEAT_SPECRES": ((f"{_ISAR1_NAME}.SPECRES", 1),),
    "FEAT_WFxT": ((f"{_ISAR2_NAME}.WFxT", 2),),
    "FEAT_HBC": ((f"{_ISAR2_NAME}.BC", 1),),
    "FEAT_MOPS": ((f"{_ISAR2_NAME}.MOPS", 1),),
    "FEAT_CSSC": ((f"{_ISAR2_NAME}.CSSC", 1),),
    "FEAT_PAuth": ((f"{_ISAR1_NAME}.APA", 1), (f"{_ISAR1_NAME}.GPA", 1)),
    "FEAT_PAuth2": ((f"{_ISAR1_NAME}.APA", 3),),
    "FEAT_FPAC": ((f"{_ISAR1_NAME}.APA", 4),),
    "FEAT_FPACCOMBINE": ((f"{_ISAR1_NAME}.APA", 5),),
    "FEAT_BTI": (("ID_AA64PFR1_EL1.BT", 1),),
    "FEAT_LSE2": (("ID_AA64MMFR2_EL1.AT", 1),),
    "FEAT_DIT": (("ID_AA64PFR0_EL1.DIT", 1),),
    "FEAT_SSBS": (("ID_AA64PFR1_EL1.SSBS", 1),),
    "FEAT_SSBS2": (("ID_AA64PFR1_EL1.SSBS", 2),),
    "FEAT_AES": ((f"{_ISAR0_NAME}.AES", 1),),
    "FEAT_PMULL": ((f"{_ISAR0_NAME}.AES", 2),),
    "FEAT_SHA1": ((f"{_ISAR0_NAME}.SHA1", 1),),
    "FEAT_SHA256": ((f"{_ISAR0_NAME}.SHA2", 1),),
    "FEAT_SHA512": ((f"{_ISAR0_NAME}.SHA2", 2),),
    "FEAT_SHA3": ((f"{_ISAR0_NAME}.SHA3", 1),),
    "FEAT_SM3": ((f"{_ISAR0_NAME}.SM3", 1),),
    "FEAT_SM4": ((f"{_ISAR0_NAME}.SM4", 1),),
    "FEAT_RDM": ((f"{_ISAR0_NAME}.RDM", 1),),
    "FEAT_DotProd": ((f"{_ISAR0_NAME}.DP", 1),),
    "FEAT_FHM": ((f"{_ISAR0_NAME}.FHM", 1),),
    "FEAT_FCMA": ((f"{_ISAR1_NAME}.FCMA", 1),),
    "FEAT_I8MM": ((f"{_ISAR1_NAME}.I8MM", 1),),
    "FEAT_FP": (("ID_AA64PFR0_EL1.FP", 0),),
    "FEAT_AdvSIMD": (("ID_AA64PFR0_EL1.AdvSIMD", 0),),
    "FEAT_FP16": (("ID_AA64PFR0_EL1.FP", 1), ("ID_AA64PFR0_EL1.AdvSIMD", 1)),
    "FEAT_JSCVT": ((f"{_ISAR1_NAME}.JSCVT", 1),),
    "FEAT_FRINTTS": ((f"{_ISAR1_NAME}.FRINTTS", 1),),
    "FEAT_BF16": ((f"{_ISAR1_NAME}.BF16", 1),),
}
"""What each instruction set feature adds to the ID registers: fields and their values, the highest value winning."""
