"""mectui tlb: the TLB at some point of a run, stale entries marked, and the log of invalidations, as text or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace

import emu
from mectui.commands import looking
from mectui.commands.where import run_until

WHOLE = 200
"""Columns in which nothing of an entry is cut."""


def _watch(machine: emu.Machine, options: argparse.Namespace) -> None:
    if options.used_since is not None:
        run_until(machine, options.used_since)
        machine.tlb.watch_uses()


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser(
        "tlb",
        "Show the TLB: every entry with its tags, the register that supplies its MECID, who filled it, "
        "whether a fresh walk would contradict it and which TLBI would remove it; then the invalidations so far. "
        "With --engine reference, how many accesses it answered.",
    )
    parser.add_argument(
        "--used-since", metavar="WHERE", help="run here first, and tell which entries are made or used from here on"
    )
    machine, options = looking.machine_there(parser, arguments, _watch)
    from mectui.queries.tlb import tlb, tlb_json

    view = tlb(machine, None)
    if options.used_since is not None:
        view = replace(view, when=f"since {options.used_since}")
    if options.json:
        json.dump(tlb_json(view), sys.stdout, indent=2)
        print()
        return 0
    from mectui.render import tlb as render
    from mectui.render.text import plain

    print(render.summary(view))
    print(plain(render.tlb(view, looking.width(otherwise=WHOLE))), end="")
    return 0
