"""Programs that run on this machine and on QEMU: built from driver.S and generated configurations, compared by line.

A case is (piece of code, SPSR or None, x1, x0): with an SPSR the driver enters that state there; without one it is an
address translation that EL3 makes for itself. Each gives one line of seven numbers:

    how it came back   where from: 0x1000 + vector offset at EL1, 0x2000 + offset at EL2, or the offset at EL3
    ESR FAR ELR SPSR   of that level
    HPFAR_EL2          where it is EL2
    x0                 what was loaded, or PAR_EL1
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import emu
from tests.conformance import words as w

_NAMED = os.environ.get("MECTUI_QEMU_SYSTEM", "")
_FOUND = shutil.which("qemu-system-aarch64")
QEMU: list[str] | None = shlex.split(_NAMED) if _NAMED else [_FOUND] if _FOUND else None
"""The command: MECTUI_QEMU_SYSTEM may name another QEMU than the one on PATH."""
MISSING = (
    "qemu-system-aarch64 is not on PATH"
    if QEMU is None
    else "ziglang, which assembles the programs, is not installed"
    if importlib.util.find_spec("ziglang") is None
    else ""
)


def _has_rme() -> bool:
    """Whether QEMU has RME: it gets as far as not finding its kernel."""
    if MISSING:
        return False
    assert QEMU is not None
    command = [*QEMU, "-M", "virt,secure=on,virtualization=on", "-cpu", "max,x-rme=on", "-display", "none"]
    done = subprocess.run([*command, "-kernel", "/none"], capture_output=True, text=True, timeout=20)
    return "x-rme" not in done.stderr


HAS_RME = _has_rme()

DRIVER = Path(__file__).with_name("driver.S")
CODE_BLOCK = 0x4000_0000
"""2 MiB that every stage maps one to one: the vectors of EL1 and EL2, and the pieces of code."""
CASES_AT = 0x4020_0000
POOL = 0x4060_0000
"""2 MiB for translation tables."""
LARGE_POOL, LARGE_POOL_END = 0x4200_0000, 0x4400_0000
"""For those of the larger granules, and for granule protection tables."""
DATA, DATA_END = 0x4080_0000, 0x40C0_0000
RESULTS = 0x4100_0000

LINKER_SCRIPT = f"""
ENTRY(_start)
PHDRS {{ text PT_LOAD FLAGS(5); cases PT_LOAD FLAGS(6); }}
DATA_START = {DATA:#x};
DATA_END = {DATA_END:#x};
SECTIONS
{{
    . = 0x40080000;
    .text : {{ *(.text) }} :text
    ASSERT(. <= {CASES_AT:#x}, "the code must fit into the block that every configuration maps")
    . = {CASES_AT:#x};
    .cases : {{ *(.cases) }} :cases
    ASSERT(. <= {POOL:#x}, "too many cases")
    line = {RESULTS:#x} - 0x2000;
    stack_top = {RESULTS:#x};
    results = {RESULTS:#x};
    /DISCARD/ : {{ *(.comment) *(.note*) }}
}}
"""
FLAGS = (
    "-target", "aarch64-freestanding-none", "-mcpu=generic+el2vmsa+el3+vh+pan+pan_rwv", "-nostdlib", "-static", "-g0",
    "-Wl,--build-id=none", "-Wl,-z,max-page-size=4096",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    piece: str
    spsr: int | None
    address: int
    value: int = 0


@dataclass(slots=True)
class Configuration:
    """System registers, descriptors in memory, and the cases that run with them."""

    name: str
    registers: Mapping[str, int]
    tables: Mapping[int, int] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    pieces: str = ""
    """Further pieces of code, as assembly text."""


def source(configurations: Sequence[Configuration]) -> str:
    """The assembly text of a whole program."""
    text = [DRIVER.read_text()]
    text += [configuration.pieces for configuration in configurations]
    for number, configuration in enumerate(configurations):
        text.append(f"setup_{number}:\n        mov x28, x30\n        bl forget")
        # SCR_EL3 comes first: it decides whether registers of Secure EL2 can be written.
        for name, value in sorted(configuration.registers.items(), key=lambda item: item[0] != "SCR_EL3"):
            if name == "SCTLR_EL3":  # the driver switches it with each case: x27
                continue
            op0, op1, crn, crm, op2 = w.REGISTERS[name]
            text.append(f"        ldr x0, ={value:#x}\n        msr S{op0}_{op1}_C{crn}_C{crm}_{op2}, x0")
            if name == "SCR_EL3":
                text.append("        isb")
        sctlr = configuration.registers.get("SCTLR_EL3", 0x30C5_0830)
        text.append(f"        ldr x27, ={sctlr:#x}\n        ret x28\n        .ltorg")
    text.append('        .section .cases, "aw"\n        .balign 4096\nconfigurations:')
    for number, configuration in enumerate(configurations):
        text.append(
            f"        .quad setup_{number}, tables_{number}, {len(configuration.tables)}, "
            f"cases_{number}, {len(configuration.cases)}"
        )
    text.append("        .quad 0")
    for number, configuration in enumerate(configurations):
        text.append(f"tables_{number}:")
        text += [f"        .quad {slot:#x}, {value:#x}" for slot, value in configuration.tables.items()]
        text.append(f"cases_{number}:")
        for case in configuration.cases:
            spsr = 0xFFFF_FFFF_FFFF_FFFF if case.spsr is None else case.spsr
            piece = f"call_{case.piece}" if case.spsr is None else case.piece
            text.append(f"        .quad {piece}, {spsr:#x}, {case.address:#x}, {case.value:#x}")
    return "\n".join(text) + "\n"


def build(configurations: Sequence[Configuration], folder: Path, *, has_rme: bool = False) -> Path:
    """The program as an ELF file; with `has_rme` the driver forgets Realm translations too, and reports MFAR_EL3."""
    (folder / "program.S").write_text(source(configurations))
    (folder / "program.ld").write_text(LINKER_SCRIPT)
    output = folder / "program.elf"
    caches = {"ZIG_LOCAL_CACHE_DIR": str(folder / "zig"), "ZIG_GLOBAL_CACHE_DIR": str(folder / "zig")}
    flags = (*FLAGS, "-DHAS_RME") if has_rme else FLAGS
    command = [sys.executable, "-m", "ziglang", "cc", *flags, f"-Wl,-T,{folder / 'program.ld'}"]
    done = subprocess.run(
        [*command, str(folder / "program.S"), "-o", str(output)],
        capture_output=True, text=True, env=os.environ | caches, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return output


def run_on_qemu(program: Path, *, has_rme: bool = False) -> list[str]:
    """The console of QEMU's virt board with EL3 and EL2."""
    assert QEMU is not None
    done = subprocess.run(
        [
            *QEMU, "-M", "virt,secure=on,virtualization=on", "-cpu", "max,x-rme=on" if has_rme else "max",
            "-m", "256M", "-display", "none",
            "-serial", "null", "-monitor", "none", "-semihosting-config", "enable=on,target=native",
            "-kernel", str(program),
        ],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    return (done.stdout + done.stderr).splitlines()


def run_here(program: Path, engine: str) -> list[str]:
    """The console of this machine. Address spaces share keys, as on a machine without encryption."""
    machine = emu.Machine(memory="256M", engine=engine, pas_keys=False)
    machine.load(program)
    stop = machine.run(max_instructions=200_000_000)
    assert stop.reason is emu.StopReason.EXIT, stop
    return machine.console.splitlines()


def numbers(line: str) -> tuple[int, ...]:
    assert re.fullmatch(r"[0-9a-f]+( [0-9a-f]+){6}", line), line
    return tuple(int(part, 16) for part in line.split())
