"""mectui bench: how fast the engines run, beside QEMU where it is installed, as a table or JSON."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import statistics
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emu.errors import EmuError
from mectui import peer
from mectui.commands.options import Parser, integer
from mectui.queries.bench import Bench, Row, bench_json, measure
from mectui.resources import BundledGuest, bench_guests

if TYPE_CHECKING:
    import emu

STARTUP = "empty"
"""The guest that does nothing."""
QUICK_PERCENT = 10
NO_PEER = {80: "it has no FEAT_MEC", 81: "it has no FEAT_RME"}
"""Exit codes by which a guest says that the machine lacks what it is about."""
_ENGINES = ("interpreter", "jit", "reference")

EPILOG = """\
Each round runs every guest on every engine and in QEMU in turn, so that what else the host does hits all of them.
QEMU is qemu-system-aarch64 from PATH; MECTUI_QEMU_SYSTEM names another (a command line).

exit codes: 0; 1 when a guest failed, or its result was another one elsewhere; 2 for wrong input; 130 when interrupted.
"""


class Progress:
    """What runs now, on one line of stderr that is written over; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        if self._is_shown:
            print(f"\r\x1b[Kmectui: {text}", end="", file=sys.stderr, flush=True)

    def finish(self) -> None:
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class Interrupts:
    """Ctrl-C as a wish to end soon: an exception could come in the middle of anything, and get lost there."""

    def __init__(self) -> None:
        self.asked = False
        self._machine: emu.Machine | None = None
        self._before: Any = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def watch(self, machine: emu.Machine) -> None:
        """The machine that runs from now on."""
        self._machine = machine

    def check(self) -> None:
        """Raises KeyboardInterrupt where somebody asked to end."""
        if self.asked:
            raise KeyboardInterrupt

    def _ask(self, *_: object) -> None:
        self.asked = True
        if self._machine is not None:
            self._machine.pause()


def main(arguments: Sequence[str]) -> int:
    guests = {guest.name: guest for guest in bench_guests() if guest.name != STARTUP}
    listed = "\n".join(f"  {guest.name:<11} {guest.description}" for guest in guests.values())
    parser = Parser(
        prog="mectui bench",
        description="Measure the engines on small bare-metal guests, and QEMU on the same files.",
        epilog=f"guests:\n{listed}\n\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="guests to run (default: all)")
    parser.add_argument("--engines", default="interpreter,jit", metavar="LIST",
                        help="engines to measure, comma between; reference is slow (interpreter,jit)")  # fmt: skip
    parser.add_argument("--rounds", type=integer, metavar="N", help="rounds to take the medians of (3; 1 with --quick)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_PERCENT}%% of the work, one round: a rough idea")
    parser.add_argument("--no-peer", action="store_true", help="don't run QEMU")
    parser.add_argument("--no-cache", action="store_true",
                        help="use no native code that earlier runs left on disk, and leave none there")  # fmt: skip
    parser.add_argument("--no-regions", action="store_true",
                        help="the same for what the JIT compiles, but not for the interpreter's handlers")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the measurements as JSON")
    options = parser.parse_args(arguments)

    if not guests:
        raise EmuError("this copy of mectui has no guests to measure: build them with `python guests/build.py`")
    engines = tuple(dict.fromkeys(part.strip() for part in options.engines.split(",") if part.strip()))
    for engine in engines:
        if engine not in _ENGINES:
            raise EmuError(f"there is no engine {engine!r} to measure: choose from {', '.join(_ENGINES)}")
    for name in options.names:
        if name not in guests:
            raise EmuError(f"there is no guest {name!r} to measure; there are: {', '.join(guests)}")
    if not engines:
        raise EmuError("no engine is left to measure: choose from " + ", ".join(_ENGINES))
    rounds = (1 if options.quick else 3) if options.rounds is None else options.rounds
    if rounds < 1:
        raise EmuError(f"{rounds} rounds measure nothing: choose 1 or more")
    command = None if options.no_peer else peer.find_peer()
    chosen = [guests[name] for name in dict.fromkeys(options.names)] or list(guests.values())
    view = Bench(
        engines,
        QUICK_PERCENT if options.quick else 100,
        rounds,
        [Row(guest.name, guest.description) for guest in chosen],
        peer.version(command) if command else None,
        is_cached=not options.no_cache,
        keeps_regions=not options.no_regions,
    )
    progress = Progress()
    interrupted = False
    with Interrupts() as interrupts:
        try:
            run_rounds(view, chosen, command, progress, interrupts)
        except KeyboardInterrupt:
            interrupted = True
    progress.finish()
    show(view, options.json)
    if interrupted:
        return 130
    return 1 if any(row.problems() for row in view.rows) else 0


def run_rounds(
    view: Bench,
    guests: list[BundledGuest],
    command: tuple[str, ...] | None,
    progress: Progress,
    interrupts: Interrupts,
) -> None:
    """Fill the view, round by round. Raises EmuError when QEMU does not work, KeyboardInterrupt when that is asked."""
    startups: list[float] = []
    if command is not None:
        progress("QEMU's start-up")
        startup = next(guest for guest in bench_guests() if guest.name == STARTUP)
        for _ in range(5):
            empty = peer.run(command, startup.path, "1")
            interrupts.check()
            if empty.code:
                raise EmuError(
                    f"{command[0]} does not run our guests: it ended with {empty.code}; --no-peer leaves it out"
                )
            startups.append(empty.seconds)
        view.peer_startup = statistics.median(startups)
    for number in range(1, view.rounds + 1):
        for guest, row in zip(guests, view.rows, strict=True):
            for engine in view.engines:
                progress(f"round {number} of {view.rounds}: {guest.name} on {engine}")
                sample = measure(guest.path, engine, view.percent, view.is_cached, view.keeps_regions, interrupts.watch)
                interrupts.check()
                row.samples.setdefault(engine, []).append(sample)
            if command is not None and not row.peer_problem:
                progress(f"round {number} of {view.rounds}: {guest.name} on QEMU")
                done = peer.run(command, guest.path, str(view.percent))
                interrupts.check()
                _note_peer(view, guest, row, done)
        view.done_rounds = number


def _note_peer(view: Bench, guest: BundledGuest, row: Row, done: peer.PeerRun) -> None:
    if done.code:
        row.peer_problem = NO_PEER.get(done.code, f"{guest.name} ended with {done.code}")
        return
    row.peer_console = done.console.strip()
    if view.peer_startup is not None:
        row.peer_seconds.append(done.seconds - view.peer_startup)


def show(view: Bench, as_json: bool) -> None:
    if as_json:
        json.dump(bench_json(view), sys.stdout, indent=2, ensure_ascii=False)
        print()
        return
    from mectui.render import bench as render
    from mectui.render.text import plain

    width = max(80, shutil.get_terminal_size((120, 24)).columns)
    print(plain(render.table(view, width)), end="")
