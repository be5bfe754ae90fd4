"""From command-line options to a machine with its guest loaded."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import emu
from emu.errors import ConfigurationError, EmuError, LoadError
from emu.loader import read_elf
from mectui.resources import bundled_guests, guest_path


def parse_number(text: str, what: str) -> int:
    """A number as people write addresses: 0x4000_0000, 1073741824. Raises EmuError."""
    try:
        value = int(text.replace("_", ""), 0)
    except ValueError:
        raise EmuError(f"{text!r} is not {what}: write a number such as 0x4000_0000") from None
    if not 0 <= value < 1 << 64:
        why = "it is below 0" if value < 0 else "it has more than 64 bits"
        raise EmuError(f"{text} is not {what}: {why}")
    return value


def find_guest(name: str, commands: Collection[str] = ()) -> Path:
    """The file a GUEST argument means: a path, or a bundled guest's name. Raises LoadError.

    `commands` are words that may have been meant where the guest stands.
    """
    if not name:
        raise LoadError("the guest's name is empty: name an ELF file or a bundled guest")
    path = Path(name)
    try:
        if path.exists() and not path.is_dir():
            return path
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise LoadError(f"{name[:80]!r} cannot be opened: {why}") from None
    bundled = guest_path(name)
    if bundled is not None:
        return bundled
    if path.is_dir():
        raise LoadError(f"{name} is a folder: name an ELF file in it")
    names = [guest.name for guest in bundled_guests()]
    near = difflib.get_close_matches(name, [*commands, *names], 1)
    meant = f"`mectui {near[0]}`" if near and near[0] in commands else near[0] if near else ""
    hint = f"did you mean {meant}?" if near else f"bundled are: {', '.join(names) or 'none'}"
    raise LoadError(f"there is no file {name!r} and no bundled guest of that name; {hint}")


def build_machine(options: argparse.Namespace, *, on_compile: Callable[[int], None] | None = None) -> emu.Machine:
    """The machine that the options describe, with its images loaded. Raises EmuError with a sentence."""
    if options.cpus < 1:
        raise ConfigurationError(f"{options.cpus} CPUs make no machine: this version models one")
    machine = emu.Machine(
        memory=options.memory,
        cpus=options.cpus,
        cpu=options.cpu,
        el=options.el,
        engine=options.engine,
        mec=options.mec == "on",
        mec_model=options.mec_model,
        mecid_width=options.mecid_width,
        tlb=options.tlb,
        tlb_entries=options.tlb_entries,
        sync=options.sync,
        seed=options.seed,
        pas_keys=options.pas_keys == "on",
        mec_cache=options.mec_cache == "on",
        command_line=options.command_line,
        on_compile=on_compile,
        jit_threshold=options.jit_threshold,
        rules=options.rules,
        stop_on=getattr(options, "stop_on", ""),
    )
    entry = None if options.entry is None else parse_number(options.entry, "an entry address")
    guest = find_guest(options.guest)
    if options.load_at is not None:
        machine.load_raw(guest, parse_number(options.load_at, "a load address"), entry)
    else:
        machine.load(guest)
    taken = [] if options.load_at is not None else _ranges(guest)
    for extra in getattr(options, "more", None) or ():
        path = find_guest(extra)
        for start, end, name in (found := _ranges(path)):
            for other_start, other_end, other in taken:
                if start < other_end and other_start < end:
                    raise LoadError(
                        f"{name} and {other} overlap at {max(start, other_start):#x}: link one of them elsewhere"
                    )
        taken += found
        machine.load(path)
    if entry is not None:
        machine.entry = entry
    return machine


def _ranges(path: Path) -> list[tuple[int, int, str]]:
    """(first address, the one behind the last, name) of what an ELF file places in memory."""
    return [(part.address, part.address + part.size, path.name) for part in read_elf(path).segments if part.size]


class CompileProgress:
    """Says on stderr that native code is being made, once that has taken a second; a warm cache never gets there."""

    def __init__(self) -> None:
        self._started: float | None = None
        self._shown = False

    def __call__(self, compiled: int) -> None:
        import time

        now = time.monotonic()
        if self._started is None:
            self._started = now
        if now - self._started > 1.0 and sys.stderr.isatty():
            self._shown = True
            print(f"\rmectui: first start, making native code: {compiled} kinds of instruction", end="",
                  file=sys.stderr, flush=True)  # fmt: skip

    def finish(self) -> None:
        if self._shown:
            print(file=sys.stderr)
