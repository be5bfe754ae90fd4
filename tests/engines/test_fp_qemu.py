"""Scalar floating point against a newer QEMU than unicorn's, where `qemu-aarch64` is installed: BFCVT too."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from emu.features import CPUS, ISA_MAX
from emu.isa.pattern import EncodingClass
from tests.engines import qemu_user
from tests.engines.flat import flat_machine
from tests.engines.floating import CLASSES, Case, Ours, random_case
from tests.engines.words import SCALE, random_word

_PER_CLASS = 300 * SCALE

pytestmark = pytest.mark.skipif(qemu_user.QEMU is None, reason="qemu-aarch64 is not installed")


@pytest.fixture(scope="module", params=["reference", "interpreter"])
def ours(request) -> Ours:  # type: ignore[no-untyped-def]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CPUS, "max", ISA_MAX | {"FEAT_BF16"})
        return Ours(flat_machine(request.param))


def _case(encoding: EncodingClass, source: random.Random) -> Case:
    """A case that names all registers it shows and none that the program needs for itself."""
    while True:
        word = random_word(encoding, source)
        assert word is not None
        own = (qemu_user.SCRATCH, qemu_user.POINTER)
        if word & 31 not in own and word >> 5 & 31 not in own:
            break
    case = random_case(encoding, word, source)
    v, x = dict(case.v), dict(case.x)
    v.setdefault(word & 31, source.getrandbits(128))
    x.setdefault(word & 31, source.getrandbits(64))
    return Case(word, tuple(v.items()), tuple(x.items()), case.nzcv, case.fpcr, case.fpsr)


@pytest.mark.parametrize("encoding", CLASSES, ids=lambda encoding: encoding.name)
def test_every_word_does_what_qemu_does(encoding: EncodingClass, ours: Ours, tmp_path: Path) -> None:
    source = random.Random(encoding.name + "?")
    cases = [_case(encoding, source) for _ in range(_PER_CLASS)]
    for case, expected in zip(cases, qemu_user.run(cases, tmp_path), strict=True):
        got = ours.run(case)
        assert got == expected, f"{case.word:#010x} {encoding.extract(case.word)} {case}"
