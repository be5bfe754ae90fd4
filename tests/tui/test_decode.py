"""Instructions as text. Words from the Arm manual's encodings, MEC names from mec-reference.md 1.2 and 1.8."""

from __future__ import annotations

import pytest

from emu.architecture import Access
from mectui.queries.decode import branch_target, data_access, decode


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (0xD53CA800, "mrs x0, MECID_P0_EL2"),
        (0xD51CA860, "msr MECID_A1_EL2, x0"),
        (0xD53CA8E0, "mrs x0, MECIDR_EL2"),
        (0xD51CA900, "msr VMECID_P_EL2, x0"),
        (0xD51EAA20, "msr MECID_RL_A_EL3, x0"),
        (0xD50C7E00, "dc CIPAE, x0"),
        (0xD50E7E20, "dc CIPAPA, x0"),
        (0xD5033FDF, "isb "),
        (0xD503201F, "nop "),
        (0xD69F03E0, "eret "),
        (0x00000000, "udf #0"),
        (0xFFFFFFFF, ".word 0xffffffff"),
    ],
)
def test_words_read_as_the_manual_writes_them(word: int, text: str) -> None:
    found = decode(word, 0x4000_0000)
    assert f"{found.mnemonic} {found.operands}" == text


@pytest.mark.parametrize(
    ("word", "target"),
    [
        (0x14000002, 0x4000_0008),  # b .+8
        (0x97FFFFFF, 0x3FFF_FFFC),  # bl .-4
        (0x54000040, 0x4000_0008),  # b.eq .+8
        (0xB4000041, 0x4000_0008),  # cbz x1, .+8
        (0x37080040, 0x4000_0008),  # tbnz w0, #1, .+8
        (0x10000040, 0x4000_0008),  # adr x0, .+8
        (0xB0000000, 0x4000_1000),  # adrp x0, next page
        (0x58000040, 0x4000_0008),  # ldr x0, .+8
        (0xD61F0000, None),  # br x0
        (0x8B000000, None),  # add x0, x0, x0
    ],
)
def test_direct_branches_know_where_they_go(word: int, target: int | None) -> None:
    assert branch_target(word, 0x4000_0000) == target


@pytest.mark.parametrize(
    ("word", "base", "index", "displacement", "access"),
    [
        (0xF9400420, "x1", "", 8, Access.READ),  # ldr x0, [x1, #8]
        (0xF8627820, "x1", "x2", 0, Access.READ),  # ldr x0, [x1, x2, lsl #3]
        (0xF8408420, "x1", "", 0, Access.READ),  # ldr x0, [x1], #8
        (0xF8408C20, "x1", "", 8, Access.READ),  # ldr x0, [x1, #8]!
        (0xA9BF7BFD, "sp", "", -16, Access.WRITE),  # stp x29, x30, [sp, #-16]!
    ],
)
def test_loads_and_stores_know_how_they_make_their_address(
    word: int, base: str, index: str, displacement: int, access: Access
) -> None:
    found = data_access(word)
    assert found is not None
    assert (found.base, found.index, found.displacement, found.access) == (base, index, displacement, access)


def test_other_instructions_access_nothing() -> None:
    assert data_access(0x8B000000) is None
    assert data_access(0xD503201F) is None


def test_calls_and_returns_are_known() -> None:
    assert decode(0x94000010, 0).is_call
    assert decode(0xD4000002, 0).is_call  # hvc #0
    assert decode(0xD65F03C0, 0).is_return  # ret
    assert not decode(0x14000002, 0).is_call
