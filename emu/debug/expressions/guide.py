"""The language in a short table, for help texts."""

from __future__ import annotations

from emu.debug.expressions.functions import FUNCTIONS

GUIDE: tuple[tuple[str, str], ...] = (
    ("0x4000_0000 42 0b101 4K", "numbers; K, M and G multiply"),
    ("x0 w0 sp pc lr v0 nzcv n z c v", "registers and flags, in any case, also $x0"),
    ("el security insns", "exception level, Security state, instructions executed: security == realm"),
    ("TTBR0_EL2 SCTLR_EL1.M", "system registers and their fields"),
    ("main 'odd-name'", "a symbol is its address; in quotes it is always a symbol"),
    ("mec.c:40 'my file.c:40'", "a line of the source is where its code begins; in quotes within an expression"),
    ("[A] [A].w", "memory a load at the virtual address A would see: 8 bytes, or .b 1, .h 2, .w 4, .x 8"),
    ("[pa:A]", "memory at a physical address, as its owner sees it"),
    ("[realm:A] [root:A] [secure:A] [ns:A]", "as an address space sees it; realm under the block's own MECID"),
    ("[mecid 5, realm:A]", "as MECID 5 would read it"),
    ("[raw:A]", "as the memory chips hold it: encrypted"),
    ("x0[7:4] x0[63]", "bits"),
    ("?: || && | ^ & == != < <= > >= << >> + - * / %", "operators as in C, least tight first; unsigned, 64 bits"),
    ("- ~ ! (…)", "and before a value"),
    ("pc in main..main+0x20", "a range: from the first to before the last"),
    *((function.usage, function.meaning) for function in FUNCTIONS.values()),
)
"""(how it is written, what it means)."""
