"""C programs as compilers make them: each gives on this machine what it gives natively."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import emu
from emu import StopReason
from guests.build import BuildError
from tests.engines.test_engines_agree import assert_engines_agree
from tests.programs import build as tools
from tests.programs.catalogue import BUILDS, EXPECTED, HERE, PROGRAMS, VARIANTS, Build, build_named

_MOST = 200_000_000
_MOST_SMALL = 80_000
_MOST_BYTES = 3 << 20

_SLOW = {"coremark-protected", "vm-protected"}
"""Full-sized programs with very many signed returns or indirect branches."""
_DAILY_ON_REFERENCE = {"aes-small-max", "calls-small-max", "half-small"}
_DAILY_COMPILED = {"sha", "bignum", "functions"}
_DAILY_CHECKED = {"calls-O0", "vectors-O3", "atomics-max", "sha-small-max"}

needs_ziglang = pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None, reason="ziglang (compiler and linker of the programs) is missing"
)
needs_compiler = pytest.mark.skipif(tools.NATIVE is None, reason="there is no C compiler (gcc or cc) on PATH")
needs_qemu_user = pytest.mark.skipif(tools.QEMU_USER is None, reason="qemu-aarch64 is not on PATH")
needs_qemu_system = pytest.mark.skipif(tools.QEMU_SYSTEM is None, reason="qemu-system-aarch64 is not on PATH")

_QEMU_HAS = [build for build in BUILDS if "mops" not in build.variant.instructions]
"""QEMU 7 has no memory copy instructions."""


def _daily(items: list[str], daily: set[str]) -> list[object]:
    """Parameters: those of `daily` for every day, the others for the long proofs."""
    assert daily <= set(items)
    return [pytest.param(item, marks=() if item in daily else pytest.mark.long) for item in items]


def _load(build: Build, engine: str, **options: object) -> emu.Machine:
    machine = emu.Machine(engine=engine, cpu=build.variant.cpu, **options)  # type: ignore[arg-type]
    machine.load(build.elf)
    return machine


def _assert_as_expected(machine: emu.Machine, stop: emu.Stop, build: Build) -> None:
    report = f"{stop} after {machine.instructions:,} instructions; it printed:\n{machine.console}"
    assert (stop.reason, stop.code) == (StopReason.EXIT, 0), report
    assert machine.console == build.expected.read_text(), report


_NAMES = [build.name for build in BUILDS]


@pytest.mark.parametrize("name", _daily(_NAMES, set(_NAMES) - _SLOW))
def test_a_program_prints_what_it_prints_elsewhere(name: str) -> None:
    build = build_named(name)
    machine = _load(build, "interpreter")
    _assert_as_expected(machine, machine.run(max_instructions=_MOST), build)


@pytest.mark.parametrize("name", _daily([b.name for b in BUILDS if b.variant.small], _DAILY_ON_REFERENCE))
def test_both_engines_end_a_small_program_in_the_same_state(name: str) -> None:
    build = build_named(name)
    machines: list[emu.Machine] = []

    def make(engine: str) -> emu.Machine:
        machines.append(_load(build, engine, memory="8M"))
        return machines[-1]

    assert_engines_agree(make, _MOST_SMALL)
    for machine in machines:
        assert machine.console == build.expected.read_text(), f"after {machine.instructions:,} instructions"


@pytest.mark.parametrize("el", [1, 2, 3])
@pytest.mark.parametrize("name", ["calls-small", "calls-small-max"])
def test_a_program_runs_at_every_exception_level(name: str, el: int) -> None:
    build = build_named(name)
    machine = _load(build, "interpreter", el=el)
    stop = machine.run(max_instructions=_MOST)
    _assert_as_expected(machine, stop, build)
    assert stop.el == el


def test_an_instruction_that_the_cpu_lacks_ends_a_program_with_the_level_in_its_exit_code() -> None:
    machine = emu.Machine(engine="interpreter", cpu="v8.0")
    machine.load(build_named("sha-max").elf)
    stop = machine.run(max_instructions=_MOST)
    assert (stop.reason, stop.code) == (StopReason.EXIT, 93), machine.console
    assert "ESR_EL3 0x2000000 " in machine.console  # EC 0, Unknown reason; IL


# What is committed is what the sources give.


def test_every_file_belongs_to_a_build() -> None:
    assert {path.name for path in (HERE / "elfs").iterdir()} == {build.elf.name for build in BUILDS}
    assert {path.name for path in EXPECTED.iterdir()} == {build.expected.name for build in BUILDS}


def test_the_elf_files_are_small() -> None:
    assert sum(build.elf.stat().st_size for build in BUILDS) < _MOST_BYTES


def test_no_elf_names_the_machine_that_built_it() -> None:
    for build in BUILDS:
        image = build.elf.read_bytes()
        assert str(HERE.parent.parent).encode() not in image, build.name
        assert b".debug" not in image, build.name


@needs_ziglang
@pytest.mark.parametrize("name", _daily(_NAMES, _DAILY_CHECKED))
def test_committed_elf_is_what_its_source_builds(name: str, tmp_path: Path) -> None:
    assert tools.check(build_named(name), tmp_path) is None


@needs_compiler
@pytest.mark.parametrize("program", _daily(list(PROGRAMS), _DAILY_COMPILED))
def test_expected_output_is_what_the_program_prints_natively(program: str, tmp_path: Path) -> None:
    assert tools.run_native(program, False, tmp_path) == (EXPECTED / f"{program}.txt").read_text()
    assert tools.run_native(program, True, tmp_path) == (EXPECTED / f"{program}-small.txt").read_text()


@needs_compiler
def test_a_program_that_does_not_compile_is_a_build_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"no-such-program\.c"):
        tools.run_native("no-such-program", False, tmp_path)


@pytest.mark.long
@needs_ziglang
@needs_qemu_user
@pytest.mark.parametrize("name", [build.name for build in _QEMU_HAS])
def test_a_linux_build_prints_the_same_on_qemu(name: str, tmp_path: Path) -> None:
    build = build_named(name)
    assert tools.run_on_qemu_user(build, tmp_path) == build.expected.read_text()


@pytest.mark.long
@needs_qemu_system
@pytest.mark.parametrize("name", [build.name for build in _QEMU_HAS])
def test_the_same_elf_prints_the_same_on_qemu(name: str) -> None:
    build = build_named(name)
    assert tools.run_on_qemu_system(build.elf) == build.expected.read_text()


@pytest.mark.long
@needs_qemu_system
@pytest.mark.parametrize("el", [1, 2])
def test_the_same_elf_prints_the_same_on_qemu_at_lower_levels(el: int) -> None:
    build = build_named("calls-protected")
    assert tools.run_on_qemu_system(build.elf, el) == build.expected.read_text()


def test_small_variants_are_those_with_little_work() -> None:
    assert {variant.name for variant in VARIANTS.values() if variant.small} == {"small", "small-max"}
