"""Granule protection here and on a QEMU with RME: random tables, accesses of every state, syndromes to the bit.

QEMU has FEAT_RME_GPC2 from version 10.2 on.

Where the two may differ:

| what                                | the manual                                   | QEMU 11              | treated by           |
|-------------------------------------|----------------------------------------------|----------------------|----------------------|
| a level 1 entry with an invalid GPI | a fault of the walk for all of its granules  | for that granule only| all sixteen or none  |
| GPI 0b1101 that denies, with GPF    | a GPC exception to EL3                       | an abort             | not tried with GPF   |
| MFAR_EL3[11:0]                      | RES0                                         | the address's        | required to be 0 here|

Caching is not compared: the tables stay as they are while checks are on.
"""  # noqa: E501

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance.bare_metal import DATA, HAS_RME, Case, Configuration, build, numbers, run_here, run_on_qemu

pytestmark = pytest.mark.skipif(not HAS_RME, reason="this needs a QEMU with RME and the assembler of ziglang")

STATES = {"Non-secure": 0x431, "Secure": 0x430 | 1 << 18, "Realm": 0x431 | 1 << 62}
HCE, GPF, HCR_RW, HCR_GPF = 1 << 8, 1 << 48, 1 << 31, 1 << 48
GPCCR = 1 << 16 | 3 << 12 | 1 << 10 | 1 << 8
NSO = 1 << 19
GPIS = (0x0, 0x8, 0x9, 0xA, 0xB, 0xD, 0xF)
RAM, GIGABYTE = 0x4000_0000, 1 << 30
BEYOND = 0x1_0000_0000
"""Not protected with a PPS of 32 bits."""
GRANULES = {0: 12, 1: 16, 2: 14}


def level1(source: random.Random, pgs: int, gpis: tuple[int, ...]) -> dict[int, int]:
    """Index -> entry, where it is not open to all: the data region's entries, at random."""
    span = 1 << GRANULES[pgs] + 4
    entries: dict[int, int] = {}
    for address in range(DATA, DATA + 0x20_0000, span):
        kind = source.random()
        value = sum(source.choice(gpis) << 4 * nibble for nibble in range(16))
        if kind < 0.1:
            value = source.choice((2, 4, 5, 7, 0xC)) * 0x1111_1111_1111_1111
        elif kind < 0.15:
            value = 1 | source.choice(gpis) << 4  # contiguous, of a reserved size
        entries[(address - RAM) // span] = value
    gpi = source.choice(gpis)
    for address in range(DATA + 0x20_0000, DATA + 0x40_0000, span):
        entries[(address - RAM) // span] = 1 | gpi << 4 | 1 << 8
    return entries


def table_text(number: int, source: random.Random, pgs: int, gpis: tuple[int, ...]) -> str:
    """The tables as assembly text, aligned as they must be: four gigabytes, the second one in granules."""
    count = GIGABYTE >> GRANULES[pgs] + 4
    entries = level1(source, pgs, gpis)
    lines = [f'.section .cases, "aw"\n.balign {8 * count}\nlevel1_{number}:']
    at = 0
    for index, value in sorted(entries.items()):
        lines.append(f".fill {8 * (index - at)}, 1, 0xff\n.quad {value:#x}")
        at = index + 1
    lines.append(f".fill {8 * (count - at)}, 1, 0xff")
    lines.append(f".balign 4096\nlevel0_{number}:\n.quad 0xf1, level1_{number} + 3, 0xf1, 0xf1\n.balign 4096\n.text")
    return "\n".join(lines)


CALLS = """
call_open_{0}:  msr S3_6_C6_C0_5, xzr           // MFAR_EL3
        ldr x0, =level0_{0}
        lsr x0, x0, #12
        msr S3_6_C2_C1_4, x0                    // GPTBR_EL3
        ldr x0, ={1:#x}
        msr S3_6_C2_C1_6, x0                    // GPCCR_EL3
        isb
        sys #6, C8, C7, #4                      // TLBI PAALL
        dsb sy
        isb
        mov x0, #0
        ret
        .ltorg
"""
COMMON = """
call_mfar: mrs x0, S3_6_C6_C0_5
        ret
call_close: msr S3_6_C2_C1_6, xzr
        isb
        sys #6, C8, C7, #4
        dsb sy
        isb
        mov x0, #0
        ret
"""


def configuration(seed: int, number: int, count: int) -> Configuration:
    source = random.Random(seed)
    state = source.choice(list(STATES))
    pgs = source.choice((0, 0, 1, 2))
    gpccr = GPCCR | pgs << 14 | source.choice((0, NSO, NSO))
    gpf = source.choice((0, GPF))
    if source.random() < 0.3:
        gpccr |= source.choice((1 << 5, 1 << 6, 1 << 7))
        gpf = GPF  # a state without its own address space could not even fetch its vector
    registers = {
        "SCR_EL3": STATES[state] | HCE | gpf,
        "HCR_EL2": HCR_RW | source.choice((0, HCR_GPF)),
        "SCTLR_EL1": 0x30D0_0800,
        "SCTLR_EL2": 0x30C5_0830,
    }
    cases = [Case(f"open_{number}", None, 0)]
    for _ in range(count):
        el = source.choice((0, 1, 2, 3))
        address = source.randrange(DATA, DATA + 0x40_0000, 0x1000) + 8 * source.randrange(8)
        piece = source.choice(("load64", "load8", "store64", "store_release", "fetch"))
        if piece == "fetch":
            address = (address & ~0xFFF) + 0x100
        cases += [
            Case(piece, 0x3C0 | el << 2 | (1 if el else 0), address, source.getrandbits(32)),
            Case("mfar", None, 0),
        ]
    cases.append(Case("close", None, 0))
    gpis = GPIS if gpccr & NSO and not gpf else tuple(gpi for gpi in GPIS if gpi != 0xD)
    tables = table_text(number, source, pgs, gpis)
    text = tables + CALLS.format(number, gpccr) + (COMMON if number == 0 else "")
    return Configuration(f"{state}, GPCCR_EL3 {gpccr:#x}", registers, {}, cases, text)


def compare(folder: Path, seed: int, number: int, count: int, engine: str) -> Counter[str]:
    configurations = [configuration(seed + index, index, count) for index in range(number)]
    program = build(configurations, folder)
    theirs = run_on_qemu(program, has_rme=True)
    ours = run_here(program, engine)
    cases = [(item, case) for item in configurations for case in item.cases]
    assert len(theirs) == len(ours) == len(cases), theirs[:3]
    found, endings = [], Counter[str]()
    for (item, case), their, our in zip(cases, theirs, ours, strict=True):
        expected = list(numbers(their))
        if case.piece == "mfar":
            expected[1] &= ~0xFFF
        if expected != list(numbers(our)):
            found.append(f"{item.name}: {case}\n    QEMU {their}\n    here {our}")
        endings[f"EC {numbers(our)[1] >> 26:#x}"] += case.spsr is not None
    assert not found, f"{len(found)} of {len(cases)} differ:\n" + "\n".join(found[:12])
    return endings


def test_granule_protection_is_qemus(tmp_path: Path) -> None:
    endings = compare(tmp_path, 7000, 10, 120, "interpreter")
    for ending in ("EC 0x15", "EC 0x1e", "EC 0x20", "EC 0x21", "EC 0x24", "EC 0x25"):
        assert endings[ending] > 5, endings


@pytest.mark.long
def test_granule_protection_of_the_reference_engine_is_qemus(tmp_path: Path) -> None:
    compare(tmp_path, 8000, 2, 40, "reference")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30_000, 30_200, 10))
def test_much_granule_protection_is_qemus(tmp_path: Path, seed: int) -> None:
    compare(tmp_path, seed, 10, 300, "interpreter")
