"""What `mectui bench` measured: samples by guest and runner, their medians, and the same as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import emu
from emu.debug.events import StopReason
from emu.views import EngineStatistics

SCHEMA = 1
SHORTEST = 0.03
"""Seconds beside the peer's start-up, which varies by some hundredths, that still say something."""
MOST_INSTRUCTIONS = 20_000_000_000
"""No guest comes near it: one that does has gone astray."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run on one of our engines. Seconds are host seconds of the run, compilation included, loading not."""

    seconds: float
    instructions: int
    console: str
    statistics: EngineStatistics
    problem: str = ""
    """How it ended, if not as it should; such a sample counts for nothing."""


@dataclass
class Row:
    """Everything that is known of one guest, while rounds go on."""

    guest: str
    description: str
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    peer_seconds: list[float] = field(default_factory=list)
    """Without the start-up; only roughly right, and maybe negative, where that is most of it."""
    peer_console: str | None = None
    peer_problem: str = ""
    """Why there is nothing to compare with."""

    def good(self, engine: str) -> list[Sample]:
        return [sample for sample in self.samples.get(engine, ()) if not sample.problem]

    @property
    def instructions(self) -> int | None:
        """What one run executes; the same on every engine."""
        return next((sample.instructions for engine in self.samples for sample in self.good(engine)), None)

    @property
    def tlb_fills(self) -> int | None:
        return next((s.statistics.tlb_fills for engine in self.samples for s in self.good(engine)), None)

    def seconds(self, engine: str) -> float | None:
        """The median."""
        good = self.good(engine)
        return statistics.median(sample.seconds for sample in good) if good else None

    def mips(self, engine: str) -> float | None:
        """Million guest instructions a host second."""
        seconds = self.seconds(engine)
        return _mips(self.instructions, seconds)

    def compiled(self, engine: str) -> tuple[int, float] | None:
        """The most that a round compiled: (regions, seconds) of the JIT, (handlers, seconds) of the interpreter."""
        good = [sample.statistics for sample in self.good(engine)]
        if not good:
            return None
        if engine == "jit":
            return max((each.regions, each.region_seconds) for each in good)
        return max((each.handlers, each.handler_seconds) for each in good)

    @property
    def peer(self) -> float | None:
        """The peer's median seconds; None when not measured, or too short for that."""
        return None if not self.peer_seconds or self.is_peer_short else statistics.median(self.peer_seconds)

    @property
    def is_peer_short(self) -> bool:
        """Whether the peer was done too soon after its start-up to tell how long it took."""
        return bool(self.peer_seconds) and statistics.median(self.peer_seconds) < SHORTEST

    @property
    def peer_mips(self) -> float | None:
        """By our count of instructions: the peer runs the same ones."""
        return _mips(self.instructions, self.peer)

    def ratio(self, engine: str) -> float | None:
        """Our speed over the peer's: above 1 we are faster."""
        ours, peer = self.seconds(engine), self.peer
        return peer / ours if ours and peer else None

    def problems(self) -> list[str]:
        found = [
            f"{self.guest}: {engine}: {sample.problem}"
            for engine, samples in self.samples.items()
            for sample in samples
            if sample.problem
        ]
        consoles = {s.console for engine in self.samples for s in self.good(engine)}
        if self.peer_console is not None:
            consoles.add(self.peer_console)
        if len(consoles) > 1:
            found.append(f"{self.guest}: the results differ: {', '.join(sorted(repr(text) for text in consoles))}")
        return list(dict.fromkeys(found))


@dataclass
class Bench:
    """One `mectui bench`: what ran, and the rows."""

    engines: tuple[str, ...]
    percent: int
    rounds: int
    rows: list[Row]
    peer_name: str | None = None
    peer_startup: float | None = None
    """Median seconds of the guest that does nothing; taken from each of the peer's times."""
    done_rounds: int = 0
    is_cached: bool = True
    """Whether native code that earlier runs left on disk was used."""
    keeps_regions: bool = True
    """Whether the JIT's regions were among it."""


def _mips(instructions: int | None, seconds: float | None) -> float | None:
    return instructions / seconds / 1e6 if instructions and seconds else None


def measure(
    elf: Path,
    engine: str,
    percent: int,
    is_cached: bool = True,
    keeps_regions: bool = True,
    on_machine: Callable[[emu.Machine], None] | None = None,
) -> Sample:
    """Run a guest on a new machine.

    `is_cached`: native code may come from disk, and is kept there; `keeps_regions`: the JIT's regions too. `on_machine`
    is given the machine before it runs, for whoever may want to pause it.

    Raises EmuError if the machine cannot be built or the file is not there.
    """
    folder: Literal["default"] | None = "default" if is_cached else None
    machine = emu.Machine(engine=engine, command_line=str(percent), cache_folder=folder, keeps_regions=keeps_regions)
    machine.load(elf)
    if on_machine is not None:
        on_machine(machine)
    stop = machine.run(MOST_INSTRUCTIONS)
    problem = ""
    if stop.reason is not StopReason.EXIT:
        problem = f"ended by {stop.reason.value} at {stop.pc:#x}" + (f": {stop.message}" if stop.message else "")
    elif stop.code:
        problem = f"exit code {stop.code}: {machine.console.strip()!r}"
    return Sample(machine.seconds, machine.instructions, machine.console.strip(), machine.engine_statistics(), problem)


def bench_json(view: Bench) -> dict[str, Any]:
    """Everything, with each run's seconds; numbers that were not measured are null."""
    return {
        "schema": SCHEMA,
        "engines": list(view.engines),
        "rounds": view.rounds,
        "rounds_done": view.done_rounds,
        "work_percent": view.percent,
        "cache_on_disk": view.is_cached,
        "regions_on_disk": view.is_cached and view.keeps_regions,
        "peer": None
        if view.peer_name is None
        else {"name": view.peer_name, "startup_seconds": view.peer_startup, "startup_is_subtracted": True},
        "guests": [_row_json(row, view.engines) for row in view.rows],
    }


def _row_json(row: Row, engines: tuple[str, ...]) -> dict[str, Any]:
    measured = {}
    for engine in engines:
        compiled = row.good(engine)
        most = max((s.statistics for s in compiled), key=lambda s: (s.regions, s.handlers), default=None)
        measured[engine] = {
            "mips": row.mips(engine),
            "seconds": row.seconds(engine),
            "runs": [sample.seconds for sample in row.good(engine)],
            "handlers_compiled": most.handlers if most else None,
            "handler_compile_seconds": most.handler_seconds if most else None,
            "regions_compiled": most.regions if most else None,
            "region_instructions": most.region_instructions if most else None,
            "region_compile_seconds": most.region_seconds if most else None,
            "ratio_to_peer": row.ratio(engine),
        }
    return {
        "guest": row.guest,
        "description": row.description,
        "instructions": row.instructions,
        "tlb_fills": row.tlb_fills,
        "engines": measured,
        "peer": {
            "seconds": row.peer,
            "runs": row.peer_seconds,
            "mips": row.peer_mips,
            "problem": row.peer_problem or None,
        },
        "problems": row.problems(),
    }
