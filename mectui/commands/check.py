"""mectui check: runs a guest and reports the rules of memory encryption contexts that it broke."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence

import emu
from emu.debug.events import StopReason
from emu.mec.rules import CATALOGUE, choose
from mectui.commands.machine import CompileProgress, build_machine, parse_number
from mectui.commands.options import Parser, add_machine_options, add_script_option, add_stop_option
from mectui.commands.run import Forwarding, prepared, run

_WIDEST = 100
"""Text wider than this is hard to read."""

EPILOG = """\
exit codes: 0 when no rule was broken, 1 when one was, 2 for wrong input. What the guest itself exits with is in the
last line of the report.
"""


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        prog="mectui check",
        description="Run a guest and report every broken rule of FEAT_MEC: what happened, where, and what to do.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("guest", nargs="?", metavar="GUEST", help="ELF file, raw image, or bundled guest")
    parser.add_argument("more", nargs="*", default=[], metavar="FILE", help="further ELF files to load")
    parser.add_argument("--list", action="store_true", help="print the rules, with what each is about")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--console", action="store_true", help="pass what the guest prints on to stderr")
    parser.add_argument("--max-insns", metavar="N", help="stop after so many instructions")
    add_stop_option(parser)
    add_script_option(parser)
    add_machine_options(parser)
    options = parser.parse_args(arguments)
    if options.list:
        return _list(options)
    if not options.rules.strip(", "):
        parser.error("--rules names no rule: leave it out for all that matter, or see --list")
    if options.guest is None:
        parser.error("name a GUEST to check, or --list to see the rules")
    limit = None if options.max_insns is None else parse_number(options.max_insns, "a number of instructions")
    progress = CompileProgress()
    machine = build_machine(options, on_compile=progress)
    if options.console:
        machine.on_console(Forwarding(sys.stderr))
    stop = prepared(machine, options, limit) or run(machine, None if limit is None else limit - machine.instructions)
    progress.finish()
    if options.json:
        from mectui.queries.report import check_report

        json.dump(check_report(machine, stop, options.guest), sys.stdout, indent=2)
        print()
    else:
        _print(machine, stop)
    sys.stdout.flush()
    if machine.mec.finding_count:
        return 1
    return 130 if stop.reason is StopReason.PAUSED else 0


def _list(options: argparse.Namespace) -> int:
    chosen = choose(options.rules) if options.rules != "default" else CATALOGUE
    if options.json:
        from mectui.queries.report import rule_json

        json.dump([rule_json(rule) for rule in chosen], sys.stdout, indent=2)
        print()
        return 0
    from mectui.render import findings as render
    from mectui.render.text import plain

    print(plain(render.catalogue(chosen, _width())).rstrip())
    return 0


def _width() -> int:
    return min(max(60, shutil.get_terminal_size((80, 24)).columns), _WIDEST)


def _print(machine: emu.Machine, stop: emu.Stop) -> None:
    from mectui.queries.findings import findings
    from mectui.render import findings as render
    from mectui.render import numbers
    from mectui.render.text import plain, wrap

    view = findings(machine)
    width = _width()
    print(plain(render.report(view, width)), end="")
    last = (
        f"{render.sentence(render.counted(view))[:-1]} in {numbers.plural(machine.instructions, 'instruction')} "
        f"({numbers.plural(view.rules, 'rule')} checked, model {machine.mec_model}). {_end(machine, stop)}"
    )
    print(plain(wrap(last, width)), end="")


def _end(machine: emu.Machine, stop: emu.Stop) -> str:
    """How the run ended, as a sentence."""
    where = machine.symbols.describe(stop.pc)
    return {
        StopReason.EXIT: f"The guest exited with code {stop.code}.",
        StopReason.LIMIT: f"The run stopped at the limit of instructions, at {where}.",
        StopReason.BREAKPOINT: f"The run stopped at a breakpoint, at {where}.",
        StopReason.WATCHPOINT: f"The run stopped at a watchpoint, at {where}.",
        StopReason.CATCHPOINT: f"The run stopped at a catchpoint, at {where}.",
        StopReason.HALTED: f"The guest halted at {where}: {stop.message}.",
        StopReason.ERROR: f"The guest ran wild at {where}: {stop.message}.",
        StopReason.PAUSED: f"The run was interrupted at {where}.",
        StopReason.FINDING: f"The run stopped at the first finding asked for, at {where}.",
    }[stop.reason]
