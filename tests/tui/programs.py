"""Small programs as words, and machines that run them: assembled by hand from the Arm manual's encodings."""

from __future__ import annotations

from collections.abc import Callable

import emu
from mectui.resources import guest_path

START = 0x4000_0000

ENDLESS = (0x91000400, 0x17FFFFFF)  # add x0, x0, #1; b .-4

CALLING = (
    0x94000003,  # 00 bl   0x0c
    0xD2800021,  # 04 mov  x1, #1
    0x14000000,  # 08 b    .
    0x91000400,  # 0c add  x0, x0, #1
    0x91000400,  # 10 add  x0, x0, #1
    0xD65F03C0,  # 14 ret
)

POURING = (
    0x10000081,  # 00 adr x1, 0x10
    0x528000A0,  # 04 mov w0, #5      SYS_WRITE
    0xD45E0000,  # 08 hlt #0xf000
    0x17FFFFFE,  # 0c b   .-8
    *(2, 0, START, 0, 1 << 20, 0),  # 10 the console, from where, bytes
)
"""A megabyte of output with every third instruction."""

STORING = (
    0xD2A80201,  # 00 mov x1, #0x40100000
    0xD28000A0,  # 04 mov x0, #5
    0xF9000020,  # 08 str x0, [x1]
    0xF9400022,  # 0c ldr x2, [x1]
    0x14000000,  # 10 b   .
)

FLOOD = (
    0xD2A12001,  # 00 mov  x1, #0x09000000 (the console)
    0x52800820,  # 04 mov  w0, #'A'
    0xB9000020,  # 08 str  w0, [x1]
    0x17FFFFFF,  # 0c b    .-4
)

NOWHERE = (
    0xD2FFFFE0,  # 00 mov  x0, #0xffff_0000_0000_0000
    0xD61F0000,  # 04 br   x0: exceptions from here on, to a vector that nobody has set
)


def factory(*words: int, engine: str = "reference") -> Callable[[], emu.Machine]:
    """Machines with `words` at START, about to execute the first of them."""

    def build() -> emu.Machine:
        machine = emu.Machine(memory="16M", engine=engine)
        machine.load_raw(b"".join(word.to_bytes(4, "little") for word in words), START)
        return machine

    return build


def in_realm_b() -> emu.Machine:
    """two-realms where Realm B is about to look at the granule."""
    path = guest_path("two-realms")
    assert path is not None
    machine = emu.Machine(engine="interpreter")
    machine.load(path)
    place = machine.symbols.lookup("realm_b_search_secret")
    assert place is not None
    machine.breakpoints.add(place)
    machine.run()
    return machine
