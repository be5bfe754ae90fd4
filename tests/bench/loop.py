"""Speed of the engines on one load/store loop with the MMU on, beside unicorn, in one run: python -m tests.bench.loop.

Prints the median of several rounds for each, and the ratios. Nothing is asserted: machines are noisy.
"""

from __future__ import annotations

import statistics
import time

import unicorn
from unicorn import arm64_const as names

from tests.engines.flat import CODE, DATA, flat_machine

LOOP = (
    0xF840_8403,  # LDR X3, [X0], #8
    0x8B03_0084,  # ADD X4, X4, X3
    0xCA44_1C84,  # EOR X4, X4, X4, LSR #7
    0xF800_8424,  # STR X4, [X1], #8
    0xD100_2021,  # SUB X1, X1, #8
    0xD100_2000,  # SUB X0, X0, #8
    0xF100_0442,  # SUBS X2, X2, #1
    0x54FF_FF21,  # B.NE to the first
)
ROUNDS = 7
INSTRUCTIONS = {"reference": 16_000, "interpreter": 40_000_000, "unicorn": 8_000_000}
_CODE = b"".join(word.to_bytes(4, "little") for word in LOOP)


def ours(engine: str) -> float:
    """Million instructions a second."""
    machine = flat_machine(engine)
    machine.write(CODE, _CODE)
    machine.cpu.x[0], machine.cpu.x[1], machine.cpu.x[2] = DATA, DATA + 0x1000, 1 << 40
    machine.run(max_instructions=800)
    count = INSTRUCTIONS[engine]
    started = time.perf_counter()
    machine.run(max_instructions=count)
    return count / (time.perf_counter() - started) / 1e6


def peer() -> float:
    """The same loop in unicorn (MMU off: it has no EL2 or EL3, and maps what it is told to)."""
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
    uc.mem_map(CODE, 0x80_0000)
    uc.mem_write(CODE, _CODE)
    rounds = INSTRUCTIONS["unicorn"] // len(LOOP)
    uc.reg_write(names.UC_ARM64_REG_X0, DATA)
    uc.reg_write(names.UC_ARM64_REG_X1, DATA + 0x1000)
    uc.reg_write(names.UC_ARM64_REG_X2, rounds)
    started = time.perf_counter()
    uc.emu_start(CODE, CODE + len(_CODE))
    return INSTRUCTIONS["unicorn"] / (time.perf_counter() - started) / 1e6


def main() -> None:
    speeds: dict[str, list[float]] = {"reference": [], "interpreter": [], "unicorn": []}
    for _ in range(ROUNDS):
        speeds["reference"].append(ours("reference"))
        speeds["interpreter"].append(ours("interpreter"))
        speeds["unicorn"].append(peer())
    for name, values in speeds.items():
        print(f"{name:12} {statistics.median(values):10.3f} MIPS  ({min(values):.3f} to {max(values):.3f})")
    for other in ("reference", "unicorn"):
        ratios = [a / b for a, b in zip(speeds["interpreter"], speeds[other], strict=True)]
        print(f"interpreter / {other:10} {statistics.median(ratios):10.2f}")


if __name__ == "__main__":
    main()
