"""The corpus: which programs there are, in which ways each is compiled for the machine, and what each should print.

A build is one bare-metal ELF, `elfs/<program>-<variant>.elf`. Its expected output is that of the same program compiled
natively; only where the compiler may fuse a multiplication with an addition do results depend on the instruction set,
and then they are QEMU's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "sources"
RUNTIME = HERE / "runtime"
ELFS = HERE / "elfs"
EXPECTED = HERE / "expected"

_ARMV8_0 = "generic"
_WITHOUT_SVE = "generic+v8_7a+fullfp16+fp16fml+aes+sha2+sha3+sm4"
"""All that the compiler can use and QEMU 7 has; no SVE."""
_MAX = _WITHOUT_SVE + "+mops+cssc+hbc"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to compile a program."""

    name: str
    options: tuple[str, ...]
    instructions: str = _ARMV8_0
    """The compiler's -mcpu."""
    small: bool = False
    """Little work: under 60,000 instructions, for the reference engine."""
    fused: bool = False
    """Multiplications may be fused with additions."""

    @property
    def cpu(self) -> str:
        """The machine's CPU that runs it: the least one."""
        return "v8.0" if self.instructions == _ARMV8_0 else "max"

    @property
    def flags(self) -> tuple[str, ...]:
        """Options of the compiler, for a bare-metal and a hosted build alike."""
        return (
            "-std=c11", "-fno-math-errno", f"-mcpu={self.instructions}", *self.options,
            f"-ffp-contract={'fast' if self.fused else 'off'}", *(["-DSMALL"] if self.small else []),
        )  # fmt: skip


_O3 = ("-O2", "-Xclang", "-O3")
"""Zig gives its clang -O2 where -O3 is asked for, unless one insists."""
_PROTECTED = ("-mbranch-protection=standard",)
"""Signed return addresses and branch target identification."""

VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("O0", ("-O0",)),
        Variant("O2", ("-O2",)),
        Variant("O3", _O3),
        Variant("max", _O3, _MAX),
        Variant("small", ("-O2",), small=True),
        Variant("small-max", (*_O3, *_PROTECTED), _MAX, small=True),
        Variant("protected", ("-O2", *_PROTECTED), "generic+pauth+bti"),
        Variant("lse", ("-O2",), "generic+lse"),
        Variant("fused", _O3, _WITHOUT_SVE, fused=True),
    )
}
_EVERY = ("O0", "O2", "O3", "max", "small", "small-max")
_FURTHER = {
    "atomics": ("lse",),
    "calls": ("protected",),
    "coremark": ("protected",),
    "functions": ("fused",),
    "half": ("fused",),
    "kernels": ("fused",),
    "vm": ("protected",),
}

PROGRAMS = tuple(sorted(source.stem for source in SOURCES.glob("*.c")))


@dataclass(frozen=True, slots=True)
class Build:
    """A program compiled in one way."""

    program: str
    variant: Variant

    @property
    def name(self) -> str:
        return f"{self.program}-{self.variant.name}"

    @property
    def elf(self) -> Path:
        return ELFS / f"{self.name}.elf"

    @property
    def expected(self) -> Path:
        """The file of its expected output, which builds that should print the same share."""
        suffix = "-fused" if self.variant.fused else "-small" if self.variant.small else ""
        return EXPECTED / f"{self.program}{suffix}.txt"


BUILDS = tuple(
    Build(program, VARIANTS[variant]) for program in PROGRAMS for variant in _EVERY + _FURTHER.get(program, ())
)


def build_named(name: str) -> Build:
    """The build with this name, such as "sha-O2". Raises KeyError."""
    return {build.name: build for build in BUILDS}[name]
