"""Options of the whole suite.

MECTUI_JIT_THRESHOLD=N runs every machine that would interpret on the JIT instead, with that threshold: 0 compiles
everything before it first runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import emu

_THRESHOLD = os.environ.get("MECTUI_JIT_THRESHOLD")


@pytest.fixture(scope="session", autouse=True)
def _nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is kept between runs is nobody's: no test reads what the user has, nor changes it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _jit_everywhere() -> None:
    if _THRESHOLD is None:
        return
    original = emu.Machine.__init__

    def on_the_jit(self: emu.Machine, *arguments: object, **named: object) -> None:
        if named.get("engine", "auto") in ("auto", "interpreter"):
            named["engine"] = "jit"
            named.setdefault("jit_threshold", int(_THRESHOLD))
        original(self, *arguments, **named)  # type: ignore[arg-type]

    emu.Machine.__init__ = on_the_jit  # type: ignore[method-assign]
