"""C programs whose line tables are compared with what binutils and gdb make of them, and how they are built."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from guests.build import link

OBJDUMP = shutil.which("aarch64-linux-gnu-objdump")
ADDR2LINE = shutil.which("aarch64-linux-gnu-addr2line")
GDB = shutil.which("gdb-multiarch")
GUESTS = Path(__file__).resolve().parents[2] / "guests"
BUNDLED = sorted(path for path in GUESTS.glob("*/*.elf") if path.stem == path.parent.name)

needs_ziglang = pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="ziglang is missing")
needs_binutils = pytest.mark.skipif(OBJDUMP is None or ADDR2LINE is None, reason="binutils for AArch64 are missing")
needs_gdb = pytest.mark.skipif(GDB is None, reason="gdb-multiarch is not installed")

WORK = """\
#include "shared.h"

volatile int sink;
int table[16];

static int spread(int n)
{
    int sum = 0;

    for (int i = 0; i < n; i++) {
        sum += step(table[i & 15], i);
        if (sum > 1000)
            sum -= step(sum, n);
    }
    return sum;
}

int work(int n)
{
    int first = spread(n);

    sink = first;
    /* A comment
     * of two lines. */
    if (first & 1)
        return spread(first) + step(first, 2);
    return step(n, 3);
}
"""
SHARED = """\
int other(int);
static inline __attribute__((always_inline)) int step(int value, int by)
{
    int made = value * by;

    if (made & 4)
        made ^= other(by);
    return made + by;
}
"""
LIBRARY = """\
#include "shared.h"
int other(int x)
{
    return x * 3 + 1;
}
int work(int);
int quiet(int x)
{
    return step(x, x);
}
int main(void)
{
    int made = work(9);

    made += quiet(4);
    made ^= work(3) + quiet(made & 7);
    for (int i = 0; i < 3; i++) made += i;
    return made;
}
"""
START = """\
        .globl _start
_start: ldr     x0, =0x40200000
        mov     sp, x0
        bl      main
        adr     x1, over
        mov     w0, #0x18
        hlt     #0xf000
        b       .
        .balign 8
over:   .quad   0x20026, 0
"""
SCRIPT = """\
ENTRY(_start)
PHDRS { all PT_LOAD FLAGS(7); }
SECTIONS {
    . = 0x40080000;
    .text : { *(.text*) } :all
    .rest : { *(.rodata*) *(.data*) *(.bss*) *(COMMON) } :all
    /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) }
}
"""
VARIANTS = {
    "dwarf2": ("-O2", "-gdwarf-2"),
    "dwarf3": ("-O2", "-gdwarf-3"),
    "dwarf4": ("-O2", "-gdwarf-4"),
    "dwarf5": ("-O2", "-gdwarf-5"),
    "plain": ("-O0", "-gdwarf-5"),
    "sections": ("-O1", "-gdwarf-4", "-ffunction-sections", "-Wl,--gc-sections"),
    "tables": ("-O2", "-gline-tables-only"),
    "far": ("-O2", "-gdwarf-5", "-gdwarf64"),
    "packed": ("-O2", "-gdwarf-5", "-Wl,--compress-debug-sections=zlib"),
}


def build(folder: Path, name: str) -> Path:
    """The ELF of a variant. Its two C files of one name are in different folders of `folder`."""
    for path, text in {
        "src/work.c": WORK, "lib/shared.h": SHARED, "lib/work.c": LIBRARY, "start.S": START, "link.ld": SCRIPT,
    }.items():  # fmt: skip
        (folder / path).parent.mkdir(exist_ok=True, parents=True)
        (folder / path).write_text(text)
    elf = folder / f"{name}.elf"
    options = [*VARIANTS[name], "-ffreestanding", "-fno-sanitize=all", "-fno-stack-protector", "-mgeneral-regs-only"]
    inputs = [folder / "src/work.c", folder / "lib/work.c", folder / "start.S"]
    link(name, [*options, "-I", str(folder / "lib"), *inputs], folder / "link.ld", elf, folder / "cache")
    return elf
