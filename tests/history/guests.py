"""Guests that go through time, and what a machine is at a moment, to be compared with one that never went anywhere."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import emu
from emu.debug.history import History, travel
from emu.mec.memory import OWNER_MASK
from mectui.resources import guest_path
from tests.conformance import words as w

START = 0x4000_0000
ENGINES = ("reference", "interpreter", "jit")


def changing() -> bytes:
    """A loop that stores another `movz x3, #n` over its own first instruction in each of 200 rounds; x5 sums them."""
    code = w.assemble(w.mov(1, START + 0x40), w.mov(2, 0xD280_0003), w.mov(6, 200))
    words = [int.from_bytes(code[at : at + 4], "little") for at in range(0, len(code), 4)]
    distance = (0x40 - 4 * len(words)) // 4
    words.append(0x1400_0000 | distance)
    words += [0xD503_201F] * ((0x40 - 4 * len(words)) // 4)
    words += [
        0xD280_0003,  # 40 movz x3, #0 at first
        0x8B03_00A5,  # 44 add x5, x5, x3
        0x1100_8042,  # 48 add w2, w2, #0x20
        0xB900_0022,  # 4c str w2, [x1]
        0xD50B_7B21,  # 50 dc cvau, x1
        0xD503_3F9F,  # 54 dsb sy
        0xD50B_7521,  # 58 ic ivau, x1
        0xD503_3F9F,  # 5c dsb sy
        0xD503_3FDF,  # 60 isb
        0xF100_04C6,  # 64 subs x6, x6, #1
        0x54FF_FEC1,  # 68 b.ne 0x40
        0x1400_0000,  # 6c b .
    ]
    return b"".join(word.to_bytes(4, "little") for word in words)


def bundled(name: str, **options: Any) -> Callable[[], emu.Machine]:
    path = guest_path(name)
    assert path is not None

    def build() -> emu.Machine:
        machine = emu.Machine(memory="16M", **options)
        machine.load(path)
        return machine

    return build


def raw(code: bytes, **options: Any) -> Callable[[], emu.Machine]:
    def build() -> emu.Machine:
        machine = emu.Machine(memory="16M", **options)
        machine.load_raw(code, START)
        return machine

    return build


def with_history(machine: emu.Machine, **options: Any) -> History:
    history = machine.history = History(machine, **options)
    return history


def finish(plan: Generator[None, None, Any]) -> Any:
    while True:
        try:
            next(plan)
        except StopIteration as ended:
            return ended.value


def go(machine: emu.Machine, instruction: int) -> Any:
    return finish(travel(machine, instruction))


def everything(machine: emu.Machine) -> dict[str, Any]:
    """All that a guest or a person could tell moments apart by. What engines keep for themselves is left out."""
    kept = machine.snapshot()
    memory = machine.memory.encrypted

    def owners(tags: bytes) -> tuple[Any, ...]:
        words = memoryview(tags).cast("I")
        return tuple(memory.owner(tag) if tag & OWNER_MASK else None for tag in words)

    blank = bytes(4096)
    return {
        "state": kept.state,
        "pages": {
            page: (copy.content, owners(copy.tags), copy.writers)
            for page, copy in kept.pages.items()
            if copy.content != blank or copy.writers is not None
        },
        "keys": kept.bookkeeping,
        "cache": [
            (line.pa, line.pas, line.mecid, line.generation, line.way, bytes(line.data), line.is_dirty, line.writers)
            for line in kept.cache.lines
        ],
        "mmu": kept.mmu,
        "console": kept.console,
        "hits": list(machine.mec.hits),
        "hit count": machine.mec.hit_count,
        "exceptions": list(machine.exceptions),
        "findings": machine.mec.findings,
        "devices": kept.devices,
        "never written": kept.never_written,
        "pending": kept.pending,
        "last access": machine.last_access,
        "faults": kept.faults,
        "owned pages": machine.mec.pages(),
    }


def compare(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Fails with the names of what is different."""
    assert [name for name in one if one[name] != other[name]] == []
