"""Cases on qemu-system-aarch64, thousands to a run: driver.S executes them at EL1 and EL0 and writes what they left."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from emu.registers.table import BY_NAME
from tests.conformance.bare_metal import FLAGS
from tests.conformance.differential import layout as at
from tests.conformance.differential.features import IDENTIFICATION, claimed
from tests.conformance.differential.layout import State

VARIABLE = "MECTUI_QEMU_SYSTEM"
COMMAND = shlex.split(os.environ.get(VARIABLE, "")) or ["qemu-system-aarch64"]
"""The emulator: the command line that the environment names, or the one on PATH."""

# Vectors of variable length would put V registers out of reach of the comparison: writes to them clear more.
_CPUS = ("max,sve=off,sme=off,pauth-qarma5=on", "max,sve=off,sme=off", "max,sve=off", "max")
_CONTROL = at.RECORDS - 0x1000
_BRANCH_TARGETS = (0x00, 0x0D, 0x20, 0x21, 0x22)
"""Exception classes of an instruction at a place that no case put there: what counts is that the PC went there."""


def missing() -> str:
    """Why there is no QEMU to compare with; empty where there is one."""
    if shutil.which(COMMAND[0]) is None:
        return f"{COMMAND[0]} is not installed"
    if importlib.util.find_spec("ziglang") is None:
        return "ziglang, which assembles the driver, is not installed"
    return ""


def _name(encoding: tuple[int, int, int, int, int]) -> str:
    op0, op1, crn, crm, op2 = encoding
    return f"S{op0}_{op1}_C{crn}_C{crm}_{op2}"


def _driver(folder: Path, system: dict[str, int]) -> Path:
    """The driver as an ELF file."""
    values = {name: getattr(at, name) for name in ("LOW", "PATTERN", "RECORDS", "MEMORIES", "WINDOW", "WINDOW_SIZE")}
    values |= {f"{name}_AT": getattr(at, name) for name in ("SP", "PC", "PSTATE", "FPCR", "FPSR", "ESR", "FAR", "V")}
    values |= {"RECORD_SIZE": at.RECORD_SIZE, "CONTROL": _CONTROL, "ID_SIZE": 8 * len(IDENTIFICATION)}
    text = [f"        .equ {name}, {value:#x}" for name, value in values.items()]
    text.append(Path(__file__).with_name("driver.S").read_text())
    text.append("write_system_registers:")
    for name, value in system.items():
        text.append(f"        ldr x0, ={value:#x}\n        msr {_name(BY_NAME[name].encoding)}, x0")
    text.append("        isb\n        ret\n        .ltorg\nread_identification:")
    text += [f"        mrs x0, {_name(BY_NAME[name].encoding)}\n        str x0, [x1], #8" for name in IDENTIFICATION]
    text.append("        ret\n")
    source, script, output = (folder / name for name in ("driver.s.S", "driver.ld", "driver.elf"))
    source.write_text("\n".join(text))
    script.write_text(
        f"ENTRY(_start)\nSECTIONS {{ . = {at.DRIVER:#x}; .text : {{ *(.text) }} .data : {{ *(.data) }}"
        " /DISCARD/ : { *(.comment) *(.note*) } }\n"
    )
    caches = {"ZIG_LOCAL_CACHE_DIR": str(folder / "zig"), "ZIG_GLOBAL_CACHE_DIR": str(folder / "zig")}
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", *FLAGS, f"-Wl,-T,{script}", str(source), "-o", str(output)],
        capture_output=True, text=True, env=os.environ | caches, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return output


class Qemu:
    """A QEMU whose version and features are found out first."""

    levels = (0, 1)

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._folder = tempfile.TemporaryDirectory(prefix="mectui-differential-")
        folder = Path(self._folder.name)
        said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout
        found = re.search(r"version (\d+)\.(\d+)", said)
        assert found is not None, said
        self.version = (int(found[1]), int(found[2]))
        self.name = f"qemu {found[1]}.{found[2]}"
        self._cpu = self._accepted_cpu()
        system = dict(at.SYSTEM)
        self._elf = _driver(folder, system)
        self.isa = claimed(self._run([], bytes(at.WINDOW_SIZE))[0])
        if "FEAT_MOPS" in self.isa:
            system["SCTLR_EL1"] |= at.SCTLR_MSCEN
            self._elf = _driver(folder, system)
        self.system = system

    def _accepted_cpu(self) -> str:
        for cpu in _CPUS:
            command = [
                *self._command,
                "-M",
                "virt",
                "-cpu",
                cpu,
                "-display",
                "none",
                "-monitor",
                "stdio",
                "-serial",
                "null",
            ]
            if subprocess.run(command, input="quit\n", capture_output=True, text=True, timeout=60).returncode == 0:
                return cpu
        raise AssertionError(f"{self.name} accepts none of {_CPUS}")

    def _run(
        self, cases: Sequence[tuple[tuple[int, ...], bytes]], pattern: bytes
    ) -> tuple[dict[str, int], list[bytes], list[bytes]]:
        """Identification registers; then for each case (words, record) the record and the window it left."""
        folder = Path(self._folder.name)
        slots = bytearray(at.BREAKPOINT.to_bytes(4, "little") * (at.SLOT_COUNT * at.SLOT_SIZE // 4))
        for index, (words, _) in enumerate(cases):
            code = b"".join(word.to_bytes(4, "little") for word in words)
            slots[index * at.SLOT_SIZE : index * at.SLOT_SIZE + len(code)] = code
        name = str(folder / "results").encode()
        control = struct.pack("<2Q", len(cases), len(name)) + name + b"\0"
        images = {
            at.SLOTS: bytes(slots), at.PATTERN: pattern.ljust(0x1000, b"\0"), at.TABLES: at.tables(),
            _CONTROL: control, at.RECORDS: b"".join(record for _, record in cases) or bytes(8),
        }  # fmt: skip
        loads = []
        for address, content in images.items():
            (folder / f"{address:x}").write_bytes(content)
            loads += ["-device", f"loader,file={folder / f'{address:x}'},addr={address:#x},force-raw=on"]
        done = subprocess.run(
            [
                *self._command, "-M", "virt", "-cpu", self._cpu, "-m", "64M", "-display", "none", "-serial", "null",
                "-monitor", "none", "-semihosting-config", "enable=on,target=native", "-kernel", str(self._elf), *loads,
            ],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        written = (folder / "results").read_bytes()
        first = 8 * len(IDENTIFICATION)
        second = first + at.RECORD_SIZE * len(cases)
        assert len(written) == second + at.WINDOW_SIZE * len(cases)
        values = struct.unpack(f"<{len(IDENTIFICATION)}Q", written[:first])
        return (
            dict(zip(IDENTIFICATION, values, strict=True)),
            [written[i : i + at.RECORD_SIZE] for i in range(first, second, at.RECORD_SIZE)],
            [written[i : i + at.WINDOW_SIZE] for i in range(second, len(written), at.WINDOW_SIZE)],
        )

    def run(self, cases: Sequence[tuple[tuple[int, ...], State]], pattern: bytes) -> list[tuple[State, bytes]]:
        """What each case, of words at its slot and a state, leaves in the registers and in the window."""
        _, records, memories = self._run([(words, state.packed()) for words, state in cases], pattern)
        results = []
        for (words, before), record, memory in zip(cases, records, memories, strict=True):
            after = State.unpacked(record)
            is_elsewhere = not 0 <= after.pc - before.pc < 4 * len(words)
            if is_elsewhere and (after.esr == at.NO_EXCEPTION or after.esr >> 26 in _BRANCH_TARGETS):
                after.esr = after.far = 0
            results.append((after, memory))
        return results
