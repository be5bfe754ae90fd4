"""Wrong input of every kind: one sentence on stderr, exit code 2, nothing on stdout, never a traceback."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import emu
from emu.errors import EmuError
from tests.cli.conftest import Run

HELLO = Path(__file__).parent.parent.parent / "guests" / "hello" / "hello.elf"


def _header(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


def _first_load(data: bytes) -> int:
    """File offset of the first PT_LOAD program header."""
    table, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
    return next(
        table + 56 * index for index in range(count) if struct.unpack_from("<I", data, table + 56 * index)[0] == 1
    )


def _broken(kind: str) -> bytes:
    data = HELLO.read_bytes()
    load = _first_load(data)
    match kind:
        case "empty":
            return b""
        case "text":
            return b"This is not a program.\n" * 10
        case "header only":
            return data[:40]
        case "x86":
            return _header(data, 18, (62).to_bytes(2, "little"))
        case "32 bit":
            return _header(data, 4, b"\x01")
        case "big endian":
            return _header(data, 5, b"\x02")
        case "object file":
            return _header(data, 16, (1).to_bytes(2, "little"))
        case "truncated":
            return data[: load + 200]
        case "no segments":
            return _header(data, 56, (0).to_bytes(2, "little"))
        case "outside memory":
            return _header(data, load + 24, (0x9000_0000).to_bytes(8, "little"))
        case "at a device":
            return _header(data, load + 24, (0x0900_0000).to_bytes(8, "little"))
        case "huge":
            return _header(data, load + 40, (1 << 40).to_bytes(8, "little"))
        case "file size beyond memory size":
            return _header(data, load + 40, (1).to_bytes(8, "little"))
        case "program headers outside":
            return _header(data, 32, (1 << 60).to_bytes(8, "little"))
        case "section headers outside":
            return _header(data, 40, (1 << 60).to_bytes(8, "little"))
    raise AssertionError(kind)


KINDS = (
    "empty", "text", "header only", "x86", "32 bit", "big endian", "object file", "truncated", "no segments",
    "outside memory", "at a device", "huge", "file size beyond memory size", "program headers outside",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_elf_file_is_refused_with_one_sentence(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "guest.elf"
    path.write_bytes(_broken(kind))
    with pytest.raises(EmuError) as caught:
        emu.Machine(engine="reference").load(path)
    message = str(caught.value)
    assert "guest.elf" in message
    assert "\n" not in message
    assert ":" in message  # what is wrong, then what to try


def test_an_elf_without_usable_sections_still_loads_or_says_why(tmp_path: Path) -> None:
    path = tmp_path / "guest.elf"
    path.write_bytes(_broken("section headers outside"))
    machine = emu.Machine(engine="reference")
    message = _refusal(machine, path)
    assert (message is None and machine.cpu.pc == 0x4008_0000) or (message is not None and "guest.elf" in message)


def _refusal(machine: emu.Machine, path: Path) -> str | None:
    """What the machine says about a file; None when it loads it."""
    try:
        machine.load(path)
    except EmuError as error:
        return str(error)
    return None


def test_overlapping_segments_are_refused(tmp_path: Path) -> None:
    data = HELLO.read_bytes()
    table = struct.unpack_from("<Q", data, 32)[0]
    loads = [
        table + 56 * index
        for index in range(struct.unpack_from("<H", data, 56)[0])
        if struct.unpack_from("<I", data, table + 56 * index)[0] == 1
        and struct.unpack_from("<Q", data, table + 56 * index + 40)[0]
    ]
    assert len(loads) >= 2, "the guest has one segment only: choose another one for this test"
    address = struct.unpack_from("<Q", data, loads[0] + 24)[0]
    path = tmp_path / "guest.elf"
    path.write_bytes(_header(data, loads[1] + 24, address.to_bytes(8, "little")))
    with pytest.raises(EmuError, match="overlapping"):
        emu.Machine(engine="reference").load(path)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 30))
def test_a_damaged_elf_loads_or_is_refused_but_never_breaks_the_loader(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    data = bytearray(HELLO.read_bytes())
    for _ in range(source.randrange(1, 30)):
        at = source.randrange(min(len(data), 512)) if source.random() < 0.7 else source.randrange(len(data))
        data[at] = source.choice((0, 0xFF, source.randrange(256)))
    if source.random() < 0.3:
        data = data[: source.randrange(len(data))]
    path = tmp_path / "guest.elf"
    path.write_bytes(data)
    message = _refusal(emu.Machine(memory="1M", engine="reference"), path)
    assert message is None or "\n" not in message


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "no-such-guest"], "two-realms"),
        (["run", "."], "folder"),
        (["run", "hello", "--memory", "lots"], "256M"),
        (["run", "hello", "--memory", "0"], "256M"),
        (["run", "hello", "--memory", "999G"], "16G"),
        (["run", "hello", "--memory", "5000"], "multiple"),
        (["run", "hello", "--engine", "warp"], "interpreter"),
        (["run", "hello", "--jit-threshold", "-1"], "0"),
        (["run", "hello", "--cpu", "m1"], "v8.0"),
        (["run", "hello", "--cpus", "4"], "one CPU"),
        (["run", "hello", "--cpus", "0"], "one"),
        (["run", "hello", "--el", "5"], "--el"),
        (["run", "hello", "--mecid-width", "17"], "16"),
        (["run", "hello", "--tlb-entries", "0"], "TLB"),
        (["run", "hello", "--max-insns", "many"], "number"),
        (["run", "hello", "--max-insns", "-3"], "number of instructions: it is below 0"),
        (["run", "hello", "--break", "nowhere"], "symbol"),
        (["run", "hello", "--break", "_start+x"], "column 8"),
        (["run", "hello", "--load-at", "here"], "0x4000_0000"),
        (["run", "hello", "--load-at", "0x10000000000000000"], "64 bits"),
        (["run", "hello", "--load-at", "0x9000_0000"], "memory"),
        (["run"], "GUEST"),
        (["run", "hello", "--frobnicate"], "frobnicate"),
        (["walk", "hello"], "ADDRESS"),
        (["walk", "hello", "nowhere"], "symbol"),
        (["walk", "hello", "_start", "--regime", "EL9"], "EL2&0"),
        (["walk", "hello", "_start", "--access", "sniff"], "access"),
        (["walk", "hello", "_start", "--until", "0xdead0000"], "never reached"),
        (["lesson", "no-such-lesson"], "there is no lesson"),
        (["no-such-guest"], "bundled"),
        (["hello", "--theme"], "--theme"),
        (["run", "a\x00b"], "no file"),
        (["run", "x" * 5000], "cannot be opened: File name too long"),
        (["run", ""], "name is empty"),
        (["tow-realms"], "did you mean two-realms?"),
        (["run", "tow-realms"], "did you mean two-realms?"),
        (["chek", "hello"], "did you mean `mectui check`?"),
        (["run", "chek"], "bundled are: "),
        (["run", "hello", "two-realms"], "two-realms.elf and hello.elf overlap at 0x40080000"),
        (["check", "hello", "--rules", ",,"], "names no rule"),
    ],
)
def test_a_wrong_command_line_gets_one_sentence_and_exit_code_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from mectui.cli import main

    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mectui: ")
    assert err.count("\n") == 1
    assert says in err


def test_the_screen_without_a_terminal_says_so(mectui: Run) -> None:
    done = mectui("hello")
    assert done.returncode == 2
    assert "terminal" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run hello", "run hello --json", "hits hello --json", "lesson", "--help"])
@pytest.mark.parametrize(
    ("where", "code", "says"),
    [
        (">/dev/full", 2, "mectui: No space left on device"),
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
        ("2>&-", 0, ""),
        ("<&-", 0, ""),
    ],
)
def test_output_that_goes_nowhere_is_no_traceback(command: str, where: str, code: int, says: str) -> None:
    import subprocess
    import sys

    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m mectui {command} {where}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert says in done.stderr


@pytest.mark.parametrize("command", [["lesson"], ["timeline", "hello"], ["walk", "two-realms", "_start"]], ids=" ".join)
def test_a_locale_of_ascii_alone_is_no_traceback(command: list[str]) -> None:
    import os
    import subprocess
    import sys

    narrow = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-m", "mectui", *command], capture_output=True, env=narrow, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()


def test_a_reader_that_goes_away_is_no_error() -> None:
    import subprocess
    import sys

    command = f"{sys.executable} -m mectui run two-realms --json | head -c 10"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
