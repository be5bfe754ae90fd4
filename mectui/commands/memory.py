"""mectui memory: bytes as some context sees them, with the owner of every block, as text or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from emu.architecture import BLOCK
from emu.errors import EmuError
from mectui.commands import looking
from mectui.commands.options import integer
from mectui.commands.where import resolve

MOST = 1 << 20
"""Bytes at once."""
EYES = ("seen", "owner", "mecid", "raw")


def main(arguments: Sequence[str]) -> int:
    parser = looking.parser("memory", "Show memory: its bytes as some context sees them, and each block's owner.")
    parser.add_argument("address", metavar="ADDRESS", help="virtual address, symbol or expression")
    parser.add_argument("--physical", action="store_true", help="the address is a physical one")
    parser.add_argument("--length", type=integer, default=256, metavar="BYTES", help=f"how much, up to {MOST} (256)")
    parser.add_argument("--as", choices=EYES, default="seen", dest="eyes",
                        help="seen: by the present context; owner: each block's plaintext; mecid: by the MECID of "
                        "--mecid; raw: as it stands in memory (seen)")  # fmt: skip
    parser.add_argument("--mecid", type=integer, default=0, metavar="N", help="the MECID for --as mecid (0)")
    machine, options = looking.machine_there(parser, arguments)
    if not 0 < options.length <= MOST:
        raise EmuError(f"--length {options.length} shows nothing: choose 1 to {MOST} bytes")
    if not 0 <= options.mecid <= 0xFFFF:
        raise EmuError(f"--mecid {options.mecid} does not exist: a MECID has 16 bits")
    from mectui.queries.memory import Eyes, memory, memory_json

    eyes = dict(zip(EYES, (Eyes.CONTEXT, Eyes.OWNER, Eyes.MECID, Eyes.RAW), strict=True))[options.eyes]
    start = resolve(machine, options.address)
    first = start & -BLOCK
    rows = (start + options.length - first + BLOCK - 1) // BLOCK
    view = memory(machine, first, rows, is_physical=options.physical, eyes=eyes, mecid=options.mecid)
    if options.json:
        json.dump(memory_json(view), sys.stdout, indent=2)
        print()
        return 0
    from mectui.render import memory as render
    from mectui.render.text import plain

    print(render.summary(view))
    print(plain(render.memory(view, looking.width())), end="")
    return 0
