"""A machine in a known state: Realm EL2 with an MMU, MECID 5 for one page and MECID 9 for the next."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emu.debug.expressions import MachineEnvironment, compile, vocabulary
from tests.conformance.board import DATA, Board
from tests.conformance.realm import ALTERNATE, PRIMARY, realm_el2

OWN, OTHER, NOBODYS = PRIMARY, ALTERNATE, PRIMARY + 0x40
"""Virtual addresses: stored to under MECID 5, under MECID 9, and never."""
OWN_PA, OTHER_PA, NOBODYS_PA = DATA, DATA + 0x1000, DATA + 0x40
STORED = 0x1122_3344_5566_7788

Value = Callable[..., int]


@pytest.fixture
def board() -> Board:
    found = Board("reference")
    realm_el2(found)
    found.store(OWN, STORED)
    found.store(OTHER, STORED)
    found.machine.symbols.add([("main", 0x4001_0000, 0), ("foo.bar", 0x4001_0040, 0), ("odd-name", 0x4001_0080, 0)])
    found.machine.symbols.add([("x1", 0x4001_00C0, 0), ("realm", 0x4001_0100, 0), ("write", 0x4001_0140, 0)])
    return found


@pytest.fixture
def value(board: Board) -> Value:
    """Evaluates a text on the board's machine."""

    def evaluate(text: str) -> int:
        return compile(text, vocabulary(board.machine)).evaluate(MachineEnvironment(board.machine))

    return evaluate
