"""gdb itself, in batch mode, beside a machine of our own that runs the same guest: both have to see the same."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import emu
from emu.debug.stops import CodeStop, Place, WatchStop

GDB = shutil.which("gdb-multiarch")
TWO_REALMS = Path(__file__).parents[2] / "guests" / "two-realms" / "two-realms.elf"
Debug = Callable[..., list[str]]

pytestmark = pytest.mark.skipif(GDB is None, reason="gdb-multiarch is not installed")


@pytest.fixture
def gdb() -> Debug:
    """Runs gdb commands against a server of its own; returns what each of them printed."""

    def debug(guest: str, *commands: str) -> list[str]:
        server = subprocess.Popen(
            [sys.executable, "-m", "mectui", "gdbserver", guest, "--once", "--port", "0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert server.stderr is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", server.stderr.readline())
            assert found is not None
            assert GDB is not None
            typed = ["set pagination off", "set width 0", "set confirm off", f"target remote 127.0.0.1:{found[1]}"]
            for number, command in enumerate(commands):
                typed += [f"echo \\n<{number}>\\n", command]
            arguments = [part for command in (*typed, "echo \\n<end>\\n") for part in ("-ex", command)]
            done = subprocess.run(
                [GDB, "-nx", "-batch", *arguments],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
            )  # fmt: skip
            server.wait(20)
            assert "<end>" in done.stdout, done.stdout
            parts = re.split(r"\n?<(?:\d+|end)>\n", done.stdout)
            return [part.strip() for part in parts[1 : len(commands) + 1]]
        finally:
            server.kill()
            server.communicate()

    return debug


def _machine() -> emu.Machine:
    machine = emu.Machine(engine="interpreter")
    machine.load(TWO_REALMS)
    return machine


def _registers(text: str) -> dict[str, int]:
    """What `info registers` printed: name and hexadecimal value."""
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1], 16) for row in rows if len(row) > 1 and row[1].startswith("0x")}


def test_gdb_sees_the_registers_the_code_and_the_mecids_that_the_machine_has(gdb: Debug) -> None:
    machine = _machine()
    entry = machine.symbols.lookup("realm_b_entry")
    assert entry is not None
    machine.breakpoints.add(entry)
    assert machine.run().reason is emu.StopReason.BREAKPOINT
    first = {**{f"x{n}": machine.cpu.x[n] for n in range(31)}, "sp": machine.cpu.sp, "pc": entry}
    mec = machine.mec.registers()
    values = {name: machine.cpu.sysreg[name] for name in ("SCTLR2_EL2", "TCR2_EL2", "HCR_EL2", "VTTBR_EL2")}
    machine.step()

    told = gdb(
        str(TWO_REALMS), f"break *{entry:#x}", "continue", "info registers general", "info registers mec",
        "print $MECID_P0_EL2", "print/x $VTTBR_EL2", "print $SCTLR2_EL2", "print/x $SCTLR2_EL2", "print/x $HCR_EL2",
        "print/x $TCR2_EL2", "info threads", "stepi", "print/x $pc", "x/i $pc", "set $x9 = 0x1234", "print/x $x9",
        "print/x $v7.q.u[0]",
    )  # fmt: skip
    (
        _, stopped, general, in_group, p0, vttbr, sctlr2, sctlr2_hex, hcr, tcr2, threads, _, pc, instruction, _, x9, v7,
    ) = told  # fmt: skip
    assert "Breakpoint 1, " in stopped
    shown = _registers(general)
    assert {name: shown[name] for name in first} == first
    assert _registers(in_group) == mec
    assert p0 == f"$1 = {mec['MECID_P0_EL2']}"
    assert vttbr == f"$2 = {values['VTTBR_EL2']:#x}"
    assert (sctlr2, sctlr2_hex) == ("$3 = [ EMEC ]", f"$4 = {values['SCTLR2_EL2']:#x}")
    assert (hcr, tcr2) == (f"$5 = {values['HCR_EL2']:#x}", f"$6 = {values['TCR2_EL2']:#x}")
    assert "EL1 realm" in threads
    assert pc == f"$7 = {machine.cpu.pc:#x}"
    assert re.match(rf"=> {machine.cpu.pc:#x} <realm_b_\w+\+\d+>:", instruction)
    assert (x9, v7) == ("$8 = 0x1234", f"$9 = {machine.cpu.v[7]:#x}")


def test_a_watchpoint_a_walk_and_memory_through_two_eyes(gdb: Debug) -> None:
    machine = _machine()
    place = machine.symbols.lookup("shared_granule")
    search = machine.symbols.lookup("realm_b_search_secret")
    assert place is not None
    assert search is not None
    watch = machine.stops.add(WatchStop(place=Place(place), size=8))
    assert machine.run().number == watch.number
    after_write, written = machine.cpu.pc, machine.read(place, 8)
    machine.stops.clear()
    machine.stops.add(CodeStop(place=Place(search)))
    machine.run()
    noise, secret = machine.read_virtual(place, 8), machine.read(place, 8)
    assert noise is not None
    record = machine.translate(place)

    told = gdb(
        str(TWO_REALMS), f"watch *(unsigned long*){place:#x}", "continue", "print/x $pc", "delete",
        f"break *{search:#x}", "continue", f"x/1gx {place:#x}", "monitor eyes owner", "maintenance flush dcache",
        f"x/1gx {place:#x}", "monitor walk shared_granule", "delete", "continue", "print $_exitcode",
    )  # fmt: skip
    _, watched, pc, _, _, broke, seen, _, _, owned, walked, _, ended, code = told
    assert "Hardware watchpoint 1" in watched
    assert f"New value = {int.from_bytes(written, 'little')}" in watched
    assert "by MECID 5" in watched  # what no debugger says: the mectui sentence before the stop
    assert pc == f"$1 = {after_write:#x}"
    assert "Breakpoint 2, " in broke
    assert seen.split()[-1] == f"{int.from_bytes(noise, 'little'):#018x}"
    assert owned.split()[-1] == f"{int.from_bytes(secret, 'little'):#018x}"
    assert seen.split()[-1] != owned.split()[-1]
    assert f"MECID   {record.mecid} from {record.source.value}" in walked
    assert "SUBSTITUTED" in walked
    assert "exited normally" in ended
    assert code == "$2 = 0"


def test_gdb_goes_back_to_who_wrote_what_it_looks_at(gdb: Debug) -> None:
    machine = _machine()
    place, search = (machine.symbols.lookup(name) for name in ("shared_granule", "realm_b_search_secret"))
    assert place is not None
    assert search is not None
    watch = machine.stops.add(WatchStop(place=Place(place), size=8))
    assert machine.run().number == watch.number
    stored = machine.cpu.pc - 4
    secret = int.from_bytes(machine.read(place, 8), "little")

    told = gdb(
        str(TWO_REALMS), f"break *{search:#x}", "continue", "reverse-stepi", "print/x $pc", "stepi", "print/x $pc",
        "delete", f"watch *(unsigned long*){place:#x}", "reverse-continue", "print/x $pc", "monitor eyes owner",
        "maintenance flush dcache", f"x/1gx {place:#x}", "stepi", f"x/1gx {place:#x}", "reverse-stepi", "delete",
        f"break *{stored - 4:#x}", "reverse-continue", "print/x $pc", "delete", "reverse-continue",
    )  # fmt: skip
    (
        _, broke, _, back, _, again, _, _, wrote, pc, _, _, before, _, after, _, _, _, earlier, early, _, end,
    ) = told  # fmt: skip
    assert machine.symbols.describe(search) in broke
    assert (back, again) == (f"$1 = {search - 4:#x}", f"$2 = {search:#x}")
    assert "Hardware watchpoint 2" in wrote
    assert "by MECID 5" in wrote
    assert pc == f"$3 = {stored:#x}"  # before the store, whose value is not there yet
    assert before.split()[-1] != after.split()[-1] == f"{secret:#018x}"
    assert "Breakpoint 3" in earlier
    assert early == f"$4 = {stored - 4:#x}"
    assert "No more reverse-execution history" in end


def test_gdb_finds_the_program_by_itself_and_survives_what_is_not_mapped(gdb: Debug) -> None:
    started, symbol, changed, listing = gdb(
        "two-realms", "print/x $pc", "info symbol $pc", "print $CNTFRQ_EL0 = 5", "info registers rme"
    )
    machine = _machine()
    assert started == f"$1 = {machine.entry:#x}"
    assert symbol.startswith("_start in section")
    assert changed == "$2 = 5"
    rme = {r.name: machine.cpu.sysreg[r.name] for r in machine.registers.table if r.group == "rme"}
    assert _registers(listing) == rme


def test_an_exit_code_other_than_zero_reaches_gdb(gdb: Debug, tmp_path: Path) -> None:
    # mov w0, #0x18 (SYS_EXIT); adr x1, block; hlt #0xf000; b .; block: ADP_Stopped_ApplicationExit, 7
    words = (0x52800300, 0x10000061, 0xD45E0000, 0x14000000)
    code = b"".join(word.to_bytes(4, "little") for word in words)
    code += (0x20026).to_bytes(8, "little") + (7).to_bytes(8, "little")
    machine = emu.Machine(engine="reference")
    machine.load_raw(code, 0x4000_0000)
    stop = machine.run(100)
    assert (stop.reason, stop.code) == (emu.StopReason.EXIT, 7)  # semihosting, "SYS_EXIT (0x18)" for 64-bit programs
    elf = _elf(code)
    path = tmp_path / "seven.elf"
    path.write_bytes(elf)
    ended, value = gdb(str(path), "continue", "print $_exitcode")
    assert "exited with code 07" in ended
    assert value == "$1 = 7"


def _elf(code: bytes) -> bytes:
    """The smallest ELF file of a program at 0x4000_0000: a header, one PT_LOAD, the program."""

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, "little")

    header = b"\x7fELF\x02\x01\x01" + bytes(9) + number(2, 2) + number(183, 2) + number(1, 4) + number(0x4000_0000, 8)
    header += number(64, 8) + number(0, 8) + number(0, 4) + number(64, 2) + number(56, 2) + number(1, 2) + bytes(6)
    segment = number(1, 4) + number(5, 4) + number(120, 8) + number(0x4000_0000, 8) * 2
    segment += number(len(code), 8) * 2 + number(8, 8)
    return header + segment + code
