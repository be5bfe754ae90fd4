"""Compile the corpus, and make its expected outputs: python -m tests.programs.build [NAME ...] [--check].

    python -m tests.programs.build               every ELF and every expected output
    python -m tests.programs.build sha aes-O2    those of a program, or one build
    python -m tests.programs.build --check       compile aside and compare with the committed files

ELFs are made by Zig's clang, as the bundled guests are. Expected outputs are never this project's own: the system's C
compiler makes them from the same source, and QEMU those of the builds that fuse multiplications with additions. The
command says of each file how it was made.

Exit codes: 0 done, or all the same; 1 a difference, or something that doesn't build; 2 no such name, or no compiler.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from guests.build import BuildError, difference, link, read_image
from tests.programs.catalogue import BUILDS, EXPECTED, PROGRAMS, RUNTIME, SOURCES, Build

NATIVE = shutil.which("gcc") or shutil.which("cc")
QEMU_USER = shutil.which("qemu-aarch64")
QEMU_SYSTEM = shutil.which("qemu-system-aarch64")

_BARE = (
    "-ffreestanding", "-fno-sanitize=all", "-fno-stack-protector", "-mno-outline-atomics", "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-w",
)  # fmt: skip
_NATIVE = ("-std=c11", "-O1", "-ffp-contract=off", "-fexcess-precision=16", "-fno-math-errno", "-w")


def compile_bare(build: Build, output: Path, zig_cache: Path) -> None:
    """The ELF that runs without an operating system. Raises BuildError."""
    cpu = f"-mcpu={build.variant.instructions}+el2vmsa+el3"  # start.S sets up whatever level it starts at
    _link(build, "start.S", [cpu], output, zig_cache)


def compile_for_linux(build: Build, output: Path, zig_cache: Path) -> None:
    """The program for AArch64 Linux: statically linked, by two system calls of its own. Raises BuildError."""
    _link(build, "linux.S", ["-DLINUX"], output, zig_cache)


def _link(build: Build, start: str, options: list[str], output: Path, zig_cache: Path) -> None:
    runtime = [RUNTIME / name for name in (start, "jump.S", "print.c", "memory.c")]
    options = [*_BARE, *build.variant.flags, *options, "-I", str(RUNTIME)]
    link(build.name, [*options, SOURCES / f"{build.program}.c", *runtime], RUNTIME / "link.ld", output, zig_cache)


def compile_native(program: str, small: bool, output: Path) -> None:
    """The program for this host, by the system's compiler. Raises BuildError."""
    options = [*_NATIVE, "-DHOSTED", *(["-DSMALL"] if small else []), "-I", str(RUNTIME)]
    sources = [str(SOURCES / f"{program}.c"), str(RUNTIME / "print.c")]
    _run([str(NATIVE), *options, *sources, "-lm", "-o", str(output)])


def run_native(program: str, small: bool, folder: Path) -> str:
    """What the program prints on this host. Raises BuildError if it doesn't build, or fails."""
    binary = folder / f"{program}{'-small' if small else ''}-native"
    compile_native(program, small, binary)
    return _run([str(binary)])


def run_on_qemu_user(build: Build, folder: Path) -> str:
    """What the program prints as a Linux process on QEMU's user-mode CPU. Raises BuildError."""
    binary = folder / f"{build.name}-linux"
    compile_for_linux(build, binary, folder)
    binary.chmod(0o755)
    return _run([str(QEMU_USER), "-cpu", "max", str(binary)])


def run_on_qemu_system(elf: Path, el: int = 3) -> str:
    """What a bare-metal ELF prints on QEMU's virt board, starting at EL1, EL2 or EL3. Raises BuildError."""
    board = {1: "virt", 2: "virt,virtualization=on", 3: "virt,secure=on,virtualization=on"}[el]
    return _run(
        [
            str(QEMU_SYSTEM), "-M", board, "-cpu", "max", "-m", "256M", "-display", "none", "-serial", "null",
            "-monitor", "none", "-semihosting-config", "enable=on,target=native,chardev=out",
            "-chardev", "file,id=out,path=/dev/stdout", "-kernel", str(elf),
        ]
    )  # fmt: skip


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise BuildError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def check(build: Build, zig_cache: Path) -> str | None:
    """Compile aside and compare with the committed ELF: one sentence if they differ, else None. Raises BuildError."""
    again = f"rebuild it with: python -m tests.programs.build {build.name}"
    if not build.elf.exists():
        return f"{build.elf.name} is not there; {again}"
    aside = zig_cache / build.elf.name
    compile_bare(build, aside, zig_cache)
    found = difference(read_image(build.elf), read_image(aside))
    return None if found is None else f"{build.elf.name} is not what its source builds: {found}; {again}"


def expected_output(build: Build, folder: Path) -> tuple[str, str]:
    """What a build should print, and who says so. A fused build needs its ELF. Raises BuildError."""
    if build.variant.fused:
        return run_on_qemu_system(build.elf), "qemu-system-aarch64 running the same ELF"
    return run_native(build.program, build.variant.small, folder), f"{NATIVE} {' '.join(_NATIVE)} on this host"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.programs.build", description="Compile the corpus.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="programs, or builds such as sha-O2 (default: all)")
    parser.add_argument("--check", action="store_true", help="compare with the committed files, change nothing")
    options = parser.parse_args(arguments)

    wanted = [b for b in BUILDS if not options.names or {b.name, b.program} & set(options.names)]
    unknown = set(options.names) - {name for build in BUILDS for name in (build.name, build.program)}
    if unknown:
        print(f"There is no {min(unknown)!r}; the programs are: {', '.join(PROGRAMS)}.", file=sys.stderr)
        return 2
    if NATIVE is None or QEMU_SYSTEM is None or importlib.util.find_spec("ziglang") is None:
        print(
            "This needs gcc or cc, qemu-system-aarch64, and the ziglang package: pip install ziglang", file=sys.stderr
        )
        return 2

    failed = False
    EXPECTED.mkdir(exist_ok=True)
    made: set[Path] = set()
    with tempfile.TemporaryDirectory(prefix="programs-") as scratch:
        folder = Path(scratch)
        for build in wanted:
            try:
                if options.check:
                    problem = check(build, folder)
                else:
                    problem = None
                    build.elf.parent.mkdir(exist_ok=True)
                    compile_bare(build, build.elf, folder)
                    print(f"{build.elf.name}: {build.elf.stat().st_size} bytes, zig cc {' '.join(build.variant.flags)}")
                if build.expected not in made:
                    made.add(build.expected)
                    text, by = expected_output(build, folder)
                    if not options.check:
                        build.expected.write_text(text)
                        print(f"{build.expected.name}: {by}")
                    elif problem is None and text != build.expected.read_text():
                        problem = f"{build.expected.name} is not what {by} gives"
                if problem:
                    raise BuildError(problem)
                if options.check:
                    print(f"{build.name}: same")
            except BuildError as error:
                print(error, file=sys.stderr)
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
