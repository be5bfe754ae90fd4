"""mectui [GUEST]: the debugger's screen."""

from __future__ import annotations

import argparse
import sys

import emu
from emu.errors import EmuError
from mectui.commands.machine import build_machine


def main(options: argparse.Namespace) -> int:
    """Open the screen on a guest, or the start screen. Raises EmuError before any screen appears."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise EmuError("the screen needs a terminal: run it in one, or use `mectui run` and `mectui walk`")

    def build(guest: str) -> emu.Machine:
        options.guest = guest
        return build_machine(options)

    machine = None if options.guest is None else build(options.guest)
    from mectui.app import run_app

    return run_app(build=build, guest=options.guest, machine=machine, theme=options.theme, script=options.script)
