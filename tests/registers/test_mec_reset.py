"""The reset column of mec-reference.md 1.2 and 1.3: a row each. What is UNKNOWN follows the seed, the rest does not."""

from __future__ import annotations

import pytest

from emu.features import ISA_MAX
from emu.registers.file import RegisterFile
from emu.registers.table import BY_ENCODING, BY_NAME
from emu.state import State

SEEDS = range(12)
UNKNOWN = [
    *(("MECID_P0_EL2", bit) for bit in (0, 15)), *(("MECID_A0_EL2", bit) for bit in (0, 15)),
    *(("MECID_P1_EL2", bit) for bit in (0, 15)), *(("MECID_A1_EL2", bit) for bit in (0, 15)),
    *(("VMECID_P_EL2", bit) for bit in (0, 15)), *(("VMECID_A_EL2", bit) for bit in (0, 15)),
    *(("MECID_RL_A_EL3", bit) for bit in (0, 15)),
    ("SCR_EL3", 49), ("SCR_EL3", 44), ("SCR_EL3", 43),  # MECEn, SCTLR2En, TCR2En
    ("SCTLR2_EL2", 1), ("TCR2_EL2", 12), ("TCR2_EL2", 13),  # EMEC, AMEC0, AMEC1
]  # fmt: skip
ZERO = [("SCTLR2_EL3", 1), *((name, bit) for name, _ in UNKNOWN[:14:2] for bit in (16, 63))]


def reset(seed: int, *, mec: bool = True, width: int = 16) -> RegisterFile:
    return RegisterFile(State().slots, seed=seed, has_mec=mec, mecid_width=width, isa=ISA_MAX)


def bits(name: str, bit: int, **options: int) -> set[int]:
    """The values of one bit after resets with different seeds."""
    return {reset(seed, **options)[name] >> bit & 1 for seed in SEEDS}


@pytest.mark.parametrize(("name", "bit"), UNKNOWN)
def test_bit_is_unknown_after_reset_and_said_to_be_so(name: str, bit: int) -> None:
    assert bits(name, bit) == {0, 1}
    regs = reset(0)
    assert name in regs.never_written
    regs[name] = regs[name]
    assert name not in regs.never_written


@pytest.mark.parametrize(("name", "bit"), ZERO)
def test_bit_is_zero_after_reset(name: str, bit: int) -> None:
    assert bits(name, bit) == {0}


def test_an_unknown_mecid_keeps_within_its_width() -> None:
    assert bits("MECID_P0_EL2", 8, width=8) == {0}
    assert bits("MECID_P0_EL2", 7, width=8) == {0, 1}


def test_mecidr_tells_the_width_whatever_the_seed() -> None:
    assert {reset(seed, width=5)["MECIDR_EL2"] for seed in SEEDS} == {4}


def test_the_rest_of_scr_el3_does_not_follow_the_seed() -> None:
    unknown = 1 << 49 | 1 << 44 | 1 << 43
    assert {reset(seed)["SCR_EL3"] & ~unknown for seed in SEEDS} == {0x430}


def test_without_mec_nothing_of_it_is_unknown() -> None:
    assert bits("SCR_EL3", 49, mec=False) == {0}


def test_fine_grained_write_traps_of_el3_are_not_claimed_and_not_there() -> None:
    """FGWTE3_EL3 is S3_6_C1_C1_5 (Appendix A): without FEAT_FGWTE3 the encoding is unallocated."""
    assert "FGWTE3_EL3" not in BY_NAME
    assert (3, 6, 1, 1, 5) not in BY_ENCODING
