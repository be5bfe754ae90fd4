"""Where the data cache is modelled a missing DC CIPAE is told when it does its damage, not before."""

from __future__ import annotations

import pytest

from tests.conformance.board import DATA, Board
from tests.conformance.cached import REALM_PAS, WB, cached_board, dc, el3, evict, fill_line, use

OLD, NEW = 0x0123_4567_89AB_CDEF, 0x5555_6666_7777_8888


@pytest.fixture
def board() -> Board:
    board = cached_board("interpreter")
    el3(board)
    return board


def found(board: Board) -> list[str]:
    checker = board.machine.mec.checker
    assert checker is not None
    checker.finish()
    return [finding.rule for finding in board.machine.mec.findings]


def test_a_line_of_the_old_mecid_written_back_over_the_new_ones_data(board: Board) -> None:
    fill_line(board, WB, OLD)
    use(board, 6)
    fill_line(board, WB, NEW)
    assert found(board) == []
    dc(board, "DC CIVAC", WB)
    assert found(board) == ["reuse-without-cipae"]
    [finding] = board.machine.mec.findings
    assert finding.pa == DATA
    assert "dirty line of MECID 5" in finding.message
    assert "stored under MECID 6" in finding.message


def test_a_line_that_was_cleaned_in_time(board: Board) -> None:
    fill_line(board, WB, OLD)
    dc(board, "DC CIPAE", REALM_PAS | DATA)
    use(board, 6)
    fill_line(board, WB, NEW)
    evict(board)
    assert found(board) == []
