"""A register file to ask, and the words the tests use for it."""

from __future__ import annotations

import pytest

from emu.features import ISA_MAX
from emu.registers.file import RegisterFile
from emu.state import State


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def regs(state: State) -> RegisterFile:
    return RegisterFile(state.slots, seed=1, has_mec=True, mecid_width=16, isa=ISA_MAX)
