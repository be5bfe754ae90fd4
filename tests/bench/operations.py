"""What the hot operations of firmware cost, in microseconds of the host: python -m tests.bench.operations [name ...]

Each is a guest's loop around the operation, less the same loop without it; the median of several rounds, in CPU time of
the thread that runs the guest. Names choose operations that begin with them. Nothing is asserted: machines are noisy.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import emu
from emu.architecture import PAGE
from emu.registers.table import OPERATIONS
from mectui.resources import bench_guests
from tests.conformance import words as w

ENGINES = ("interpreter", "jit")
ROUNDS, ITERATIONS = 5, 4_000
SWITCHES = 20_000
"""Turns of the guest `switches`, a round trip into a Realm each."""

RAM = 0x4000_0000
CODE, VECTORS, TABLES, FRAMES = RAM, RAM + 0x8_0000, RAM + 0x10_0000, RAM + 0x40_0000
LEVEL1, LEVEL2, LEVEL3, STAGE2, STAGE2_2, STAGE2_3 = (TABLES + PAGE * number for number in range(6))
GPT0, GPT1 = RAM + 0x5F_F000, RAM + 0x60_0000
WINDOW, PAGES = 0x8000_0000, 512
"""Pages that are visited in turn, four times what the TLB holds."""
_AF, _XN, _BLOCK, _TABLE, _LEAF, _SH = 1 << 10, 1 << 54, 1, 3, 3, 3 << 8
_S2 = 0b1111 << 2 | 3 << 6 | _SH | _AF
_PLACES = {item.name: item.encoding[1:] for item in OPERATIONS}
_NSE = 1 << 11


def machine(engine: str, level: int, *, stage2: bool = False) -> emu.Machine:
    """Identity mapped RAM in blocks of 2 MiB, and a window of PAGES pages; granule protection is on."""
    made = emu.Machine(memory="16M", engine=engine, el=level)
    registers = made.cpu.sysreg
    registers["SCTLR2_EL2"], registers["TCR2_EL2"] = 2, 0
    registers["MECID_P0_EL2"] = registers["VMECID_P_EL2"] = 1
    one = 25 | 5 << 16 | 3 << 12 | 1 << 10 | 1 << 8
    registers[f"TCR_EL{level}"] = 25 | 1 << 23 | 5 << 32 | 3 << 12 | 1 << 10 | 1 << 8 if level == 1 else one
    registers[f"TTBR0_EL{level}"], registers[f"MAIR_EL{level}"] = LEVEL1, 0xFF
    registers["VTCR_EL2"], registers["VTTBR_EL2"] = 25 | 1 << 6 | 5 << 16 | 1 << 19, STAGE2
    if stage2:
        registers["HCR_EL2"] = registers["HCR_EL2"] | 1
    made.cpu.system.calls.monitor = None  # EL3 is the guest's own
    for el in (1, 2, 3):
        registers[f"VBAR_EL{el}"] = VECTORS
    space = _NSE if level == 3 else 0  # Root, which EL3 must execute from
    tables = {
        LEVEL1 + 8 * (RAM >> 30): LEVEL2 + PAGE * 8 | _TABLE,
        LEVEL1 + 8 * (WINDOW >> 30): LEVEL2 | _TABLE,
        LEVEL2: LEVEL3 | _TABLE,
        **{LEVEL2 + PAGE * 8 + 8 * number: RAM + (number << 21) | space | _AF | _SH | _BLOCK for number in range(8)},
        **{LEVEL3 + 8 * page: FRAMES + PAGE * page | space | _XN | _AF | _SH | _LEAF for page in range(PAGES)},
        STAGE2 + 8 * (RAM >> 30): STAGE2_2 | _TABLE,
        **{STAGE2_2 + 8 * number: RAM + (number << 21) | _S2 | _BLOCK for number in range(8)},
        STAGE2_2 + 8 * (FRAMES - RAM >> 21): STAGE2_3 | _TABLE,
        **{STAGE2_3 + 8 * page: FRAMES + PAGE * page | _S2 | _LEAF for page in range(PAGES)},
        GPT0 + 8 * (RAM >> 30): GPT1 | 3,
    }
    for address, value in tables.items():
        made.write(address, value.to_bytes(8, "little"))
    made.write(GPT1, b"\xff" * 0x800)
    registers["GPTBR_EL3"] = GPT0 >> 12
    registers["GPCCR_EL3"] = 1 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 1
    for offset in range(0, 0x800, 0x80):
        made.write(VECTORS + offset, w.assemble(w.ERET))
    made.cpu.pc = CODE
    registers[f"SCTLR_EL{level}"] = 0x30C5_0830 | 5
    return made


def _sys(name: str) -> int:
    return w.sys(_PLACES[name], 0)


_FLIP = 0xD240_0000  # EOR X0, X0, #1


class Operation(NamedTuple):
    """What is measured: words, how many of those are executed, and what X0 begins with."""

    name: str
    level: int
    words: tuple[int, ...]
    extra: int = 0
    """Instructions executed beyond the words themselves."""
    x0: int = 0
    stage2: bool = False


_SWEEP = (0xF940_0001, 0x9140_0400, 0x926A_F800)
"""LDR X1, [X0]; ADD X0, X0, #1, LSL #12; AND X0, X0, #~(1 << 21): the pages of the window in turn."""
_VMID = 0xD250_0000  # EOR X0, X0, #(1 << 48)

OPERATIONS_OF_FIRMWARE = (
    Operation("SVC + ERET, EL1", 1, (w.svc(0),), 1),
    Operation("HVC + ERET, Realm EL1", 1, (w.hvc(0),), 1, stage2=True),
    Operation("SMC + ERET, EL2", 2, (w.smc(0),), 1),
    Operation("MSR MECID_A1_EL2", 2, (_FLIP, w.msr("MECID_A1_EL2", 0), w.ISB)),
    Operation("MSR MECID_A1_EL2, the same", 2, (w.msr("MECID_A1_EL2", 0), w.ISB)),
    Operation("MSR MECID_A0_EL2", 2, (_FLIP, w.msr("MECID_A0_EL2", 0), w.ISB)),
    Operation("MSR VTTBR_EL2", 2, (_VMID, w.msr("VTTBR_EL2", 0), w.ISB), x0=STAGE2),
    Operation("MSR TPIDR_EL2", 2, (_FLIP, w.msr("TPIDR_EL2", 0))),
    Operation("TLBI VMALLE1", 1, (_sys("TLBI VMALLE1"),)),
    Operation("TLBI VAE1", 1, (_sys("TLBI VAE1"),), x0=WINDOW >> 12),
    Operation("TLBI VAE2", 2, (_sys("TLBI VAE2"),), x0=WINDOW >> 12),
    Operation("TLBI ALLE2", 2, (_sys("TLBI ALLE2"),)),
    Operation("TLBI IPAS2E1", 2, (_sys("TLBI IPAS2E1"),), x0=FRAMES >> 12),
    Operation("TLBI RPALOS", 3, (_sys("TLBI RPALOS"),), x0=FRAMES >> 12),
    Operation("DC CIPAE", 2, (_sys("DC CIPAE"),), x0=0xC << 60 | FRAMES),
    Operation("DC CIPAPA", 3, (_sys("DC CIPAPA"),), x0=0xC << 60 | FRAMES),
    Operation("DC CVAU", 2, (_sys("DC CVAU"),), x0=RAM),
    Operation("DC CIVAC", 2, (_sys("DC CIVAC"),), x0=RAM),
    Operation("DC CIVAC, two stages", 1, (_sys("DC CIVAC"),), x0=RAM, stage2=True),
    Operation("IC IVAU", 2, (_sys("IC IVAU"),), x0=RAM),
    Operation("TLB miss, one stage", 2, _SWEEP, x0=WINDOW),
    Operation("TLB miss, two stages", 1, _SWEEP, x0=WINDOW, stage2=True),
)


def _loop(engine: str, what: Operation, words: tuple[int, ...], extra: int) -> Callable[[], float]:
    """Runs a loop; each call gives the seconds of ITERATIONS."""
    made = machine(engine, what.level, stage2=what.stage2)
    back = 0x5400_0001 | (-(len(words) + 1) & (1 << 19) - 1) << 5
    made.write(CODE, w.assemble(*words, 0xF100_0442, back))
    registers = made.cpu.sysreg
    for el in (1, 2, 3):
        registers[f"ELR_EL{el}"], registers[f"SPSR_EL{el}"] = CODE, 0x3C1 | what.level << 2
    made.cpu.x[0], made.cpu.x[2] = what.x0, 1 << 40
    count = (len(words) + 2 + extra) * ITERATIONS
    made.run(max_instructions=count // 4)

    def run() -> float:
        started = time.thread_time()
        made.run(max_instructions=count)
        return time.thread_time() - started

    return run


def measure(engine: str, what: Operation) -> float:
    """Microseconds."""
    loop, empty = _loop(engine, what, what.words, what.extra), _loop(engine, what, (), 0)
    return statistics.median(loop() - empty() for _ in range(ROUNDS)) / ITERATIONS * 1e6


def measure_switches(engine: str) -> float:
    """Microseconds for a turn of the guest `switches`: into a Realm and back, and what the RMM does between."""
    guest = next(item for item in bench_guests() if item.name == "switches")
    seconds = []
    for _ in range(3):
        made = emu.Machine(engine=engine)
        made.load(guest.path)
        started = time.thread_time()
        made.run()
        seconds.append(time.thread_time() - started)
    return statistics.median(seconds) / SWITCHES * 1e6


def main() -> None:
    chosen = tuple(sys.argv[1:]) or ("",)
    print(f"{'us':30}" + "".join(f"{engine:>14}" for engine in ENGINES))
    for what in OPERATIONS_OF_FIRMWARE:
        if what.name.startswith(chosen):
            times = [measure(engine, what) for engine in ENGINES]
            print(f"{what.name:30}" + "".join(f"{value:14.2f}" for value in times), flush=True)
    if "switches".startswith(chosen):
        times = [measure_switches(engine) for engine in ENGINES]
        print(f"{'switches: a Realm and back':30}" + "".join(f"{value:14.2f}" for value in times))


if __name__ == "__main__":
    main()
