"""Walk the encoding classes: make cases, run them on both engines and on a peer, count, and keep what differs."""

from __future__ import annotations

import copy
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Protocol

from emu.features import ISA_MAX
from emu.isa.a64 import A64
from emu.isa.pattern import EncodingClass
from tests.conformance.differential import explained
from tests.conformance.differential.cases import PRIVILEGED_ELSEWHERE, Background, Case, Maker, group
from tests.conformance.differential.layout import SLOT_COUNT, State
from tests.conformance.differential.ours import Ours

ENGINES = ("reference", "interpreter")


class Peer(Protocol):
    """Another implementation."""

    name: str
    version: tuple[int, ...]
    isa: frozenset[str]
    levels: tuple[int, ...]

    def run(self, cases: list[tuple[tuple[int, ...], State]], pattern: bytes) -> list[tuple[State, bytes]]: ...


@dataclass(slots=True)
class Difference:
    """One case that two implementations end differently."""

    case: Case
    where: str
    text: str


@dataclass(slots=True)
class Report:
    """What was executed, by (class, implementation), and what came out."""

    executions: Counter[tuple[str, str]] = field(default_factory=Counter)
    explained: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By (class, implementation, rule)."""
    differences: list[Difference] = field(default_factory=list)
    exceptions: Counter[str] = field(default_factory=Counter)
    """Cases that ended in an exception, by class."""

    def merge(self, other: Report) -> None:
        for item in fields(self):
            mine = getattr(self, item.name)
            mine.update(getattr(other, item.name)) if isinstance(mine, Counter) else mine.extend(
                getattr(other, item.name)
            )


def selected(groups: Iterable[str] = (), names: Iterable[str] = ()) -> list[EncodingClass]:
    """Every class, or those of some groups and names."""
    groups, names = set(groups), set(names)
    return [
        encoding
        for encoding in A64.classes
        if (not groups or group(encoding) in groups) and (not names or encoding.name in names)
    ]


def describe(case: Case, where: str, got: tuple[State, bytes], expected: tuple[State, bytes]) -> str:
    """A case and all that two implementations made different of it."""
    decoded = A64.decode(case.words[-1])
    operands = decoded.operands if decoded else {}
    before = case.state
    lines = [
        f"{case.encoding.name} {' '.join(f'{word:#010x}' for word in case.words)} {operands} on {where}",
        f"   pc {before.pc:#x} pstate {before.pstate:#x} fpcr {before.fpcr:#x} fpsr {before.fpsr:#x} sp {before.sp:#x}",
    ]
    for name in ("rd", "rn", "rm", "ra", "rs", "rt", "rt2"):
        number = operands.get(name)
        if number is not None:
            value = before.x[number] if number < 31 else 0
            lines.append(f"   {name}: x{number} {value:#x} v{number} {before.v[number]:#034x}")
    ours, theirs = got[0], expected[0]
    for item in fields(State):
        a, b = getattr(ours, item.name), getattr(theirs, item.name)
        if isinstance(a, list):
            changed = [(i, x, y) for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
            lines += [f"   {item.name}{i}: {x:#x}, there {y:#x}" for i, x, y in changed]
        elif a != b:
            lines.append(f"   {item.name}: {a:#x}, there {b:#x}")
    if got[1] != expected[1]:
        first = next(i for i, (x, y) in enumerate(zip(got[1], expected[1], strict=True)) if x != y)
        lines.append(f"   memory at +{first:#x}: {got[1][first : first + 16].hex()}, there "
                     f"{expected[1][first : first + 16].hex()}")  # fmt: skip
    return "\n".join(lines)


class Comparison:
    """Our engines beside one peer, or beside each other where there is none."""

    def __init__(
        self, peer: Peer | None, seed: int, isa: frozenset[str] = ISA_MAX, combinations: int | None = None
    ) -> None:
        self.peer = peer
        self._source = random.Random(seed)
        self._combinations = combinations
        self.isa = isa if peer is None else isa & peer.isa
        self._engines = {name: Ours(name, self.isa) for name in ENGINES}
        self._makers: dict[str, Maker] = {}
        self._levels = (0, 1) if peer is None else peer.levels
        self.report = Report()

    def has(self, encoding: EncodingClass) -> bool:
        """Whether cases of a class can be made for this peer."""
        if encoding.feature and encoding.feature not in self.isa:
            return False
        if self.peer is not None and (self.peer.name.split()[0], encoding.name) in explained.UNUSABLE:
            return False
        return 0 in self._levels or encoding.name not in PRIVILEGED_ELSEWHERE

    def cases(self, encoding: EncodingClass, count: int, slot: int, background: Background) -> Iterator[Case]:
        """So many cases of a class, at slots from `slot` on."""
        maker = self._makers.get(encoding.name)
        if maker is None:
            spsel = int(0 not in self._levels)  # unicorn knows nothing below EL1 with its own stack pointer
            maker = Maker(encoding, self.isa, self._source, spsel, self._combinations)
            self._makers[encoding.name] = maker
        made = tries = 0
        while made < count and tries < 200 * count:
            tries += 1
            el = 0 if encoding.name in PRIVILEGED_ELSEWHERE else self._source.choice(self._levels)
            has_types = self.peer is None or 0 in self.peer.levels
            case = maker.make(slot + made, el, background, has_branch_types=has_types)
            if case is not None and case.words:
                made += 1
                yield case

    def run(self, wanted: list[tuple[EncodingClass, int]], *, batch: int = SLOT_COUNT) -> None:
        """Run so many cases of each class."""
        queue = [(encoding, count) for encoding, count in wanted if self.has(encoding)]
        while queue:
            background = Background(self._source)
            cases: list[Case] = []
            while queue and len(cases) < batch:
                encoding, count = queue.pop()
                now = min(count, batch - len(cases))
                cases += self.cases(encoding, now, len(cases), background)
                if count > now:
                    queue.append((encoding, count - now))
            self._batch(cases, background)

    def _batch(self, cases: list[Case], background: Background) -> None:
        pattern = background.pattern
        work = [(case.words, case.state) for case in cases]
        theirs = self.peer.run(work, pattern) if self.peer is not None else []
        for engine in self._engines.values():
            engine.use(pattern)
        first, *others = self._engines
        for index, case in enumerate(cases):
            name = case.encoding.name
            ours = self._engines[first].run(case.words, case.state)
            self.report.executions[name, first] += 1
            self.report.exceptions[name] += ours[0].esr != 0
            for other in others:
                got = self._engines[other].run(case.words, case.state)
                self.report.executions[name, other] += 1
                if got != ours:
                    text = describe(case, f"{first}, there is {other}", ours, got)
                    self.report.differences.append(Difference(case, other, text))
            if self.peer is not None:
                self.report.executions[name, self.peer.name] += 1
                self._judge(case, ours, theirs[index])

    def _judge(self, case: Case, ours: tuple[State, bytes], theirs: tuple[State, bytes]) -> None:
        assert self.peer is not None
        peer, version = self.peer.name.split()[0], self.peer.version
        mine, other = copy.copy(ours[0]), theirs[0]
        for state in (mine, other):
            explained.comparable(case, state, peer)
        if (mine, ours[1]) == (other, theirs[1]):
            return
        for item in explained.TABLE:
            if item.applies(case, peer, version):  # type: ignore[arg-type]
                tidied = copy.deepcopy((mine, other))
                for state in tidied:
                    item.tidy(case, state)
                if tidied[0] == tidied[1] and (item.touches_memory or ours[1] == theirs[1]):
                    self.report.explained[case.encoding.name, self.peer.name, item.rule] += 1
                    return
        text = describe(case, self.peer.name, (mine, ours[1]), (other, theirs[1]))
        self.report.differences.append(Difference(case, self.peer.name, text))


def progress(text: str, started: float) -> None:
    print(f"\r{time.perf_counter() - started:7.1f} s  {text}\x1b[K", end="", file=sys.stderr, flush=True)
