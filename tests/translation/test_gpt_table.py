"""The table read as a whole says of every address what a check of that address finds."""

from __future__ import annotations

import random

import pytest

import emu
from emu.architecture import PA, PAS
from emu.errors import AddressError
from emu.rme.gpt import GPI_NAMES
from emu.rme.gpt_table import GptTable, read_table

BASE, LEVEL1 = 0x4000_0000, 0x4040_0000
SIZES = {0: 32, 1: 36, 2: 40}


def whole(machine: emu.Machine) -> GptTable:
    def read(pa: int, size: int) -> bytes | None:
        try:
            return machine.mec.view_as(pa, size, PAS.ROOT, 0)
        except AddressError:
            return None

    return read_table(machine.cpu.acting, read, machine.features.pa_bits)


def configured(pps: int, pgs: int, block: int = 0) -> emu.Machine:
    machine = emu.Machine(memory="16M", engine="reference")
    machine.cpu.sysreg["GPTBR_EL3"] = BASE >> 12
    machine.cpu.sysreg["GPCCR_EL3"] = 1 << 16 | 2 << 12 | block << 20 | pgs << 14 | pps
    return machine


def random_entry(source: random.Random) -> int:
    gpis = [0, 8, 9, 0xA, 0xB, 0xF]
    kind = source.random()
    if kind < 0.2:
        return source.getrandbits(64)  # most such are invalid
    if kind < 0.4:
        return source.choice(gpis) << 4 | source.randrange(0, 4) << 8 | 1
    if kind < 0.7:
        return int(f"{source.choice(gpis):x}" * 16, 16)
    return sum(source.choice(gpis) << 4 * at for at in range(16))


@pytest.mark.parametrize("seed", range(12))
def test_runs_agree_with_checks(seed: int) -> None:
    source = random.Random(seed)
    pps, pgs = source.choice((0, 1, 2)), source.choice((0, 1, 2))
    machine = configured(pps, pgs)
    granule = {0: 12, 1: 16, 2: 14}[pgs]
    entries_of_level1 = 1 << 30 - granule - 4
    limit = 1 << SIZES[pps]
    for number in range(limit >> 30):
        kind = source.random()
        value = source.choice((0, 8, 9, 0xA, 0xB, 0xF)) << 4 | 1
        if kind < 0.2:
            value = source.getrandbits(64)
        elif kind < 0.5:
            value = LEVEL1 + source.randrange(0, 8) * entries_of_level1 * 8 | 3
        machine.write(BASE + 8 * number, value.to_bytes(8, "little"))
    table = bytearray()
    while len(table) < 8 * 8 * min(entries_of_level1, 4096):
        table += random_entry(source).to_bytes(8, "little") * source.choice((1, 1, 2, 64))
    machine.write(LEVEL1, bytes(table))
    found = whole(machine)
    assert found.is_enabled
    assert (found.runs[0].start, found.runs[-1].end) == (0, limit)
    assert all(one.end == other.start for one, other in zip(found.runs, found.runs[1:], strict=False))
    places = [source.randrange(limit) for _ in range(150)]
    places += [source.randrange(1 << 33) for _ in range(150)]
    places += [run.start for run in source.sample(found.runs, min(100, len(found.runs)))]
    told = set()
    for pa in places:
        if pa >= limit:
            continue
        run = next(each for each in found.runs if each.start <= pa < each.end)
        look = machine.cpu.mmu.granules.look(PA(pa), PAS.ROOT, as_cached=False)
        assert run.gpi == look.gpi, hex(pa)
        assert run.problem == ("" if look.gpi is not None else look.reason)
        told.add(run.gpi)
    assert len(told) > 2


def test_a_table_of_one_block_a_gibibyte_is_told_in_runs() -> None:
    """Two blocks of Non-secure memory, one of Root, one that any space may reach: three runs, hand-made."""
    machine = configured(0, 0)
    for number, gpi in enumerate((9, 9, 0xA, 0xF)):
        machine.write(BASE + 8 * number, (gpi << 4 | 1).to_bytes(8, "little"))
    runs = [(run.start >> 30, run.end >> 30, GPI_NAMES[run.gpi or 0], run.kind) for run in whole(machine).runs]
    assert runs == [(0, 2, "non-secure", "block"), (2, 3, "root", "block"), (3, 4, "any", "block")]


def test_registers_that_contradict_themselves_give_no_runs() -> None:
    machine = configured(7, 0)
    found = whole(machine)
    assert found.runs == ()
    assert found.config.problem == "GPCCR_EL3.PPS is reserved or beyond the implemented PA size"


def test_a_table_where_no_memory_is_gives_one_run_that_says_so() -> None:
    machine = configured(0, 0)
    machine.cpu.sysreg["GPTBR_EL3"] = 0xF000_0000 >> 12
    (run,) = whole(machine).runs
    assert (run.start, run.end, run.gpi) == (0, 1 << 32, None)
    assert run.problem == "external abort on the level 0 GPT entry at 0xf0000000"
