"""The whole granule protection table, run by run: what checks would find, without asking for each address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from emu.rme.gpt import GPC_ENABLE, GptConfig, decode_config, level0_entry, level1_entry
from emu.translation.regimes import RegisterView

ReadBytes = Callable[[int, int], "bytes | None"]
"""(pa, size) -> memory as the check reads it, Root and MECID 0; None where there is none."""


@dataclass(frozen=True, slots=True)
class GptRun:
    """Neighbouring addresses, [start, end), of which the table says the same in the same way."""

    start: int
    end: int
    gpi: int | None
    """None where the table cannot be used: `problem` says why."""
    kind: str
    """"block" of level 0, "contiguous", "granules", or "invalid"."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class GptTable:
    """GPCCR_EL3 and GPTBR_EL3 decoded, and what the table says."""

    is_enabled: bool
    config: GptConfig
    runs: tuple[GptRun, ...]
    """By address, all of the protected space; () where the registers are inconsistent."""


def read_table(regs: RegisterView, read: ReadBytes, pa_bits: int) -> GptTable:
    """The table that the registers name, whether checks are on or not."""
    gpccr = regs["GPCCR_EL3"]
    config = decode_config(gpccr, regs["GPTBR_EL3"], pa_bits)
    is_enabled = bool(gpccr & GPC_ENABLE)
    if config.problem:
        return GptTable(is_enabled, config, ())
    return GptTable(is_enabled, config, tuple(_joined(_level0(config, read))))


def _joined(runs: Iterator[GptRun]) -> Iterator[GptRun]:
    last: GptRun | None = None
    for run in runs:
        if last is not None and (run.gpi, run.kind, run.problem) == (last.gpi, last.kind, last.problem):
            last = GptRun(last.start, run.end, run.gpi, run.kind, run.problem)
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last


def _level0(config: GptConfig, read: ReadBytes) -> Iterator[GptRun]:
    block = 1 << config.block
    count = max(config.limit >> config.block, 1)
    table = _words(read, config.base, count)
    at = 0
    while at < count:
        first = at
        if table is None:
            start, at = first * block, count
            reason = f"external abort on the level 0 GPT entry at {config.base:#x}"
            yield GptRun(start, config.limit, None, "invalid", reason)
            continue
        entry = table[first]
        found = level0_entry(config, entry)
        if isinstance(found, int):
            at += 1
            yield from _level1(config, read, found, first * block, min(at * block, config.limit))
            continue
        while at < count and table[at] == entry:
            at += 1
        start, end = first * block, min(at * block, config.limit)
        if found.failure is not None:
            yield GptRun(start, end, None, "invalid", found.reason)
        else:
            yield GptRun(start, end, found.gpi, "block")


def _level1(config: GptConfig, read: ReadBytes, base: int, start: int, end: int) -> Iterator[GptRun]:
    covered = 16 << config.granule  # by one entry
    table = _words(read, base, max((end - start) // covered, 1))
    if table is None:
        yield GptRun(start, end, None, "invalid", f"external abort on the level 1 GPT at {base:#x}")
        return
    at = 0
    while at < len(table):
        entry, first = table[at], at
        while at < len(table) and table[at] == entry:
            at += 1
        low, high = start + first * covered, min(start + at * covered, end)
        found = level1_entry(config, entry)
        if found.failure is not None:
            yield GptRun(low, high, None, "invalid", found.reason)
        elif found.gpi is not None:
            yield GptRun(low, high, found.gpi, "contiguous")
        else:
            yield from _granules(config, entry, low, high)


def _granules(config: GptConfig, entry: int, low: int, high: int) -> Iterator[GptRun]:
    gpis = [entry >> shift & 0xF for shift in range(0, 64, 4)]
    if len(set(gpis)) == 1:
        yield GptRun(low, high, gpis[0], "granules")
        return
    granule = 1 << config.granule
    for address in range(low, high, granule):
        yield GptRun(address, address + granule, gpis[address >> config.granule & 0xF], "granules")


def _words(read: ReadBytes, base: int, count: int) -> memoryview | None:
    data = read(base, 8 * count)
    return None if data is None else memoryview(data).cast("Q")
