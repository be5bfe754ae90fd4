"""Changing a machine by name: registers, fields, bits and memory, and what cannot be changed."""

from __future__ import annotations

import pytest

from emu.debug.expressions import Change, ExpressionError, compile_target, vocabulary
from tests.conformance import words as w
from tests.conformance.board import Board
from tests.expressions.conftest import NOBODYS_PA, OTHER_PA, OWN, OWN_PA, STORED, Value


def assign(board: Board, place: str, value: int) -> Change:
    return compile_target(place, vocabulary(board.machine)).assign(board.machine, value)


@pytest.mark.parametrize(
    ("place", "wanted", "name", "old", "reads"),
    [
        ("x5", 7, "x5", 0, "x5"),
        ("LR", 7, "lr", 0, "x30"),
        ("$sp", 0x4009_0000, "sp", 0, "sp"),
        ("x5[63:60]", 0xA, "x5[63:60]", 0, "x5 >> 60"),
        ("x5[3]", 1, "x5[3]", 0, "x5 >> 3"),
        ("v3", 1 << 127 | 5, "v3", 0, "v3"),
        ("v3[127:64]", 9, "v3[127:64]", 0, "v3 >> 64"),
        ("nzcv", 0b1010, "nzcv", 0, "nzcv"),
        ("c", 1, "c", 0, "NZCV.C"),
        ("nzcv.V", 1, "NZCV.V", 0, "v"),
        ("tcr_el2.t0sz", 0x20, "TCR_EL2.T0SZ", 25, "TCR_EL2[5:0]"),
        ("MAIR_EL2[15:8]", 0x44, "MAIR_EL2[15:8]", 0, "MAIR_EL2 >> 8 & 0xff"),
        ("TTBR0_EL1", 0x4010_0000, "TTBR0_EL1", 0, "TTBR0_EL1"),
    ],
)
def test_registers_fields_and_bits_can_be_set(
    board: Board, value: Value, place: str, wanted: int, name: str, old: int, reads: str
) -> None:
    for number in (0, 5, 30):
        board.x[number] = 0
    board.cpu.v[3] = board.cpu.nzcv = board.cpu.sp = 0
    assert assign(board, place, wanted) == Change(name, old, wanted, wanted)
    assert value(reads) == wanted


def test_the_rest_of_a_register_stays(board: Board, value: Value) -> None:
    before = value("TCR_EL2")
    assign(board, "TCR_EL2.T0SZ", 0x3F)
    assert value("TCR_EL2") == before | 0x3F


def test_a_w_register_takes_the_upper_half_with_it_and_its_bits_do_not(board: Board) -> None:
    board.x[5] = 0x1122_3344_5566_7788
    assign(board, "w5[7:0]", 0xFF)
    assert board.x[5] == 0x1122_3344_5566_77FF
    assert assign(board, "w5", 3) == Change("w5", 0x5566_77FF, 3, 3)
    assert board.x[5] == 3


def test_setting_a_register_acts_as_a_debuggers_write(board: Board, value: Value) -> None:
    assign(board, "MECID_P0_EL2", 6)
    assert value(f"mecid({OWN})") == 6
    change = assign(board, "MECID_P0_EL2", 0x1_0005)
    assert (change.new, change.asked) == (5, 0x1_0005)
    assert board.load(OWN) == STORED


@pytest.mark.parametrize("place", [f"[{OWN}]", f"[pa:{OWN_PA}]", f"[realm:{OWN_PA}]", f"[mecid 5, realm:{OWN_PA}]"])
def test_memory_changes_its_owners_plaintext_and_not_its_owner(board: Board, place: str) -> None:
    owner = board.machine.mec.owner_of(OWN_PA)
    assert assign(board, f"{place}.h", 0xBEEF) == Change(f"{place}.h", STORED & 0xFFFF, 0xBEEF, 0xBEEF)
    assert assign(board, f"{place}[63:56]", 0xA5).old == STORED >> 56
    assert board.load(OWN) == 0xA522_3344_5566_BEEF
    assert board.machine.mec.owner_of(OWN_PA) == owner


def test_memory_nobody_owns_stays_nobodys(board: Board, value: Value) -> None:
    assert assign(board, f"[mecid 5, {NOBODYS_PA}].w", 5).new == 5
    assert value(f"[ns:{NOBODYS_PA}].w == 5 && owner({NOBODYS_PA}) == none") == 1


def test_memory_across_pages_is_written_where_each_part_goes(board: Board) -> None:
    board.store(OWN + 0xFF8, 0)
    board.store(OWN + 0x1000, 0)
    assign(board, f"[{OWN + 0xFFC}]", STORED)
    assert board.load(OWN + 0xFF8) == (STORED & 0xFFFF_FFFF) << 32
    assert board.load(OWN + 0x1000) == STORED >> 32


def test_code_that_is_changed_is_executed_as_changed(board: Board) -> None:
    board.does(w.mov(0, 1))
    place = board.cpu.pc - 4
    assign(board, f"[pa:{place}].w", 0xD280_0040)  # MOVZ X0, #2
    board.cpu.pc = place
    board.machine.run(1)
    assert board.x[0] == 2


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("SCTLR_EL2.M", 2, "SCTLR_EL2.M has 1 bit: 0x2 does not fit."),
        ("w5", 1 << 32, "w5 has 32 bits: 0x100000000 does not fit."),
        ("[sp].b", 256, "[sp].b has 8 bits: 0x100 does not fit."),
        ("el", 1, "el follows from the run and cannot be set."),
        ("CurrentEL", 4, "CurrentEL is read-only."),
        ("MIDR_EL1", 4, "MIDR_EL1 is read-only."),
        ("main", 4, "There is no register “main”."),
        ("SCTLR_EL22", 4, "There is no register “SCTLR_EL22”; did you mean SCTLR_EL2?"),
        ("x0 + 1", 4, "“x0 + 1” cannot be set: name a register, a field, or memory in brackets."),
        ("[raw:0x4020_0000]", 4, "What memory holds encrypted cannot be set; write [pa:A] for the plaintext."),
        ("CPTR_EL2.FPEN", 3, "CPTR_EL2.FPEN is not there while HCR_EL2.E2H is 0."),
        (
            f"[mecid 7, {OTHER_PA}]",
            4,
            "The block at 0x40201000 belongs to MECID 9, and this context sees noise there; "
            "to change its plaintext, write [pa:0x40201000].",
        ),
        ("[pa:0x7000_0000]", 4, "There is no memory at 0x70000000; there is RAM"),
        ("[0x2_0000_0000]", 4, "0x200000000 cannot be read: "),
        ("[mecid 0x1_0000, 0]", 4, "A MECID has 16 bits: 0x10000 is too large."),
    ],
)
def test_what_cannot_be_set_is_told_and_changes_nothing(board: Board, place: str, value: int, sentence: str) -> None:
    board.cpu.sp = OWN
    registers, memory = board.cpu.architectural_state(), board.machine.read(OWN_PA, 0x2000)
    with pytest.raises(ExpressionError) as caught:
        assign(board, place, value)
    assert str(caught.value).startswith(sentence)
    assert board.cpu.architectural_state() == registers
    assert board.machine.read(OWN_PA, 0x2000) == memory
