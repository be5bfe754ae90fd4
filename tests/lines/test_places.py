"""Lines of the source as places: what gdb makes of them, errors, several images, images that lie elsewhere."""

from __future__ import annotations

import re
import subprocess
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import emu
from emu.debug.expressions import ExpressionError, MachineEnvironment, compile, completions, vocabulary
from emu.debug.lines import Lines, Location, images, parsed
from emu.debug.lines.location import matching, shortest
from emu.errors import EmuError
from emu.loader import read_elf
from tests.lines.conftest import Built
from tests.lines.programs import BUNDLED, GDB, needs_gdb, needs_ziglang

TWO_REALMS = next(path for path in BUNDLED if path.stem == "two-realms")


def test_a_line_without_code_says_which_one_stands_for_it() -> None:
    machine = loaded(TWO_REALMS)
    text = TWO_REALMS.with_suffix(".S").read_text().splitlines()
    label = text.index("function rmm_start") + 1
    assert machine.lines.note(f"two-realms.S:{label + 1}") == ""
    told = f"line {label} of two-realms.S has no code: line {label + 1} is taken, the next one that has some"
    assert machine.lines.note(f"two-realms.S:{label}") == told
    assert where(machine, f"two-realms.S:{label}") == where(machine, f"two-realms.S:{label + 1}")
    assert machine.lines.note("no place at all") == ""
    with pytest.raises(EmuError, match="there is no line 9999"):
        machine.lines.note("two-realms.S:9999")
    environment = MachineEnvironment(machine)
    asked = compile(f"'two-realms.S:{label}' + 4", vocabulary(machine)).evaluate(environment)
    assert (asked, environment.notes) == (where(machine, f"two-realms.S:{label}")[0] + 4, [told])


def test_answers_are_those_of_the_images_that_are_loaded_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked before is remembered, but not beyond the images it came from."""
    monkeypatch.setattr(images, "_tables", OrderedDict())  # those that other tests have had read
    machine = loaded(TWO_REALMS)
    place = machine.cpu.pc
    assert machine.lines.at(place) is None, "nothing has been read yet"
    machine.lines.finish()
    spot = machine.lines.at(place)
    assert spot is not None
    assert machine.lines.at(place) is spot
    code = machine.lines.code_around(place)
    assert code is not None
    assert place in code.addresses[spot.line]
    machine.lines.clear()
    assert machine.lines.at(place) is None
    image = read_elf(TWO_REALMS)
    machine.lines.add(image, 0x1000)
    machine.lines.finish()
    moved = machine.lines.at(place + 0x1000)
    assert moved == replace(spot, start=spot.start + 0x1000, end=spot.end + 0x1000)
    assert machine.lines.at(place) != spot
    around = machine.lines.code_around(place + 0x1000)
    assert around is not None
    assert around.addresses == {line: tuple(each + 0x1000 for each in found) for line, found in code.addresses.items()}
    assert machine.lines.code_around(place + 0x1000) is around


def loaded(elf: Path) -> emu.Machine:
    machine = emu.Machine(memory="16M", engine="reference")
    machine.load(elf)
    return machine


def where(machine: emu.Machine, text: str) -> tuple[int, ...]:
    found = machine.lines.addresses_of(text)
    assert found is not None
    return found


@needs_gdb
@needs_ziglang
@pytest.mark.parametrize("name", ["plain", "dwarf4", "dwarf5", "sections"])
def test_breakpoints_are_where_gdb_has_them(built: Built, name: str) -> None:
    """Of statements; gdb skips what a function does before its first line, and this debugger does not."""
    elf = built(name)
    machine = loaded(elf)
    functions = {machine.symbols.lookup(symbol) for symbol in ("work", "main", "other", "quiet", "spread")}
    machine.lines.finish()
    statements: dict[str, set[int]] = {}
    for path in machine.lines.paths():
        for line, places in machine.lines._images[0].table.lines_of(path).items():
            if any(place.start.is_stmt for place in places) and not {place.start.run for place in places} & functions:
                statements.setdefault("/".join(path.split("/")[-2:]), set()).add(line)
    wanted = [f"{file}:{line}" for file, lines in statements.items() for line in sorted(lines) if "start.S" not in file]
    assert len(wanted) >= 12
    assert GDB is not None
    commands = [part for text in wanted for part in ("-ex", f"break {text}", "-ex", "info breakpoints", "-ex", "delete",
                                                     "-ex", "echo <next>\\n")]  # fmt: skip
    command = [GDB, "-nx", "-batch", *commands, str(elf)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    answers = [sorted({int(found, 16) for found in re.findall(r"\b0x[0-9a-f]{16}\b", part)})
               for part in shown.split("<next>")]  # fmt: skip
    ours = {text: list(where(machine, text)) for text in wanted}
    assert ours == dict(zip(wanted, answers, strict=False))
    if name.startswith("dwarf"):
        assert max(map(len, ours.values())) > 2  # inlined more than twice


def test_a_line_without_code_stands_for_the_next_one() -> None:
    machine = loaded(TWO_REALMS)
    source = TWO_REALMS.with_suffix(".S").read_text().splitlines()
    comment = next(number for number, line in enumerate(source, 1) if line.startswith("// x28 is not 0"))
    start = machine.symbols.lookup("rmm_start")
    assert where(machine, f"two-realms.S:{comment}") == (start,)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("two-realms.S:9999", "there is no line 9999 in two-realms.S; the last one with code is"),
        ("two-realms.S:0", "there is no line 0 in two-realms.S: lines are counted from 1"),
        ("tworealms.S:3", "no source file of the guest is called tworealms.S; did you mean two-realms.S?"),
        ("elsewhere/two-realms.S:3", "no source file of the guest is called elsewhere/two-realms.S; there is "
                                     "two-realms/two-realms.S"),
        ("mec.c:3", "no source file of the guest is called mec.c, or it was built without line tables (-g)"),
    ],
)  # fmt: skip
def test_errors_are_sentences(text: str, sentence: str) -> None:
    with pytest.raises(EmuError) as caught:
        where(loaded(TWO_REALMS), text)
    assert str(caught.value).startswith(sentence)


def test_a_guest_without_line_tables_says_so(tmp_path: Path) -> None:
    machine = emu.Machine(memory="1M")
    machine.load_raw(bytes(8), 0x4000_0000)
    assert not machine.lines.has_any
    assert machine.lines.at(0x4000_0000) is None
    with pytest.raises(EmuError, match="no image has line tables"):
        where(machine, "a.c:1")


@needs_ziglang
def test_two_files_of_one_name_are_told_apart(built: Built) -> None:
    machine = loaded(built("dwarf5"))
    with pytest.raises(EmuError) as caught:
        where(machine, "work.c:4")
    assert str(caught.value) == "work.c is two files: lib/work.c, src/work.c: write more of the path"
    assert where(machine, "lib/work.c:4") != where(machine, "src/work.c:22")
    assert {"lib/work.c:", "src/work.c:", "shared.h:"} <= set(machine.lines.completions())


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), min_size=1, max_size=8))
def test_shortest_names_lead_back_to_their_files(paths: list[str]) -> None:
    unique = list(dict.fromkeys(paths))
    for path, end in shortest(unique).items():
        found = matching(unique, end)
        assert path in found
        # A whole path may be the end of a longer one: nothing shorter tells it apart then.
        assert found == [path] or end == path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mec.c:40", Location("mec.c", 40)),
        (" rmm/mec.c:40 ", Location("rmm/mec.c", 40)),
        ("two-realms.S:1", Location("two-realms.S", 1)),
        ("a ? b.c : 1", None),
        ("x0:1", None),
        ("realm:5", None),
        ("mec.c:0x10", None),
        ("mec.c:99999999999", None),
        ("my file.c:3", None),
    ],
)
def test_what_is_a_place_without_quotes(text: str, found: Location | None) -> None:
    assert parsed(text) == found


def test_expressions_know_lines() -> None:
    machine = loaded(TWO_REALMS)
    machine.lines.finish()
    names, environment = vocabulary(machine), MachineEnvironment(machine)
    start = machine.symbols.lookup("rmm_start")
    assert start is not None
    line = machine.lines.at(start)
    assert line is not None

    def value(text: str) -> int:
        return compile(text, names).evaluate(environment)

    assert value(line.name) == start
    assert value(f"'{line.name}' + 8") == start + 8
    assert value("1 ? 2:3") == 2
    with pytest.raises(ExpressionError, match="There is no line 9999"):
        value("'two-realms.S:9999' + 1")
    assert (0, "two-realms.S:") in completions("two-re", 6, names)


def test_several_images_and_one_that_lies_elsewhere() -> None:
    first, second = read_elf(TWO_REALMS), read_elf(next(path for path in BUNDLED if path.stem == "hello"))
    lines = Lines()
    lines.add(first)
    lines.add(second, offset=0x1000_0000)
    lines.finish()
    assert lines.at(first.entry) is not None
    spot = lines.at(second.entry + 0x1000_0000)
    assert spot is not None
    assert spot.path == "hello/hello.S"
    assert spot.start == second.entry + 0x1000_0000
    assert lines.addresses(Location("hello.S", spot.line)) == (second.entry + 0x1000_0000,)
    # The same code at its physical address, where the MMU is off yet.
    moved = Lines()
    moved.add(replace(second, moved=((0x8000_0000, second.entry, 0x1000),)))
    moved.finish()
    early = moved.at(0x8000_0000)
    assert early is not None
    assert early.name == spot.name
    assert moved.at(0x8000_1000) is None


def test_large_tables_are_read_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "SMALL", 0)
    monkeypatch.setattr(images, "HEAD_START", 0.01)
    monkeypatch.setattr(images, "_tables", type(images._tables)())
    machine = loaded(TWO_REALMS)
    told: list[bool] = []
    machine.lines.on_ready.append(lambda: told.append(machine.lines.is_ready))
    assert not machine.lines.begin()
    assert machine.lines.at(machine.cpu.pc) is None
    assert machine.lines.completions() == ()
    thread = machine.lines._thread
    assert thread is not None
    thread.join(10)
    assert told == [True]
    assert machine.lines.begin()
    assert machine.lines.at(machine.cpu.pc) is not None
    # Who types a line waits for it instead.
    monkeypatch.setattr(images, "_tables", type(images._tables)())
    assert where(loaded(TWO_REALMS), "two-realms.S:93")


def test_tables_of_an_image_that_comes_late_are_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that read the first image's has ended by then."""
    monkeypatch.setattr(images, "SMALL", 0)
    monkeypatch.setattr(images, "HEAD_START", 0.01)
    monkeypatch.setattr(images, "_tables", type(images._tables)())
    machine, late = loaded(TWO_REALMS), next(path for path in BUNDLED if path.stem == "hello")

    def read() -> None:
        assert not machine.lines.begin()
        assert machine.lines._thread is not None
        machine.lines._thread.join(10)
        assert machine.lines.begin()

    read()
    assert "hello.S:" not in machine.lines.completions()
    machine.load(late)
    read()
    assert {"hello.S:", "two-realms.S:"} <= set(machine.lines.completions())
    entry = read_elf(late).entry
    assert entry in where(machine, "hello.S:1")
