"""MAIR bytes (mec-reference.md 4.4)."""

from __future__ import annotations

import pytest

from emu.translation.attributes import stage1_attributes, stage2_attributes


@pytest.mark.parametrize(
    ("byte", "text"),
    [
        (0x00, "Device-nGnRnE"),
        (0x04, "Device-nGnRE"),
        (0x08, "Device-nGRE"),
        (0x0C, "Device-GRE"),
        (0x44, "Normal NC"),
        (0xBB, "Normal WT"),
        (0xFF, "Normal WB"),
        (0x40, "Normal NC"),  # XS=0 variant, no FEAT_XS
        (0xF0, "Normal WB"),  # tagged, no FEAT_MTE2
        (0xA0, "Normal 0xaa"),  # write-through, XS=0
        (0x4F, "Normal 0x4f"),
    ],
)
def test_bytes_of_mair(byte: int, text: str) -> None:
    assert stage1_attributes(byte, 3).text == text


@pytest.mark.parametrize("shareability", range(4))
def test_device_and_non_cacheable_are_outer_shareable(shareability: int) -> None:
    for byte in (0x00, 0x04, 0x44):
        assert stage1_attributes(byte, shareability).shareability == 2
    assert stage1_attributes(0xFF, shareability).shareability == {0: 0, 1: 0, 2: 2, 3: 3}[shareability]


@pytest.mark.parametrize(
    ("memattr", "is_forced", "is_device", "mair"),
    [
        (0b0000, False, True, 0x00),
        (0b0011, False, True, 0x0C),
        (0b0101, False, False, 0x44),
        (0b1010, False, False, 0xAA),
        (0b1111, False, False, 0xFF),
        (0b0001, True, True, 0x04),
        (0b0101, True, False, 0x44),
        (0b0110, True, False, 0xFF),
    ],
)
def test_stage_2_alone(memattr: int, is_forced: bool, is_device: bool, mair: int) -> None:
    found = stage2_attributes(memattr, 3, is_forced)
    assert (found.is_device, found.mair) == (is_device, mair)
