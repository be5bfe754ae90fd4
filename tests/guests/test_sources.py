"""The committed guest programs are what their sources build, and the command that says so can tell."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

GUESTS = Path(__file__).resolve().parents[2] / "guests"
NAMES = sorted(source.stem for source in GUESTS.glob("*/*.S") if source.stem == source.parent.name)

needs_ziglang = pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None, reason="ziglang (the assembler and linker of the guests) is missing"
)


def run_build(*arguments: str, guests: Path = GUESTS, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run the build command of the given folder; `python` are options of the interpreter."""
    command = [sys.executable, *python, str(guests / "build.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def guests_copy(tmp_path: Path) -> Path:
    """A folder with the sources and binaries of one guest that a test may damage."""
    shutil.copy(GUESTS / "build.py", tmp_path)
    shutil.copytree(GUESTS / "include", tmp_path / "include")
    shutil.copytree(GUESTS / "hello", tmp_path / "hello")
    return tmp_path


def test_there_are_guests() -> None:
    assert "hello" in NAMES
    assert "two-realms" in NAMES


@needs_ziglang
@pytest.mark.parametrize("name", NAMES)
def test_committed_elf_is_what_its_source_builds(name: str) -> None:
    done = run_build("--check", name)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_elf_names_nothing_of_the_machine_that_built_it(name: str) -> None:
    image = (GUESTS / name / f"{name}.elf").read_bytes()
    assert str(GUESTS).encode() not in image
    assert b".note" not in image
    with (GUESTS / name / f"{name}.elf").open("rb") as file:
        elf = ELFFile(file)
        debug = [section for section in elf.iter_sections() if section.name.startswith(".debug")]
        texts = [text for section in debug for text in re.findall(rb"[ -~]{4,}", section.data())]
    assert f"{name}/{name}.S".encode() in texts
    assert not [text for text in texts if text.startswith(b"/") or b":" in text or b"\\" in text]


@needs_ziglang
def test_the_same_source_gives_the_same_file_anywhere(guests_copy: Path) -> None:
    elf = guests_copy / "hello" / "hello.elf"
    elf.unlink()
    done = run_build("hello", guests=guests_copy)
    assert done.returncode == 0, done.stderr
    assert elf.read_bytes() == (GUESTS / "hello" / "hello.elf").read_bytes()


@needs_ziglang
def test_check_notices_a_changed_byte(guests_copy: Path) -> None:
    elf = guests_copy / "hello" / "hello.elf"
    elf.write_bytes(elf.read_bytes().replace(b"Hello from", b"Jello from"))
    done = run_build("--check", "hello", guests=guests_copy)
    assert done.returncode == 1
    assert "the segment at 0x40080000 differs" in done.stderr


@needs_ziglang
def test_check_notices_a_changed_symbol(guests_copy: Path) -> None:
    elf = guests_copy / "hello" / "hello.elf"
    elf.write_bytes(elf.read_bytes().replace(b"uart_print", b"uart_paint"))
    done = run_build("--check", "hello", guests=guests_copy)
    assert done.returncode == 1
    assert "symbol 'uart_paint' differs" in done.stderr


@needs_ziglang
def test_check_notices_that_the_lines_of_the_source_have_moved(guests_copy: Path) -> None:
    source = guests_copy / "hello" / "hello.S"
    source.write_text("// A line more.\n" + source.read_text())
    done = run_build("--check", "hello", guests=guests_copy)
    assert done.returncode == 1
    assert "its line table differs" in done.stderr


@needs_ziglang
@pytest.mark.parametrize("size", [0, 30, 5000])
def test_check_of_a_truncated_elf_is_one_sentence(guests_copy: Path, size: int) -> None:
    elf = guests_copy / "hello" / "hello.elf"
    elf.write_bytes(elf.read_bytes()[:size])
    done = run_build("--check", "hello", guests=guests_copy)
    assert done.returncode == 1
    assert done.stderr.startswith("hello.elf")
    assert len(done.stderr.splitlines()) == 1


@needs_ziglang
def test_check_of_a_missing_elf_says_how_to_build_it(guests_copy: Path) -> None:
    (guests_copy / "hello" / "hello.elf").unlink()
    done = run_build("--check", "hello", guests=guests_copy)
    assert done.returncode == 1
    assert "python guests/build.py hello" in done.stderr


@needs_ziglang
def test_a_source_that_does_not_assemble_is_exit_code_1(guests_copy: Path) -> None:
    source = guests_copy / "hello" / "hello.S"
    source.write_text(source.read_text() + "\n        no_such_instruction x0\n")
    done = run_build("hello", guests=guests_copy)
    assert done.returncode == 1
    assert "no_such_instruction" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_guest_is_exit_code_2_and_names_the_known_ones() -> None:
    done = run_build("no-such-guest")
    assert done.returncode == 2
    assert "no-such-guest" in done.stderr
    assert "two-realms" in done.stderr


def test_without_ziglang_it_says_what_to_install() -> None:
    done = run_build("--check", python=("-S",))  # no site-packages
    assert done.returncode == 2
    assert "pip install ziglang" in done.stderr
    assert len(done.stderr.splitlines()) == 1
