"""Debug exceptions against qemu-system-aarch64: software step, breakpoints and watchpoints in random states.

Not compared, because QEMU 7.2 does otherwise than the manual: the OS lock, which it does not look at, and SPSR_ELx.SS
of an illegal exception return, which it ignores. test_software_step has both.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.bare_metal import MISSING
from tests.conformance.random_debug import debug_states
from tests.conformance.test_against_qemu import assert_same

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.mark.parametrize(("engine", "number"), [("interpreter", 40), ("reference", 12)])
def test_debug_exceptions_are_qemus(tmp_path: Path, engine: str, number: int) -> None:
    endings = assert_same(debug_states(1, number, 60), tmp_path, engine)
    for ending in ("EC 0x30", "EC 0x32", "EC 0x33", "EC 0x34", "EC 0x15", "EC 0x3c"):
        assert endings[ending] > number // 8, endings


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30_000, 30_400, 100))
def test_many_debug_exceptions_are_qemus(tmp_path: Path, seed: int) -> None:
    assert_same(debug_states(seed, 100, 200), tmp_path, "interpreter")
