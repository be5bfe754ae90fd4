"""mectui [GUEST]: the debugger's screen."""

from __future__ import annotations

import argparse
import copy
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from emu.loader import read_elf, read_file
from mectui import starting
from mectui.commands.machine import build_machine, find_guest
from mectui.commands.terminal import require_terminal
from mectui.resources import guest_path
from mectui.sources import SourceFiles

if TYPE_CHECKING:
    import emu


def main(options: argparse.Namespace, commands: Collection[str] = ()) -> int:
    """Open the screen on a guest, or the start screen. Raises EmuError, for wrong input, before any screen appears.

    `commands` are the words that could stand where the guest does.
    """
    if options.guest is not None:
        for name in (options.guest, *options.more):
            # A file that cannot be loaded is told on the terminal, not on a screen that would have to go away again.
            path = find_guest(name, commands)
            if options.load_at is None:
                read_elf(path)
            else:
                read_file(path)
    script = _script(options.script)
    folders = SourceFiles(options.sources).folders
    is_served = "TEXTUAL_DRIVER" in os.environ  # a browser shows it: the streams are pipes to the server
    if not is_served:
        require_terminal("`mectui run` and `mectui walk`")

    def factory(guest: str) -> Callable[[], emu.Machine]:
        chosen = copy.copy(options)
        chosen.guest = guest
        return lambda: build_machine(chosen)

    starting.begin()
    from mectui.app import run_app
    from mectui.recent import remember

    if options.guest is not None and guest_path(options.guest) is None:
        remember(find_guest(options.guest))

    return run_app(
        machine_factory=None if options.guest is None else factory(options.guest),
        title="" if options.guest is None else Path(options.guest).name,
        guest_file=None if options.guest is None else find_guest(options.guest),
        keeps_stops=options.saved and options.script is None,
        theme=options.theme,
        keymap=options.keymap,
        is_plain=options.plain,
        commands=script,
        file_factory=lambda path: factory(str(path)),
        sources=folders,
    )


def _script(path: str | None) -> list[str]:
    """The lines of a file of commands; blank ones and comments are left out."""
    if path is None:
        return []
    from mectui.commands.script import read_script

    return [line for _, line in read_script(path)]
