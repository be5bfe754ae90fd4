"""The data cache and MECIDs: the behavioural tests of mec-reference.md 6.3, and mistakes 18 and 19 of 5.4."""

from __future__ import annotations

import pytest

from emu import PAS
from emu.debug.events import Owner
from tests.conformance import words as w
from tests.conformance.board import DATA, Board
from tests.conformance.cached import (
    NC,
    REALM_PAS,
    WB,
    cached_board,
    copies,
    dc,
    el3,
    evict,
    fill_line,
    use,
    watch,
)

OLD, NEW = 0x0123_4567_89AB_CDEF, 0x5555_6666_7777_8888
BY_VA = ["DC CVAC", "DC CIVAC", "DC CVAU"]
BY_PA = ["DC CIPAE", "DC CIPAPA"]


@pytest.fixture
def board(engine: str) -> Board:
    board = cached_board(engine)
    el3(board)
    return board


def maintain(board: Board, operation: str, va: int = WB) -> None:
    dc(board, operation, va if operation in BY_VA else REALM_PAS | DATA + (va - WB))


# 6.3.


@pytest.mark.parametrize("operation", BY_VA + BY_PA)
def test_a_line_goes_back_under_its_own_mecid_whichever_is_current(board: Board, operation: str) -> None:
    """mec_cmo_uses_correct_mecid."""
    fill_line(board, WB, OLD)
    use(board, 6)
    maintain(board, operation)
    assert board.owner(DATA) == (PAS.REALM, 5)
    assert board.load(NC) != OLD
    use(board, 5)
    assert board.load(NC) == OLD
    assert board.load(WB) == OLD


@pytest.mark.parametrize("operation", BY_PA)
def test_maintenance_by_pa_finds_the_line_of_another_mecid(board: Board, operation: str) -> None:
    """mec_effect_of_popa_cmo: dirtied under one id, cleaned and invalidated under another, seen by a NC access."""
    fill_line(board, WB, OLD)
    assert copies(board) == {5: True}
    use(board, 6)
    maintain(board, operation)
    assert copies(board) == {}
    use(board, 5)
    assert board.load(NC) == OLD


def test_what_one_mecid_wrote_another_reads_differently(board: Board) -> None:
    """mec_mecid_association_and_encryption."""
    fill_line(board, WB, OLD)
    maintain(board, "DC CIPAE")
    use(board, 6)
    assert board.load(WB) != OLD
    assert board.hits[-1].owner == 5


@pytest.mark.parametrize("width", [1, 4, 8, 16])
def test_all_bits_of_the_width_count(engine: str, width: int) -> None:
    """mec_support_mecid_and_mecid_width: the largest id and the one below it differ."""
    board = cached_board(engine, width)
    largest = (1 << width) - 1
    el3(board, MECID_RL_A_EL3=largest)
    fill_line(board, WB, OLD)
    maintain(board, "DC CIPAE")
    use(board, largest - 1)
    assert board.load(WB) != OLD
    use(board, largest)
    assert board.load(WB) == OLD


# A granule changes hands within the Realm space (1.8, mistake 18).


def test_without_cipae_the_old_line_destroys_the_new_owners_data_when_it_is_evicted(board: Board) -> None:
    fill_line(board, WB, OLD)
    use(board, 6)
    fill_line(board, NC, NEW)
    assert board.load(NC) == NEW
    _, written = watch(board)
    evict(board)
    assert board.load(NC) != NEW
    assert board.owner(DATA) == (PAS.REALM, 5)
    [event] = [event for event in written if event.pa == DATA]
    assert (event.cause, event.owner) == ("eviction", Owner(PAS.REALM, 5, 0))
    assert event.overwritten == Owner(PAS.REALM, 6, 0)
    assert event.moment.el == 3


def test_without_cipae_the_new_owners_own_clean_lets_the_old_line_win(board: Board) -> None:
    fill_line(board, WB, OLD)
    use(board, 6)
    fill_line(board, WB, NEW)
    assert copies(board) == {5: True, 6: True}
    _, written = watch(board)
    dc(board, "DC CIVAC", WB)
    assert board.load(WB) != NEW
    assert [event.owner.mecid for event in written] == [6, 5]
    assert [event.overwritten for event in written] == [None, Owner(PAS.REALM, 6, 0)]


def test_a_dirty_line_goes_back_whole_so_that_one_byte_destroys_its_neighbours(board: Board) -> None:
    """The line was dirtied in its first block; the new owner wrote another block of it since."""
    board.store_byte(WB, 1)
    use(board, 6)
    board.does(w.mov(1, NC + 32), w.mov(2, NEW), 0xA900_0822)  # STP X2, X2, [X1]
    _, written = watch(board)
    evict(board)
    assert board.load(NC + 32) != NEW
    assert [board.owner(DATA + at) for at in (0, 16, 32)] == [(PAS.REALM, 5), None, (PAS.REALM, 5)]
    assert [event.overwritten for event in written if event.pa == DATA] == [Owner(PAS.REALM, 6, 0)]


@pytest.mark.parametrize("operation", BY_PA)
@pytest.mark.parametrize("view", [WB, NC])
def test_with_maintenance_first_the_new_owners_data_is_safe(board: Board, operation: str, view: int) -> None:
    fill_line(board, WB, OLD)
    maintain(board, operation)
    _, written = watch(board)
    use(board, 6)
    fill_line(board, view, NEW)
    evict(board)
    assert [board.load(NC + offset) for offset in (0, 56)] == [NEW, NEW]
    assert board.owner(DATA) == (PAS.REALM, 6)
    assert [event.overwritten for event in written if event.pa == DATA] == ([None] if view == WB else [])


@pytest.mark.parametrize(("space", "name"), [(0, "Secure"), (1 << 63, "Non-secure"), (1 << 62, "Root")])
def test_cipae_for_another_space_is_ignored_and_says_so(board: Board, space: int, name: str) -> None:
    """Mistake 19."""
    fill_line(board, WB, OLD)
    maintained, written = watch(board)
    dc(board, "DC CIPAE", space | DATA)
    assert copies(board) == {5: True}
    assert [(event.operation, event.operand, event.pa) for event in maintained] == [("CIPAE", space | DATA, DATA)]
    assert maintained[0].ignored == f"the operand names the {name} PAS: only Realm acts"
    assert written == []


def test_cipapa_acts_on_the_space_that_its_operand_names(board: Board) -> None:
    fill_line(board, WB, OLD)
    maintained, _ = watch(board)
    dc(board, "DC CIPAPA", 1 << 63 | DATA)
    assert copies(board) == {5: True}
    dc(board, "DC CIPAPA", REALM_PAS | DATA + 0x3F)
    assert copies(board) == {}
    assert [(event.pas, event.ignored) for event in maintained] == [(PAS.NON_SECURE, ""), (PAS.REALM, "")]


def test_a_stride_longer_than_the_line_leaves_lines(board: Board) -> None:
    """Mistake 20: maintenance acts on the line that holds its address and no other."""
    for line in range(4):
        fill_line(board, WB + 64 * line, OLD)
    for line in (0, 2):
        maintain(board, "DC CIPAE", WB + 64 * line)
    assert [copies(board, DATA + 64 * line) for line in range(4)] == [{}, {5: True}, {}, {5: True}]


# Keys (5.3).


def test_a_line_dirty_across_a_refresh_goes_back_under_the_new_key(board: Board) -> None:
    fill_line(board, WB, OLD)
    fill_line(board, WB + 64, OLD)
    maintain(board, "DC CIPAE", WB + 64)
    board.machine.mec.refresh(5)
    assert board.load(WB) == OLD
    maintain(board, "DC CIPAE")
    assert board.machine.mec.owner_of(DATA) == Owner(PAS.REALM, 5, 1)
    assert board.load(NC) == OLD
    assert board.load(NC + 64) != OLD


# Copies.


def test_every_mecid_has_a_copy_of_its_own(board: Board) -> None:
    fill_line(board, WB, OLD)
    for mecid in (6, 7):
        use(board, mecid)
        board.load(WB)
    assert copies(board) == {5: True, 6: False, 7: False}
    dc(board, "DC CIVAC", WB + 8)
    assert copies(board) == {}


def test_a_partial_store_under_another_mecid_keeps_the_rest_as_that_one_sees_it(board: Board) -> None:
    """1.10: what memory would have made of the store; only the block of the byte changes hands."""
    fill_line(board, WB, OLD)
    maintain(board, "DC CIPAE")
    use(board, 6)
    noise = board.load(WB + 8)
    board.store_byte(WB + 0x11, 0xEE)
    maintain(board, "DC CIPAE")
    assert board.load_byte(NC + 0x11) == 0xEE
    assert [board.owner(DATA + at) for at in (0, 16, 32)] == [(PAS.REALM, mecid) for mecid in (5, 6, 5)]
    assert board.load(NC + 8) == noise
    use(board, 5)
    assert [board.load(NC + at) for at in (0, 8, 32, 56)] == [OLD] * 4
    assert board.load(NC + 0x10) != OLD


def test_every_noisy_load_is_a_hit_from_the_cache_too(board: Board) -> None:
    fill_line(board, WB, OLD)
    maintain(board, "DC CIPAE")
    stored = board.machine.mec.last_writer(DATA)
    use(board, 6)
    for count in range(1, 4):
        board.load(WB + 8)
        assert len(board.hits) == count
        hit = board.hits[-1]
        assert (hit.mecid, hit.owner, hit.pa, hit.writer) == (6, 5, DATA + 8, stored)
    board.does(w.mov(1, WB), w.mov(0, 1), w.str_(0, 1))
    board.load(WB)
    assert len(board.hits) == 3
