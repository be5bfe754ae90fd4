"""Source on the screen: the three views of code, stepping by lines, lines as places, folders of sources."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import emu
from emu.debug.lines import images
from emu.errors import EmuError
from mectui.app import MectuiApp
from mectui.queries.code import CodeMode, CodeView, SourceView, code
from mectui.render import code as render
from mectui.render.text import plain
from mectui.resources import guest_path
from mectui.sources import SourceFiles
from mectui.stop_orders import NewCode
from mectui.widgets.bars import Header
from tests.tui.programs import ENDLESS, factory
from tests.tui.test_app import Person, bundled, debugging

SOURCE = "two-realms.S"


def text_of(line: int) -> str:
    path = guest_path("two-realms")
    assert path is not None
    return path.with_suffix(".S").read_text().splitlines()[line - 1].strip()


def line_of(words: str) -> int:
    path = guest_path("two-realms")
    assert path is not None
    return next(number for number, line in enumerate(path.with_suffix(".S").read_text().splitlines(), 1)
                if line.split()[: len(words.split())] == words.split())  # fmt: skip


def alone(tmp_path: Path) -> Callable[[], emu.Machine]:
    """two-realms far from its source."""
    path = guest_path("two-realms")
    assert path is not None
    (tmp_path / "alone.elf").write_bytes(path.read_bytes())

    def build() -> emu.Machine:
        machine = emu.Machine(engine="reference")
        machine.load(tmp_path / "alone.elf")
        return machine

    return build


async def shows(person: Person, text: str) -> None:
    await person.until(lambda: text in person.text("disassembly"))


async def test_source_stands_beside_the_instructions_to_begin_with() -> None:
    async with debugging(bundled("two-realms"), (160, 45)) as person:
        assert "function _start" in person.text("disassembly")
        assert "mov    x0, 0x830" in person.text("disassembly")
        assert f"{SOURCE}:{line_of('monitor_start')}" in person.screen.query_one(Header).line(160).text


async def test_v_goes_through_the_views_and_the_choice_is_remembered() -> None:
    async with debugging(bundled("two-realms"), (100, 30)) as person:
        pane = person.screen.disassembly
        await person.press("v")
        await person.until(lambda: "function _start" not in person.text("disassembly"))
        assert "mov    x0, 0x830" in person.text("disassembly")
        await person.press("v")
        await person.until(lambda: isinstance(pane.view, SourceView))
        assert "mov    x0, 0x830" not in person.text("disassembly")
        assert "function _start" in person.text("disassembly")
        assert pane.lines[pane.cursor].text.startswith("▶")
        assert pane.mode is CodeMode.SOURCE
    async with debugging(bundled("two-realms"), (100, 30)) as person:
        await person.until(lambda: isinstance(person.screen.disassembly.view, SourceView))
        await person.press("v")
        await shows(person, "mov    x0, 0x830")
        assert "function _start" in person.text("disassembly")


async def test_l_steps_to_another_line_and_d_into_calls() -> None:
    async with debugging(bundled("two-realms")) as person:
        progress = await person.stop_after("L")
        assert (progress.status.source, progress.reason) == (f"{SOURCE}:{line_of('require_rme')}", "line")
        await person.type(f"until {SOURCE}:{line_of('bl rmm_select_realm')}")
        await person.until(lambda: person.progress.reason == "arrived")
        await person.stop_after("D")
        assert person.progress.status.pc_label == "rmm_select_realm"
        stops = person.progress.stops
        await person.type("next line")
        await person.until(lambda: person.progress.stops > stops)
        assert person.progress.reason == "line"
        stops = person.progress.stops
        await person.type("step line")
        await person.until(lambda: person.progress.stops > stops)
        assert person.progress.reason == "line"


async def test_in_the_source_the_cursor_goes_by_lines() -> None:
    async with debugging(bundled("two-realms"), (100, 30)) as person:
        pane = person.screen.disassembly
        await person.press("v", "v")
        await person.until(lambda: isinstance(pane.view, SourceView) and bool(pane.view.rows))
        first = line_of("monitor_start")
        await person.press("down")
        await person.until(lambda: pane.line == first + 1)
        machine = bundled("two-realms")()
        (wanted,) = machine.lines.addresses_of(f"{SOURCE}:{first + 1}") or ()
        await person.until(lambda: pane.place == wanted)
        await person.press("b")
        await person.until(lambda: person.progress.breakpoints)
        assert list(person.progress.breakpoints.values()) == [wanted]
        await person.until(lambda: pane.lines[pane.cursor].text[1] == "●")
        await person.press("end")
        await person.until(lambda: pane.view.line == pane.view.total)
        await person.press("home")
        await person.until(lambda: pane.line == 1 and pane.view.first == 1)
        await person.press("pagedown")
        await person.until(lambda: (pane.line or 0) > 5)
        await person.press("slash", *"rmm_tell", "enter")
        await person.until(lambda: pane.line == line_of("function rmm_tell_the_story"))
        await person.press("escape")
        await person.stop_after("c")
        assert person.progress.reason == "breakpoint 1"
        await person.until(lambda: "▶" in pane.lines[pane.cursor].text)


async def test_the_program_counter_is_seen_however_much_source_there_is() -> None:
    for size in ((80, 24), (100, 30), (160, 45), (40, 12)):
        async with debugging(bundled("two-realms"), size) as person:
            for _ in range(12):
                await person.stop_after("L")
                pane = person.screen.disassembly
                await person.until(lambda pane=pane: any("▶" in line.text for line in pane.lines))  # type: ignore[misc]
                assert len(pane.lines) <= pane.text_height


async def test_the_wheel_moves_the_window_away_from_the_cursor() -> None:
    async with debugging(bundled("two-realms"), (100, 30)) as person:
        pane = person.screen.disassembly
        for _ in range(12):
            pane._keep = None
            pane._move_window(12)
            await person.pilot.pause()
        await person.until(lambda: not any("▶" in line.text for line in pane.lines))


async def test_breakpoints_at_lines_keep_the_words_that_were_typed() -> None:
    async with debugging(bundled("two-realms")) as person:
        line = line_of("address x19, realm_b")
        await person.type(f"break {SOURCE}:{line}")
        await person.until(lambda: f"Breakpoint 1 set: {SOURCE}:{line}, rmm_start" in person.message)
        await person.stop_after("c")
        assert person.progress.status.source == f"{SOURCE}:{line}"
        await person.type("break two-realms.S:9999")
        await person.until(lambda: "There is no line 9999" in person.message)
        await person.type("break mec.c:1")
        await person.until(lambda: "No source file of the guest is called mec.c" in person.message)
        await person.type(f"goto {SOURCE}:{line_of('bl rmm_select_realm')}")
        await shows(person, text_of(line_of("bl rmm_select_realm")).split()[1])


async def test_a_line_without_code_says_which_one_is_taken() -> None:
    line = line_of("function rmm_start")
    told = f"ine {line} of {SOURCE} has no code: line {line + 1} is taken, the next one that has some."
    async with debugging(bundled("two-realms")) as person:
        for command in ("goto", "until", "break", "print"):
            person.screen.say("")
            await person.type(f"{command} {SOURCE}:{line}")
            await person.until(lambda: told in person.message)
            if command in ("goto", "until"):
                assert person.message == f"L{told}"
        await person.until(lambda: person.progress.status.source == f"{SOURCE}:{line + 1}")
        assert person.message.startswith(f"{SOURCE}:{line} is ")
        await person.type(f"break {SOURCE}:{line + 1}")
        await person.until(lambda: "Breakpoint 2 set" in person.message)
        assert "no code" not in person.message
        await person.type(f"set x0='{SOURCE}:{line}'")
        await person.until(lambda: told in person.message and person.message.startswith("x0 is"))


async def test_files_are_completed() -> None:
    async with debugging(bundled("two-realms")) as person:
        assert "break two-realms.S:" in person.screen.completions("break two-re")
        assert "goto two-realms.S:" in person.screen.completions("goto two-re")
        assert "step line" in person.screen.completions("step l")


async def test_a_source_that_is_not_here_is_asked_for_once(tmp_path: Path) -> None:
    async with debugging(alone(tmp_path)) as person:
        await person.until(lambda: "two-realms/two-realms.S is not here" in person.message)
        assert f"{SOURCE}:{line_of('monitor_start')}" in person.text("disassembly")
        await person.stop_after("L")
        await person.pilot.pause()
        assert "is not here" not in person.message
        path = guest_path("two-realms")
        assert path is not None
        await person.type("source no-such-folder")
        await person.until(lambda: "no folder no-such-folder" in person.message)
        person.screen.execute(f"source {path.parent.parent}")
        await shows(person, "require_rme")
        person.screen.execute("source")
        await person.until(lambda: str(path.parent.parent) in person.message)


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
@pytest.mark.parametrize("is_empty", [False, True])
async def test_a_source_that_is_gone_or_empty_leaves_the_instructions(
    tmp_path: Path, size: tuple[int, int], is_empty: bool
) -> None:
    if is_empty:
        (tmp_path / SOURCE).write_text("")
    async with debugging(alone(tmp_path), size) as person:
        pane = person.screen.disassembly
        pane.use("SOURCE")
        pane.want()
        why = "There is nothing in the file that was found" if is_empty else "two-realms/two-realms.S is not here"
        await person.until(lambda: why in person.text("disassembly").replace("\n", " "))
        shown = " ".join(person.text("disassembly").split())
        assert "“source DIR” names the folder of the source, as --source DIR does at the start." in shown
        assert any(line.text.startswith("▶") and "mov" in line.text for line in pane.lines)
        assert len(pane.lines) <= pane.text_height
        for _ in range(30):
            await person.press("down")
        assert pane.place == 0x4008_0000 + 4 * 30
        assert pane.lines[pane.cursor].text.split()[0] == f"{pane.place:#_x}"
        assert why in person.text("disassembly").replace("\n", " "), "it stays above what moves"
        await person.press("pageup", "home", "end", "slash", "b", "l", "enter", "n", "escape")
        path = guest_path("two-realms")
        assert path is not None
        await person.stop_after("s")
        person.screen.execute(f"source {path.parent}")
        await person.until(lambda: isinstance(pane.view, SourceView) and "▶" in person.text("disassembly"))
        assert "monitor_start" in person.text("disassembly")


async def test_folders_may_be_given_from_the_start(tmp_path: Path) -> None:
    path = guest_path("two-realms")
    assert path is not None
    app = MectuiApp(machine_factory=alone(tmp_path), title="alone.elf", sources=[path.parent])
    async with app.run_test(size=(100, 30)) as pilot:
        person = Person(app, pilot)
        await person.until(lambda: person.screen.is_mounted and "function _start" in person.text("disassembly"))


async def test_a_guest_without_lines_is_as_it_was() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        assert isinstance(person.screen.disassembly.view, CodeView)
        await person.press("v")  # instructions are shown: the next view is the source
        await person.until(lambda: "This guest has no line tables" in person.text("disassembly").replace("\n", " "))
        await person.press("down", "pagedown", "home", "end", "b", "slash", "a", "enter", "n", "escape", "L", "D")
        await person.press("v", "v")
        await shows(person, "add")


async def test_tables_that_are_being_read_keep_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "SMALL", 0)
    monkeypatch.setattr(images, "HEAD_START", 0.3)
    monkeypatch.setattr(images, "_tables", type(images._tables)())
    async with debugging(bundled("two-realms")) as person:
        assert "function _start" not in person.text("disassembly")
        assert person.progress.status.source == ""
        await shows(person, "function _start")
        await person.until(lambda: person.progress.status.source)


# --- files ---


def test_files_are_found_by_the_ends_of_their_paths(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("rmm/core/mec.c", "lib/mec.c", "deep/er/only.c", "rmm/core/other.c"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(f"{name}\n\tsecond\x1b[31m\r\nlast")
    files = SourceFiles([tree])
    built = "/nowhere/ci/tf-rmm"

    def found(path: str) -> str | None:
        text = files.find(path)
        return None if text is None else text.lines[0]

    assert found(f"{built}/rmm/core/mec.c") == "rmm/core/mec.c"
    assert found(f"{built}/lib/mec.c") == "lib/mec.c"
    assert found(f"{built}/only.c") == "deep/er/only.c"
    assert found("C:/build/rmm/core/other.c") == "rmm/core/other.c"
    assert found("../../../../etc/passwd") is None
    assert found(f"{built}/gone.c") is None
    text = files.find(f"{built}/lib/mec.c")
    assert text is not None
    assert text.lines[1:] == ("        second·[31m", "last")
    assert text.line(4) is None
    assert SourceFiles().find("deep/er/only.c", [tree]) is not None
    with pytest.raises(EmuError, match="there is no folder"):
        SourceFiles([tree / "none"])


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.c")
    assert stat.S_ISFIFO((tmp_path / "pipe.c").stat().st_mode)
    files = SourceFiles([tmp_path])
    assert files.find("/x/pipe.c") is None
    assert files.find("/dev/zero") is None
    assert files.find("a\0b") is None
    assert files.find("") is None


def test_a_line_beyond_the_file_that_was_found_is_told(tmp_path: Path) -> None:
    (tmp_path / SOURCE).write_text("too short\n")
    machine = bundled("two-realms")()
    view = code(machine, SourceFiles([tmp_path]), machine.cpu.pc, 4, None)
    assert "the file that was found has no such line" in plain(render.code(view, 120))


def test_every_width_holds_its_lines() -> None:
    machine = bundled("two-realms")()
    machine.run(max_instructions=5_000)
    for width in (8, 20, 50, 80, 200):
        for line in render.code(code(machine, SourceFiles(), machine.cpu.pc, 40, None), width):
            assert len(line.text) <= width


def test_what_was_typed_is_what_a_stop_says() -> None:
    machine = bundled("two-realms")()
    line = line_of("address x19, realm_b")
    said = NewCode(0, source=f"{SOURCE}:{line}").carry_out(machine)
    assert said == f"Breakpoint 1 set: {SOURCE}:{line}, {machine.symbols.describe(machine.stops[1].address or 0)}."
    assert "is there already" in NewCode(0, source=f"{SOURCE}:{line}").carry_out(machine)
