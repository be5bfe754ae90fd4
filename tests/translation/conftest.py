"""A fresh bench for every test."""

from __future__ import annotations

import pytest

from tests.translation.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
