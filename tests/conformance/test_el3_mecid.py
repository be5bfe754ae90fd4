"""Vector V9 of mec-reference.md 6.5: what EL3 reaches in the Realm space, it reaches under MECID_RL_A_EL3."""

from __future__ import annotations

import pytest

from emu import PAS, MecidSource
from tests.conformance.board import DATA, EMEC, OPEN, SCTLR, SCTLR_M, Board
from tests.conformance.realm import LOW
from tests.conformance.tables import AMEC, MAIR, NORMAL, NS_LEAF, NSE_LEAF, TCR_ONE, XN, Tables

REALM_LEAF = NSE_LEAF | NS_LEAF
MECIDS = {"MECID_RL_A_EL3": 12, "MECID_P0_EL2": 5, "MECID_A0_EL2": 9, "VMECID_P_EL2": 7}


def el3(board: Board, leaf: int, **registers: int) -> None:
    """EL3 with its MMU on: code in Root memory, one page of data with the given leaf bits."""
    tables = Tables(board).map_code(NORMAL | NSE_LEAF)
    tables.map(LOW, DATA, NORMAL | XN | leaf)
    tables.put()
    settings = {
        "SCTLR2_EL3": EMEC,
        "TCR_EL3": TCR_ONE,
        "MAIR_EL3": MAIR,
        "TTBR0_EL3": tables.root,
        "SCTLR_EL3": SCTLR | SCTLR_M,
    }
    board.enter(3, **MECIDS | settings | registers)


@pytest.mark.parametrize(
    ("leaf", "pas", "mecid"),
    [
        (REALM_LEAF, PAS.REALM, 12),
        (REALM_LEAF | AMEC, PAS.REALM, 12),
        (NSE_LEAF, PAS.ROOT, 0),
        (NSE_LEAF | AMEC, PAS.ROOT, 0),
        (NS_LEAF, PAS.NON_SECURE, 0),
        (NS_LEAF | AMEC, PAS.NON_SECURE, 0),
        (0, PAS.SECURE, 0),
        (AMEC, PAS.SECURE, 0),
    ],
)
def test_v9_the_leaf_s_space_decides_and_amec_does_not(any_board: Board, leaf: int, pas: PAS, mecid: int) -> None:
    el3(any_board, leaf)
    any_board.store(LOW, 0x77)
    assert any_board.owner(DATA) == (pas, mecid)
    assert any_board.load(LOW) == 0x77


@pytest.mark.parametrize("leaf", [REALM_LEAF, REALM_LEAF | AMEC])
def test_v9_a_load_of_another_contexts_memory_is_a_hit_of_mecid_rl(any_board: Board, leaf: int) -> None:
    any_board.store_as(5, {DATA: 0x1234})
    el3(any_board, leaf)
    assert any_board.load(LOW) != 0x1234
    [hit] = any_board.hits
    assert (hit.mecid, hit.source, hit.owner, hit.el) == (12, MecidSource.RL3, 5, 3)
    any_board.set("MECID_RL_A_EL3", 5)
    assert any_board.load(LOW) == 0x1234


def test_v9_without_its_own_emec_el3_uses_mecid_0(any_board: Board) -> None:
    el3(any_board, REALM_LEAF, SCTLR2_EL3=0, SCTLR2_EL2=EMEC)
    any_board.store(LOW, 1)
    assert any_board.owner(DATA) == (PAS.REALM, 0)


def test_v9_el2s_enables_have_no_say_at_el3(any_board: Board) -> None:
    el3(any_board, REALM_LEAF, scr=OPEN & 0x5FF, SCTLR2_EL2=0)
    any_board.store(LOW, 1)
    assert any_board.owner(DATA) == (PAS.REALM, 12)


def test_v9_el3_walks_its_tables_in_the_root_space(any_board: Board) -> None:
    el3(any_board, REALM_LEAF)
    walk = any_board.machine.translate(LOW)
    assert [(step.pas, step.mecid, step.source) for step in walk.steps] == [(PAS.ROOT, 0, MecidSource.ZERO)] * 3


def test_v9_with_its_mmu_off_el3_is_in_the_root_space(any_board: Board) -> None:
    any_board.enter(3, SCTLR2_EL3=EMEC, MECID_RL_A_EL3=12)
    any_board.store(DATA, 1)
    assert any_board.owner(DATA) == (PAS.ROOT, 0)
