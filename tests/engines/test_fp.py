"""Scalar floating point against unicorn: every class, every rounding mode, operands at the edges of the formats."""

from __future__ import annotations

import random

import pytest

from emu.isa.pattern import EncodingClass
from tests.engines.flat import flat_machine
from tests.engines.floating import CLASSES, Case, Ours, Outcome, Peer, random_case
from tests.engines.words import SCALE, random_word

_PER_CLASS = 400 * SCALE
_NOT_IN_UNICORN = ("FEAT_BF16",)
"""Features that QEMU 5, which unicorn is made of, does not have."""


@pytest.fixture(scope="module")
def peer() -> Peer:
    return Peer()


@pytest.fixture(scope="module", params=["reference", "interpreter"])
def ours(request) -> Ours:  # type: ignore[no-untyped-def]
    return Ours(flat_machine(request.param))


def _words(encoding: EncodingClass, source: random.Random, count: int):  # type: ignore[no-untyped-def]
    """Words of every combination of static fields in turn."""
    combinations = [
        item for item in encoding.combinations() if random_word(encoding, source, item, tries=100) is not None
    ]
    for number in range(max(count, 4 * len(combinations))):
        yield random_word(encoding, source, combinations[number % len(combinations)])


@pytest.mark.parametrize("encoding", CLASSES, ids=lambda encoding: encoding.name)
def test_every_word_does_what_unicorn_does(encoding: EncodingClass, ours: Ours, peer: Peer) -> None:
    if encoding.feature in _NOT_IN_UNICORN:
        return
    source = random.Random(encoding.name)
    different = []
    for word in _words(encoding, source, _PER_CLASS):
        case = random_case(encoding, word, source)
        got, expected = ours.run(case), peer.run(case)
        if got != expected:
            different.append(_difference(encoding, case, got, expected))
    assert not different, f"{len(different)} differences\n" + "\n".join(different[:12])


def _difference(encoding: EncodingClass, case: Case, got: Outcome, expected: Outcome) -> str:
    fields = encoding.extract(case.word)
    v, x = dict(case.v), dict(case.x)
    operands = " ".join(
        f"{name}=v:{v[fields[name]] & (1 << 64) - 1:#x}/x:{x.get(fields[name], 0):#x}"
        for name in ("rn", "rm", "ra")
        if name in fields
    )
    return (
        f"{case.word:#010x} {encoding.name} {fields} fpcr={case.fpcr:#x} fpsr={case.fpsr:#x} {operands}\n"
        f"   here {got}\n   peer {expected}"
    )
