"""C programs whose calls are compared with what gdb makes of them, in every way that a call can be found."""

from __future__ import annotations

from pathlib import Path

from guests.build import link
from tests.lines.programs import START

SIGNING = """\
        mrs     x1, SCTLR_EL3
        orr     x1, x1, #0xc0000000 // EnIA, EnIB: return addresses are signed where the compiler asks for it
        msr     SCTLR_EL3, x1
        isb
        bl      main
"""

SOURCE = """\
volatile int sink;
typedef int function(int);

__attribute__((noinline)) int leaf(int x)
{
    return x * 3 + sink;
}

__attribute__((noinline)) int even(int n);
__attribute__((noinline)) int odd(int n)
{
    if (n == 0)
        return leaf(n);
    return even(n - 1) + leaf(n);
}

__attribute__((noinline)) int even(int n)
{
    int table[9];
    for (int i = 0; i < 9; i++)
        table[i] = i * n;
    if (n == 0)
        return 1;
    sink = table[n % 9];
    return odd(n - 1) + table[sink & 7];
}

__attribute__((noinline)) int fibonacci(int n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

__attribute__((noinline)) int large(int n)
{
    volatile char room[5000];
    room[n] = (char)n;
    return fibonacci(4) + room[n] + leaf(n);
}

__attribute__((noinline)) int varying(int n)
{
    volatile char room[n * 16];
    room[n] = (char)n;
    return leaf(room[n]) + leaf(n);
}

static function *const table[] = {even, odd, fibonacci, large, varying};

int main(void)
{
    int made = 0;

    for (int i = 0; i < 5; i++)
        made += table[i](i + 5);
    return made;
}
"""
SCRIPT = """\
ENTRY(_start)
PHDRS { all PT_LOAD FLAGS(7); }
SECTIONS {
    . = 0x40080000;
    .text : { *(.text*) } :all
    .rest : { *(.rodata*) *(.data*) *(.bss*) *(COMMON) } :all
    .eh_frame : { KEEP(*(.eh_frame)) } :all
    /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame_hdr) }
}
"""
WITHOUT_TABLES = ("-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-g0")
WITH_RECORDS, WITHOUT_RECORDS = "-fno-omit-frame-pointer", "-fomit-frame-pointer"
VARIANTS = {
    "O0-tables": ("-O0", "-gdwarf-5", WITH_RECORDS, "-fasynchronous-unwind-tables"),
    "O2-tables": ("-O2", "-gdwarf-5", WITHOUT_RECORDS, "-fasynchronous-unwind-tables"),
    "O2-debug": ("-O2", "-gdwarf-5", WITHOUT_RECORDS, "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"),
    "O2-signed": (
        "-O2",
        "-gdwarf-5",
        WITHOUT_RECORDS,
        "-fasynchronous-unwind-tables",
        "-mbranch-protection=pac-ret+leaf",
    ),
    "O0-records": ("-O0", *WITHOUT_TABLES, WITH_RECORDS),
    "O2-records": ("-O2", *WITHOUT_TABLES, WITH_RECORDS),
    "O2-signed-records": ("-O2", *WITHOUT_TABLES, WITH_RECORDS, "-mbranch-protection=pac-ret+b-key"),
    "O2-nothing": ("-O2", *WITHOUT_TABLES, WITHOUT_RECORDS),
    "O0-nothing": ("-O0", *WITHOUT_TABLES, WITHOUT_RECORDS),
}


def build(folder: Path, name: str) -> Path:
    """The ELF of a variant."""
    for path, text in {
        "calls.c": SOURCE,
        "start.S": START.replace("        bl      main\n", SIGNING),
        "link.ld": SCRIPT,
    }.items():
        (folder / path).write_text(text)
    elf = folder / f"{name}.elf"
    options = [*VARIANTS[name], "-ffreestanding", "-fno-sanitize=all", "-fno-stack-protector", "-mgeneral-regs-only",
               "-mstrict-align", "-fno-optimize-sibling-calls", "-fno-builtin", "-Wno-vla"]  # fmt: skip
    inputs = [folder / "calls.c", folder / "start.S"]
    link(name, [*options, *inputs], folder / "link.ld", elf, folder / "cache")
    return elf
