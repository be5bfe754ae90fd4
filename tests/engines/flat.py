"""A machine for plain EL1 code: everything identity mapped as Normal memory, so that unaligned accesses work."""

from __future__ import annotations

from pathlib import Path

import emu

CODE = 0x4000_0000
DATA = 0x4020_0000
TABLE = 0x4060_0000
DATA_SIZE = 0x4000

_BLOCK = 0b01 | 1 << 10 | 3 << 8  # block, access flag, inner shareable, attribute 0, EL1 read and write
_USER = 1 << 6  # EL0 too: LDTR and STTR work there


def flat_machine(
    engine: str,
    *,
    el: int = 1,
    cache_folder: Path | None = None,
    model: str = "cipher",
    cache: bool = False,
    jit_threshold: int | None = None,
) -> emu.Machine:
    """8 MiB of RAM in four 2 MiB blocks, the first for EL1 alone, so that EL1 may execute there."""
    folder: Path | str | None = "default" if cache_folder is None else cache_folder
    machine = emu.Machine(
        memory="8M",
        el=el,
        engine=engine,
        mec_model=model,
        mec_cache=cache,
        jit_threshold=jit_threshold,
        cache_folder=folder,  # type: ignore[arg-type]
    )
    machine.write(TABLE + 8, (TABLE + 0x1000 | 3).to_bytes(8, "little"))
    for block in range(4):
        descriptor = CODE + (block << 21) | _BLOCK | (_USER if block else 0)
        machine.write(TABLE + 0x1000 + 8 * block, descriptor.to_bytes(8, "little"))
    registers = machine.cpu.sysreg
    registers["MAIR_EL1"] = 0xFF
    registers["TTBR0_EL1"] = TABLE
    registers["TCR_EL1"] = 25 | 1 << 23 | 5 << 32  # T0SZ=25, EPD1, 48-bit outputs
    registers["SCTLR_EL1"] = registers["SCTLR_EL1"] & ~0xE | 1
    registers["VBAR_EL1"] = CODE + 0x8_0000
    machine.cpu.pc = CODE
    return machine
