"""Programs that keep the rules of TLB maintenance end the same on every TLB: the worlds that are compared with QEMU."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import emu
from tests.conformance.bare_metal import build
from tests.conformance.random_worlds import worlds

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None, reason="ziglang, which assembles the programs, is not installed"
)


def console(program: Path, tlb: str, entries: int) -> str:
    machine = emu.Machine(memory="256M", pas_keys=False, tlb=tlb, tlb_entries=entries)
    machine.load(program)
    stop = machine.run(max_instructions=200_000_000)
    assert stop.reason is emu.StopReason.EXIT, stop
    return machine.console


def check(folder: Path, seed: int, count: int) -> None:
    program = build(worlds(seed, count), folder)
    expected = console(program, "strict", 128)
    assert len(expected.splitlines()) > 5 * count
    for tlb, entries in (("strict", 1), ("forgiving", 128)):
        assert console(program, tlb, entries) == expected, (tlb, entries)


def test_translations_do_not_depend_on_the_tlb(tmp_path: Path) -> None:
    check(tmp_path, 900, 30)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40_000, 40_100, 20))
def test_many_translations_do_not_depend_on_the_tlb(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed, 500)
