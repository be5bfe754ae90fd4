"""mectui walk: the page-table walk of one address, every step, as text or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from emu.architecture import Regime
from emu.errors import EmuError
from mectui.commands import looking
from mectui.commands.machine import CompileProgress, build_machine
from mectui.commands.options import LOOKED, Parser, add_images_option, add_machine_options, add_script_option
from mectui.commands.where import resolve, run_until

_LIMIT = 100_000_000
"""Instructions after which --until counts as never reached."""


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        prog="mectui walk",
        description="Show the translation of one address: every descriptor fetch, the granule protection check, and "
        "the MECID of each access with the register it comes from.",
        epilog=LOOKED,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("guest", metavar="GUEST", help="ELF file, raw image, or bundled guest")
    parser.add_argument("address", metavar="ADDRESS", help="virtual address or symbol")
    parser.add_argument("--until", metavar="WHERE",
                        help="run to this address, symbol or FILE:LINE first (default: do not run)")  # fmt: skip
    parser.add_argument("--regime", metavar="NAME", help="EL3, EL2, EL2&0 or EL1&0 (default: the current one)")
    parser.add_argument("--access", default="read", choices=("read", "write", "fetch"), help="kind of access (read)")
    parser.add_argument("--json", action="store_true", help="print the walk as JSON")
    add_machine_options(parser)
    add_images_option(parser)
    add_script_option(parser)
    options = parser.parse_args(arguments)
    progress = CompileProgress()
    machine = build_machine(options, on_compile=progress)
    regime = _regime(options.regime)
    looking.carry_out_script(machine, options)
    if options.until is not None:
        run_until(machine, options.until)
        progress.finish()
    va = resolve(machine, options.address)
    walk = machine.translate(va, options.access, regime=regime)
    if options.json:
        from mectui.queries.report import walk_json
        from mectui.queries.walk import answering

        json.dump(walk_json(walk) | {"answers": answering(machine, walk)}, sys.stdout, indent=2)
        print()
        return 0
    from mectui.queries.walk import Follow, viewed
    from mectui.render import walk as render
    from mectui.render.text import plain

    width = looking.width()
    print(plain(render.walk(viewed(machine, Follow.PINNED, walk), width, render.ALL)), end="")
    return 0


def _regime(name: str | None) -> Regime | None:
    if name is None:
        return None
    wanted = name.upper().replace("EL20", "EL2&0").replace("EL10", "EL1&0")
    try:
        return Regime(wanted)
    except ValueError:
        names = ", ".join(item.value for item in Regime)
        raise EmuError(f"there is no translation regime {name!r}: use one of {names}") from None
