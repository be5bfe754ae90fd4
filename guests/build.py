"""Build the bundled guest programs, or check that the committed ELF files match their sources.

    python guests/build.py                 build every guest
    python guests/build.py mecid gpt       build these
    python guests/build.py bench/sort      build one of those that `mectui bench` measures
    python guests/build.py --check         build aside and compare with the committed files

Needs the `ziglang` package (Zig's clang and lld), a build-time tool only. The same source always gives the same
file: no build id, and no path but those within this folder. The guests that teach have line tables, so that a debugger
shows their source; those of `bench` have no debug information.

Exit codes: 0 done, or all the same; 1 a difference, or a source that doesn't assemble; 2 bad arguments or no `ziglang`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

GUESTS = Path(__file__).resolve().parent
INCLUDE = GUESTS / "include"
BENCH = GUESTS / "bench"
BENCH_SHARED = ("start.S", "support.c")
"""What the C sources there are linked with; those in assembler stand alone."""

COMPILE_FLAGS = (
    "-target", "aarch64-freestanding-none",
    "-mcpu=generic+el2vmsa+el3+vh+mec+rme",
    "-nostdlib",
    "-g0",
)  # fmt: skip
C_FLAGS = (
    "-std=c11", "-O2", "-ffreestanding", "-fno-builtin", "-fno-sanitize=all", "-fno-stack-protector",
    "-ffp-contract=off", "-fno-math-errno", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-Wall",
    "-Wextra", "-Werror", "-Wno-main-return-type", "-Wno-main",
)  # fmt: skip
LINE_FLAGS = ("-gline-tables-only", f"-ffile-prefix-map={GUESTS}{os.sep}=", "-ffile-compilation-dir=.")
"""Of the guests that teach: which instruction comes from which line, by paths relative to this folder."""
LINK_FLAGS = (
    "-Wl,--build-id=none",
    "-Wl,-z,max-page-size=4096",
    "-Wl,--fatal-warnings",
)

# ELF64, little endian: the parts of the file that are compared.
FILE_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
PT_LOAD = 1
SHT_PROGBITS = 1
SHT_SYMTAB = 2


class BuildError(Exception):
    """A guest could not be built or read; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One loadable part: where it goes (physical and virtual address), its size in memory, its bytes in the file."""

    virtual: int
    physical: int
    flags: int
    memory_size: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Image:
    """What a guest means to a loader and a debugger: entry point, segments in file order, symbols as a set, lines."""

    entry: int
    segments: tuple[Segment, ...]
    symbols: frozenset[tuple[str, int, int]]  # name, type and binding, value
    lines: bytes  # the section .debug_line, empty where there is none


def guest_names() -> list[str]:
    """Every folder that holds a source named after it, then the sources in `bench` as "bench/NAME"."""
    folders = sorted(source.parent.name for source in GUESTS.glob("*/*.S") if source.stem == source.parent.name)
    measured = {source.stem for source in BENCH.glob("*.[cS]") if source.name not in BENCH_SHARED}
    return folders + sorted(f"bench/{name}" for name in measured)


def elf_path(name: str) -> Path:
    """Where the ELF of a guest is."""
    return GUESTS / f"{name}.elf" if name.startswith("bench/") else GUESTS / name / f"{name}.elf"


def read_image(path: Path) -> Image:
    """Read the loadable segments and the symbols of an ELF64 file.

    Raises BuildError if the file is missing or is no such ELF.
    """
    try:
        raw = path.read_bytes()
        fields = FILE_HEADER.unpack_from(raw)
        if fields[0][:6] != b"\x7fELF\x02\x01":
            raise BuildError(f"{path.name} is not a 64-bit little-endian ELF file.")
        entry, program_offset, section_offset = fields[4], fields[5], fields[6]
        program_count, section_count, names_section = fields[10], fields[12], fields[13]

        segments = []
        for index in range(program_count):
            kind, flags, offset, virtual, physical, size, memory_size, _ = PROGRAM_HEADER.unpack_from(
                raw, program_offset + index * PROGRAM_HEADER.size
            )
            if kind == PT_LOAD:
                segments.append(Segment(virtual, physical, flags, memory_size, raw[offset : offset + size]))

        sections = [
            SECTION_HEADER.unpack_from(raw, section_offset + index * SECTION_HEADER.size)
            for index in range(section_count)
        ]

        def text(strings: int, offset: int) -> str:
            start = sections[strings][4] + offset
            return raw[start : raw.index(b"\0", start)].decode()

        symbols = set()
        lines = b""
        for name, kind, _, _, offset, size, link, *_ in sections:
            if kind == SHT_SYMTAB:
                for name_offset, info, _, _, value, _ in SYMBOL.iter_unpack(raw[offset : offset + size]):
                    symbols.add((text(link, name_offset), info, value))
            elif kind == SHT_PROGBITS and text(names_section, name) == ".debug_line":
                lines = raw[offset : offset + size]
        return Image(entry, tuple(segments), frozenset(symbols), lines)
    except FileNotFoundError as error:
        raise BuildError(f"{path.name} is not there; build it with: python guests/build.py {path.stem}") from error
    except (struct.error, ValueError, IndexError) as error:
        raise BuildError(f"{path.name} is damaged: its ELF headers point outside the file.") from error


def link(what: str, inputs: Sequence[Path | str], script: Path, output: Path, zig_cache: Path) -> None:
    """Compile and link `inputs` (files, and options on top of those of every guest) by a linker script into `output`.

    `what` names the result in messages. Raises BuildError with the compiler's own messages.
    """
    command = [
        sys.executable, "-m", "ziglang", "cc", *COMPILE_FLAGS, *LINK_FLAGS,
        "-I", str(INCLUDE), f"-Wl,-T,{script}", *map(str, inputs), "-o", str(output),
    ]  # fmt: skip
    caches = {"ZIG_LOCAL_CACHE_DIR": str(zig_cache), "ZIG_GLOBAL_CACHE_DIR": str(zig_cache)}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | caches)
    if done.returncode:
        raise BuildError(f"{what} does not build:\n{done.stderr.strip()}")
    output.chmod(0o644)  # data, not a program of the host


def build(name: str, output: Path, zig_cache: Path) -> None:
    """Assemble and link guest `name` into `output`. Raises BuildError with the assembler's own messages."""
    if name.startswith("bench/"):
        source = GUESTS / f"{name}.c"
        shared = [*C_FLAGS, *(BENCH / part for part in BENCH_SHARED)] if source.exists() else []
        link(name, [*shared, source if shared else source.with_suffix(".S")], BENCH / "link.ld", output, zig_cache)
        return
    folder = GUESTS / name
    link(name, [*LINE_FLAGS, folder / f"{name}.S"], folder / "link.ld", output, zig_cache)


def difference(committed: Image, built: Image) -> str | None:
    """Say in a few words how two images differ, or None."""
    if committed.entry != built.entry:
        return f"the entry point is {committed.entry:#x}, the source gives {built.entry:#x}"
    if len(committed.segments) != len(built.segments):
        return f"it has {len(committed.segments)} loadable segments, the source gives {len(built.segments)}"
    for old, new in zip(committed.segments, built.segments, strict=True):
        if old != new:
            return f"the segment at {new.physical:#x} differs"
    names = sorted(name for name, _, _ in committed.symbols ^ built.symbols)
    if names:
        return f"the symbol {names[0]!r} differs"
    if committed.lines != built.lines:
        return "its line table differs"
    return None


def check(name: str, zig_cache: Path) -> str | None:
    """Build guest `name` aside and compare it with its committed ELF: one sentence if they differ, else None.

    Raises BuildError if either cannot be had.
    """
    committed = read_image(elf_path(name))
    built_file = zig_cache / elf_path(name).name
    build(name, built_file, zig_cache)
    found = difference(committed, read_image(built_file))
    if found is None:
        return None
    return (
        f"{elf_path(name).name} is not what its source builds: {found}; rebuild it with: python guests/build.py {name}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python guests/build.py", description="Build the bundled guest programs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="guests to build (default: all)")
    parser.add_argument("--check", action="store_true", help="compare with the committed ELF files, change nothing")
    options = parser.parse_args(arguments)

    known = guest_names()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        print(f"There is no guest named {unknown[0]!r}; there are: {', '.join(known)}.", file=sys.stderr)
        return 2
    if importlib.util.find_spec("ziglang") is None:
        print("Building guests needs the ziglang package; install it with: pip install ziglang", file=sys.stderr)
        return 2

    failed = False
    with tempfile.TemporaryDirectory(prefix="guests-") as cache:
        for name in options.names or known:
            try:
                if options.check:
                    problem = check(name, Path(cache))
                    if problem:
                        raise BuildError(problem)
                    print(f"{name}: same")
                else:
                    output = elf_path(name)
                    build(name, output, Path(cache))
                    print(f"{name}: {output.stat().st_size} bytes")
            except BuildError as error:
                print(error, file=sys.stderr)
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
