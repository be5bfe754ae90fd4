"""Every encoding class on both engines and on the other implementations that are here: no unexplained difference."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from emu.isa.a64 import A64
from tests.conformance.differential import explained
from tests.conformance.differential.cases import group
from tests.conformance.differential.compare import ENGINES, Comparison, Peer, Report, selected
from tests.conformance.differential.layout import State
from tests.conformance.differential.on_qemu import Qemu, missing
from tests.conformance.differential.on_unicorn import Unicorn
from tests.conformance.differential.peers import VECTORS, qemus, where_else

NEW = frozenset(("FEAT_CSSC", "FEAT_HBC", "FEAT_WFxT", "FEAT_MOPS"))
"""Features that neither unicorn nor Debian's QEMU has."""
ROOT = Path(__file__).parents[3]

needs_qemu = pytest.mark.skipif(bool(missing()), reason=missing())
PEERS = ["unicorn", *(pytest.param(number, marks=needs_qemu) for number in range(max(1, len(qemus()))))]
GROUPS = sorted({group(encoding) for encoding in A64.classes})
PARTS = [GROUPS[part::3] for part in range(3)]


@cache
def peer_of(which: str | int) -> Peer:
    return Unicorn() if which == "unicorn" else Qemu(qemus()[int(which)])


def assert_agreement(report: Report) -> None:
    found = report.differences
    assert not found, f"{len(found)} differences\n" + "\n".join(item.text for item in found[:8])


def ran(peer: Peer | None, groups: list[str], per_class: int, seed: int, combinations: int | None) -> Comparison:
    comparison = Comparison(peer, seed, combinations=combinations)
    comparison.run([(encoding, per_class) for encoding in selected(groups)])
    return comparison


@pytest.mark.parametrize("part", range(len(PARTS)))
@pytest.mark.parametrize("which", PEERS)
def test_a_few_cases_of_every_class_end_as_they_do_elsewhere(which: str | int, part: int) -> None:
    comparison = ran(peer_of(which), PARTS[part], 3, part, 1)
    assert_agreement(comparison.report)
    for encoding in selected(PARTS[part]):
        if comparison.has(encoding):
            for who in (*ENGINES, peer_of(which).name):
                assert comparison.report.executions[encoding.name, who] == 3, encoding.name


@pytest.mark.parametrize("part", range(len(PARTS)))
def test_the_engines_end_a_few_cases_of_every_class_the_same(part: int) -> None:
    comparison = ran(None, PARTS[part], 2, 7, 1)
    assert_agreement(comparison.report)
    assert all(comparison.report.executions[encoding.name, "interpreter"] == 2 for encoding in selected(PARTS[part]))


@pytest.mark.long
@pytest.mark.parametrize("part", range(len(PARTS)))
@pytest.mark.parametrize("which", PEERS)
def test_many_cases_of_every_class_end_as_they_do_elsewhere(which: str | int, part: int) -> None:
    assert_agreement(ran(peer_of(which), PARTS[part], 500, 1000 + part, None).report)


def _flip(change: Callable[[State], None]) -> Callable[[State], State]:
    def changed(state: State) -> State:
        state = copy.deepcopy(state)
        change(state)
        return state

    return changed


def _set_x(state: State) -> None:
    state.x[30] ^= 1


def _set_v(state: State) -> None:
    state.v[31] ^= 1 << 127


def _set(name: str, bit: int) -> Callable[[State], None]:
    return lambda state: setattr(state, name, getattr(state, name) ^ 1 << bit)


class Mistaken:
    """A peer that gets one thing wrong in the last case of a batch."""

    levels = (1,)

    def __init__(self, change: Callable[[State], State], memory: bool) -> None:
        self._peer = peer_of("unicorn")
        self.name, self.version, self.isa = self._peer.name, self._peer.version, self._peer.isa
        self._change, self._memory = change, memory

    def run(self, cases: list, pattern: bytes) -> list:  # type: ignore[type-arg]
        results = self._peer.run(cases, pattern)
        state, memory = results[-1]
        results[-1] = (self._change(state), memory[:-1] + bytes((memory[-1] ^ 1,)) if self._memory else memory)
        return results


@pytest.mark.parametrize(
    ("change", "memory"),
    [
        (_set_x, False), (_set_v, False), (_set("sp", 0), False), (_set("pc", 2), False), (_set("pstate", 28), False),
        (_set("fpcr", 22), False), (_set("fpsr", 4), False), (_set("esr", 0), False), (lambda state: None, True),
    ],
    ids=["x", "v", "sp", "pc", "flags", "fpcr", "fpsr", "exception", "memory"],
)  # fmt: skip
def test_one_wrong_bit_anywhere_is_found(change: Callable[[State], None], memory: bool) -> None:
    comparison = Comparison(Mistaken(_flip(change), memory), 1, combinations=1)
    comparison.run([(encoding, 2) for encoding in selected(names=["add_subtract_shifted", "simd_add"])])
    assert len(comparison.report.differences) == 1


def test_a_class_that_only_new_implementations_know_has_vectors_of_its_own() -> None:
    for encoding in A64.classes:
        if encoding.feature in NEW:
            assert where_else(encoding), encoding.name
    for place in {where_else(encoding) for encoding in A64.classes} - {""}:
        assert (ROOT / place).is_file(), place
    assert set(VECTORS) >= NEW


def test_explained_differences_name_classes_that_exist() -> None:
    names = {encoding.name for encoding in A64.classes}
    for item in explained.TABLE:
        assert set(item.classes) <= names, item.rule
        assert set(item.peers) <= {"unicorn", "qemu"}
    assert {name for _, name in explained.UNUSABLE} <= names
