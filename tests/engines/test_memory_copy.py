"""FEAT_MOPS by the manual's pseudocode (Option A); no peer here knows it."""

from __future__ import annotations

import random

import pytest

from tests.conformance import words as w
from tests.conformance.board import CODE, DATA, E2H, HCR_RW, HXEN, OPEN, SCTLR, SCTLR_A, SCTLR_M, TGE, Board, esr
from tests.conformance.guest import VA, Guest
from tests.conformance.tables import NORMAL, READ_ONLY, USER, UXN

MSCEN, HCRX_MSCEN, MCE2 = 1 << 33, 1 << 11, 1 << 10
M64 = (1 << 64) - 1
PROLOGUE, MAIN, EPILOGUE = 0, 1, 2
SIZES = [0, 1, 7, 63, 64, 65, 200, 4096, 5000]


@pytest.fixture(params=["reference", "interpreter"])
def board(request: pytest.FixtureRequest) -> Board:
    return Board(request.param)


def cpy(stage: int, *, forward: bool, options: int = 0, rs: int = 2, rn: int = 3, rd: int = 1) -> int:
    return 0x1900_0400 | (not forward) << 26 | stage << 22 | rs << 16 | options << 12 | rn << 5 | rd


def set_(stage: int, *, options: int = 0, rs: int = 2, rn: int = 3, rd: int = 1) -> int:
    return 0x19C0_0400 | rs << 16 | stage << 14 | options << 12 | rn << 5 | rd


def _run(board: Board, *code: w.Code) -> None:
    """To the end of the words, however often one of them starts again."""
    board.does(*code)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("options", [0, 3, 12, 15])
def test_copying_forwards_leaves_the_ends_in_the_address_registers(board: Board, size: int, options: int) -> None:
    board.enter(3)
    data = random.Random(size).randbytes(size)
    board.machine.write(DATA + 5, data or b"x")
    board.x[1], board.x[2], board.x[3] = DATA + 0x4003, DATA + 5, size
    board.cpu.nzcv = 0xF
    _run(board, [cpy(stage, forward=True, options=options) for stage in (PROLOGUE, MAIN, EPILOGUE)])
    assert [board.x[number] for number in (1, 2, 3)] == [DATA + 0x4003 + size, DATA + 5 + size, 0]
    assert board.cpu.nzcv == 0
    if size:
        assert board.machine.read(DATA + 0x4003, size) == data
    assert board.machine.read(DATA + 0x4003 + size, 4) == bytes(4)
    assert board.machine.read(DATA + 0x4000, 3) == bytes(3)


@pytest.mark.parametrize("size", SIZES[1:])
@pytest.mark.parametrize("distance", [-4096, -100, -1, 0, 1, 8, 63, 100, 4096])
def test_copies_that_overlap_are_copied_whole(board: Board, size: int, distance: int) -> None:
    board.enter(3)
    data = random.Random(size).randbytes(size)
    source, target = DATA + 0x8007, DATA + 0x8007 + distance
    board.machine.write(source, data)
    board.x[1], board.x[2], board.x[3] = target, source, size
    _run(board, [cpy(stage, forward=False) for stage in (PROLOGUE, MAIN, EPILOGUE)])
    assert board.machine.read(target, size) == data
    is_backward = 0 < distance < size
    moved = 0 if is_backward else size
    assert [board.x[number] for number in (1, 2, 3)] == [target + moved, source + moved, 0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("options", [0, 1, 2, 3])
def test_setting_memory(board: Board, size: int, options: int) -> None:
    board.enter(3)
    board.x[1], board.x[2], board.x[3] = DATA + 9, 0x1_23AB, size
    board.cpu.nzcv = 0xF
    _run(board, [set_(stage, options=options) for stage in (PROLOGUE, MAIN, EPILOGUE)])
    assert board.machine.read(DATA + 8, size + 2) == b"\0" + b"\xab" * size + b"\0"
    assert [board.x[number] for number in (1, 2, 3)] == [DATA + 9 + size, 0x1_23AB, 0]
    assert board.cpu.nzcv == 0


def test_setting_to_the_zero_register_clears(board: Board) -> None:
    board.enter(3)
    board.machine.write(DATA, b"\xff" * 40)
    board.x[1], board.x[3] = DATA + 1, 30
    _run(board, [set_(stage, rs=31) for stage in (PROLOGUE, MAIN, EPILOGUE)])
    assert board.machine.read(DATA, 40) == b"\xff" + bytes(30) + b"\xff" * 9


def test_the_prologue_uses_option_a(board: Board) -> None:
    board.enter(3)
    board.x[1], board.x[2], board.x[3] = 0x1000, 0x5000, 0x40
    board.does(cpy(PROLOGUE, forward=True))
    assert [board.x[number] for number in (1, 2, 3)] == [0x1040, 0x5040, -0x40 & M64]
    board.x[1], board.x[2], board.x[3] = 0x1010, 0x1000, 0x40
    board.does(cpy(PROLOGUE, forward=False))
    assert [board.x[number] for number in (1, 2, 3)] == [0x1010, 0x1000, 0x40]
    board.x[1], board.x[3] = 0, M64
    board.does(set_(PROLOGUE))
    assert [board.x[number] for number in (1, 3)] == [M64 >> 1, -(M64 >> 1) & M64]
    board.x[1], board.x[2], board.x[3] = 0x1000, 0x5000, M64
    board.does(cpy(PROLOGUE, forward=False))
    assert board.x[3] == -((1 << 55) - 1) & M64


@pytest.mark.parametrize("is_set", [False, True])
@pytest.mark.parametrize("stage", [MAIN, EPILOGUE])
@pytest.mark.parametrize(("el", "hcrx", "to"), [(0, 0, 1), (1, 0, 1), (1, MCE2, 2), (0, MCE2, 2), (2, 0, 2), (3, 0, 3)])
def test_registers_of_option_b_take_an_exception(
    board: Board, is_set: bool, stage: int, el: int, hcrx: int, to: int
) -> None:
    board.enter(el, HCR_EL2=HCR_RW, HCRX_EL2=HCRX_MSCEN | hcrx, SCTLR_EL1=SCTLR | MSCEN)
    board.cpu.nzcv = 0b0010
    word = set_(stage, options=2, rs=7, rn=8, rd=9) if is_set else cpy(stage, forward=True, options=9, rs=7, rn=8, rd=9)
    taken = board.takes(word)
    iss = is_set << 24 | (2 if is_set else 9) << 19 | (stage == EPILOGUE) << 18 | 3 << 16 | 9 << 10 | 7 << 5 | 8
    assert (taken.el, taken.esr, taken.elr) == (to, esr(0x27, iss), CODE)


@pytest.mark.parametrize("word", [cpy(PROLOGUE, forward=True), cpy(EPILOGUE, forward=False), set_(MAIN)])
def test_enables(board: Board, word: int) -> None:
    x = {1: DATA, 2: DATA + 64, 3: 0}

    def enter(el: int, **registers: int) -> None:
        board.enter(el, **({"HCR_EL2": HCR_RW} | registers))
        for number, value in x.items():
            board.x[number] = value

    enter(1)
    assert board.takes(word).esr == esr(0)
    enter(1, HCRX_EL2=HCRX_MSCEN)
    board.does(word)
    enter(1, scr=OPEN & ~HXEN, HCRX_EL2=HCRX_MSCEN)
    assert board.takes(word).esr == esr(0)
    enter(0, HCRX_EL2=HCRX_MSCEN)
    assert board.takes(word).esr == esr(0)
    enter(0, HCRX_EL2=HCRX_MSCEN, SCTLR_EL1=SCTLR | MSCEN)
    board.does(word)
    enter(0, HCR_EL2=HCR_RW | E2H | TGE, SCTLR_EL2=SCTLR)
    taken = board.takes(word)
    assert (taken.el, taken.esr) == (2, esr(0))
    enter(0, HCR_EL2=HCR_RW | E2H | TGE, SCTLR_EL2=SCTLR | MSCEN)
    board.does(word)
    enter(2)
    board.does(word)


@pytest.mark.parametrize("is_backward", [False, True])
def test_an_abort_finds_the_registers_at_what_was_done(board: Board, is_backward: bool) -> None:
    guest = Guest(board)
    guest.stage1.map(VA + 0x8000, 0x2_0000_0000, NORMAL | UXN)
    if is_backward:
        source, target, size, hole = VA + 0x7FF0, VA + 0x7FF8, 0x100, VA + 0x7FFF
    else:
        source, target, size, hole = VA + 0x8800, VA + 0x8F80, 0x100, VA + 0x9000
    guest.enter(1, HCRX_EL2=HCRX_MSCEN)
    board.x[1], board.x[2], board.x[3] = target, source, size
    taken = board.takes([cpy(stage, forward=False) for stage in (PROLOGUE, MAIN, EPILOGUE)])
    assert (taken.el, taken.ec, taken.far, taken.elr) == (1, 0x25, hole, CODE + 4)
    if is_backward:  # the source's last bytes are gone, the target's place below the page is the first to miss
        assert taken.iss == 0b000111
        assert [board.x[number] for number in (1, 2)] == [target, source]
        assert board.x[3] == hole - source + 1
    else:
        assert taken.iss == 1 << 6 | 0b000111
        assert board.x[3] == -(target + size - hole) & M64


def test_unprivileged_options_are_checked_as_el0(board: Board) -> None:
    guest = Guest(board)
    guest.stage1.map(VA + 0x4000, 0x2_0000_0000, NORMAL | UXN)
    guest.stage1.map(VA + 0x5000, 0x2_0000_1000, NORMAL | UXN | USER | READ_ONLY)
    for options, faults in ((0, False), (1, True), (2, False), (3, True)):
        guest.enter(1, HCRX_EL2=HCRX_MSCEN)
        board.x[1], board.x[2], board.x[3] = VA + 0x4000, VA + 0x5000, 32
        code = [cpy(stage, forward=True, options=options) for stage in (PROLOGUE, MAIN, EPILOGUE)]
        if not faults:
            board.does(code)
            continue
        taken = board.takes(code)
        assert (taken.ec, taken.iss, taken.far) == (0x25, 1 << 6 | 0b001111, VA + 0x4000)


def test_alignment_checking_does_not_concern_them(board: Board) -> None:
    Guest(board).enter(1, HCRX_EL2=HCRX_MSCEN, SCTLR_EL1=SCTLR | SCTLR_M | SCTLR_A)
    board.x[1], board.x[2], board.x[3] = VA + 1, 0x11, 77
    _run(board, [set_(stage) for stage in (PROLOGUE, MAIN, EPILOGUE)])
    assert board.x[3] == 0


@pytest.mark.parametrize(
    "word",
    [
        cpy(MAIN, forward=True, rs=1), cpy(MAIN, forward=True, rn=1), cpy(MAIN, forward=True, rs=31),
        cpy(MAIN, forward=False, rn=31), cpy(MAIN, forward=False, rd=31), set_(MAIN, rn=1), set_(MAIN, rd=31),
        set_(3), 0x1DC0_0400 | 2 << 16 | 3 << 5 | 1,
    ],
    ids=hex,
)  # fmt: skip
def test_overlapping_registers_and_tag_setting_are_undefined(board: Board, word: int) -> None:
    board.enter(3)
    assert board.takes(word).esr == esr(0)
