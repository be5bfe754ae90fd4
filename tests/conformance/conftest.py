"""Everything here runs on each engine; memory-related subjects also on each memory model."""

from __future__ import annotations

import pytest

from tests.conformance.board import Board


@pytest.fixture(params=["reference", "interpreter"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def board(engine: str) -> Board:
    """A machine whose memory is encrypted."""
    return Board(engine)


@pytest.fixture(params=["cipher", "substitute"])
def model(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def any_board(engine: str, model: str) -> Board:
    """A machine of either memory model, for what does not depend on it."""
    return Board(engine, model)
