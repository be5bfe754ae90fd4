"""The machine that `mectui bench` compares with: QEMU's virt board, as a process that runs the same ELF file."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from emu.errors import EmuError

VARIABLE = "MECTUI_QEMU_SYSTEM"
"""Environment variable that names another QEMU than the one on PATH: a command line."""
_BOARD = (
    "-M", "virt,secure=on,virtualization=on", "-cpu", "max", "-m", "256M", "-display", "none", "-serial", "null",
    "-monitor", "none", "-chardev", "stdio,id=out",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PeerRun:
    """One run in QEMU: how the guest ended, what it printed, host seconds from the start of the process to its end."""

    code: int
    console: str
    seconds: float


def find_peer() -> tuple[str, ...] | None:
    """The command of QEMU, or None where there is none. Raises EmuError if MECTUI_QEMU_SYSTEM names no program."""
    try:
        named = shlex.split(os.environ.get(VARIABLE, ""))
    except ValueError as error:
        raise EmuError(f"{VARIABLE} is not a command line: {error}") from None
    if named:
        if shutil.which(named[0]) is None:
            raise EmuError(f"{VARIABLE} names {named[0]!r}, which is no program on PATH")
        return tuple(named)
    found = shutil.which("qemu-system-aarch64")
    return (found,) if found else None


def version(command: tuple[str, ...]) -> str:
    """What the peer calls itself, such as "QEMU emulator version 7.2.9"; "QEMU" if it does not say."""
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "QEMU"
    lines = done.stdout.splitlines()
    return lines[0].split(" (")[0].strip() if lines else "QEMU"


def run(command: tuple[str, ...], elf: Path, command_line: str) -> PeerRun:
    """Run an ELF file to its end. Raises EmuError if QEMU cannot be started or takes more than ten minutes."""
    semihosting = f"enable=on,target=native,chardev=out,arg={command_line}"
    whole = [*command, *_BOARD, "-semihosting-config", semihosting, "-kernel", str(elf)]
    started = time.perf_counter()
    try:
        done = subprocess.run(
            whole, capture_output=True, text=True, errors="replace", timeout=600, check=False, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise EmuError(f"{command[0]} cannot be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise EmuError(f"{command[0]} did not end {elf.name} within ten minutes") from None
    return PeerRun(done.returncode, done.stdout, time.perf_counter() - started)
