"""How long a running guest takes to stop when it is paused: python -m tests.bench.pause [--rounds N] [GUEST ...].

The guests of `guests/bench` begin again where they would exit; the pauses come from 5 to 700 ms after they were set
going, while code is being compiled, and when it has been. interface.md, section 2, allows 50 ms.
"cpu" is what the machine's thread worked for that: the rest is waiting for a processor, on a busy computer.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from pathlib import Path

import emu
from mectui import running
from mectui.app import machine_for
from mectui.progress import RunState
from mectui.session import Session

BENCH = Path(__file__).parents[2] / "guests" / "bench"
GUESTS = ("integer", "calls", "sha256", "exceptions", "tlb", "cold")
EXIT = 0xD45E_0000
"""hlt #0xf000: semihosting, by which `finish` exits."""
AFTER = (0.005, 0.02, 0.05, 0.1, 0.3, 0.7)
"""Seconds from setting the guest going to the pause."""


def endless(name: str) -> emu.Machine:
    """A machine whose guest goes from its end to `main` again."""
    machine = machine_for(BENCH / f"{name}.elf")()
    start, finish = machine.symbols.lookup("main"), machine.symbols.lookup("finish")
    assert start is not None
    assert finish is not None
    exits = next(at for at in range(finish, finish + 0x80, 4) if machine.fetch_word(at) == EXIT)
    branch = 0x1400_0000 | (start - exits) >> 2 & 0x03FF_FFFF
    machine.write(exits, branch.to_bytes(4, "little"))
    return machine


def pauses(name: str, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds from asking to the stop that the screen is told of: by the clock, and of the machine's thread."""
    session = Session(lambda: endless(name), lambda news: None)
    session.start()
    while session.progress.state is not RunState.STOPPED:
        time.sleep(0.001)
    worker = time.pthread_getcpuclockid(session._thread.ident or 0)
    chosen, taken, worked = random.Random(5), [], []
    for _ in range(rounds):
        stops = session.progress.stops
        session.run(running.resume)
        while session.progress.state is not RunState.RUNNING:
            time.sleep(0.001)
        time.sleep(chosen.choice(AFTER))
        asked, before = time.perf_counter(), time.clock_gettime(worker)
        session.pause()
        while session.progress.stops == stops:
            time.sleep(0.0002)
        taken.append((time.perf_counter() - asked) * 1e3)
        worked.append((time.clock_gettime(worker) - before) * 1e3)
    session.close()
    session.join(5)
    return sorted(taken), sorted(worked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("guests", nargs="*", default=GUESTS, metavar="GUEST")
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    print(f"{'':<12}{'pauses':>8}{'median':>10}{'p95':>10}{'worst':>10}{'worst cpu':>12}")
    for name in options.guests:
        taken, worked = pauses(name, options.rounds)
        median, p95 = statistics.median(taken), taken[max(int(len(taken) * 0.95) - 1, 0)]
        print(
            f"{name:<12}{len(taken):>8}{median:>7.1f} ms{p95:>7.1f} ms{taken[-1]:>7.1f} ms{worked[-1]:>9.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
