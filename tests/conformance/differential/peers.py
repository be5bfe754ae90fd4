"""The other implementations that are here, and where the classes that none of them knows are tried instead."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence

from emu.isa.pattern import EncodingClass
from tests.conformance.differential.cases import PRIVILEGED_ELSEWHERE
from tests.conformance.differential.compare import Peer
from tests.conformance.differential.on_qemu import COMMAND, Qemu, missing

KINDS = ("unicorn", "qemu", "none")
"""`none` compares our engines with each other only."""

VECTORS = {
    "FEAT_CSSC": "tests/engines/test_extensions.py",
    "FEAT_HBC": "tests/engines/test_extensions.py",
    "FEAT_WFxT": "tests/engines/test_extensions.py",
    "FEAT_MOPS": "tests/engines/test_memory_copy.py",
    "FEAT_I8MM": "tests/engines/test_simd_matrix.py",
    "FEAT_BF16": "tests/fp/test_vector_operations.py",
}
"""By feature: the vectors typed from the manual's pseudocode."""
_AT_EL1 = "tests/conformance/test_against_qemu.py"
_OWN = {"load_authenticated": "tests/engines/test_pointers_against_unicorn.py"}


def where_else(encoding: EncodingClass) -> str:
    """The tests of a class that no peer here knows; empty where there are none."""
    if encoding.name in PRIVILEGED_ELSEWHERE:
        return _AT_EL1
    return _OWN.get(encoding.name) or VECTORS.get(encoding.feature, "")


def qemus() -> list[Sequence[str]]:
    """Command lines of the QEMUs here: the one that the environment names, and the one on PATH."""
    commands = [COMMAND, ["qemu-system-aarch64"]]
    found: list[Sequence[str]] = []
    for command in commands:
        if command not in found and shutil.which(command[0]) is not None:
            found.append(command)
    return found if not missing() else []


def find(kinds: Sequence[str]) -> list[Peer | None]:
    """The peers of these kinds that are installed; None stands for our engines alone."""
    found: list[Peer | None] = []
    for kind in kinds:
        if kind == "none":
            found.append(None)
        elif kind == "unicorn" and importlib.util.find_spec("unicorn") is not None:
            from tests.conformance.differential.on_unicorn import Unicorn

            found.append(Unicorn())
        elif kind == "qemu":
            found += [Qemu(command) for command in qemus()]
    return found


__all__ = ["KINDS", "VECTORS", "find", "qemus", "where_else"]
