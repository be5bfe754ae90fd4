"""The programs, each built once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.tui.conftest import _own_folders  # noqa: F401  (every test of the screen has its own)
from tests.variables.programs import build

Built = Callable[[str], Path]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The ELF of a variant, by its name."""
    folder = tmp_path_factory.mktemp("variables")
    return cache(lambda name: build(folder, name))
