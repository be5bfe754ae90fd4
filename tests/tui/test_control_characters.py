"""Nothing that a file or a guest holds steers the terminal: names, source, output, wherever they appear."""

from __future__ import annotations

import io
import unicodedata
from pathlib import Path

import pytest

import emu
from mectui.app import MectuiApp, machine_for
from mectui.commands.run import Forwarding
from mectui.gdb.stub import Stub
from mectui.queries import needle
from mectui.screens.debugger import DebuggerScreen
from mectui.screens.start import StartScreen
from mectui.sources import LARGEST, MOST_LINES, SourceFiles
from tests.gdb.test_hostile import Nobody
from tests.lines import crafted
from tests.lines.crafted import START, Given, abbreviation, program, sequence, unit
from tests.tui.programs import CALLING, factory
from tests.tui.test_app import Person
from tests.tui.test_session import Watched

EVIL = "\x1b]0;P\x07\x9b2J\u202e"


def is_harmless(text: str) -> bool:
    return all(unicodedata.category(character)[0] != "C" for character in text)


def drawn(app: MectuiApp) -> str:
    """Everything on the screen, as it is sent to the terminal."""
    return "".join(strip.text for strip in app.screen._compositor.render_strips())


def hostile(folder: Path) -> Path:
    """A guest whose own name, symbol and source file are such; the source text lies beside it."""
    name = EVIL.encode()
    entry = unit(bytes(4) + name + b"\0")
    symbols = crafted.Given(bytes(24) + b"\x01\0\0\0\x12\0\x01\0" + START.to_bytes(8, "little") + bytes(8), 2, link=2)
    path = folder / f"{EVIL}.elf"
    path.write_bytes(
        crafted.elf({
            ".symtab": symbols, ".strtab": Given(b"\0" + name + b"\0", 3),
            ".debug_line": Given(program(0, sequence(3))),
            ".debug_abbrev": Given(abbreviation((0x10, 0x17), (3, 8))), ".debug_info": Given(entry),
        })
    )  # fmt: skip
    return path


async def test_the_screen_of_a_hostile_guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = hostile(tmp_path)
    app = MectuiApp(machine_factory=machine_for(path), title=path.name, guest_file=path)
    async with app.run_test(size=(160, 45)) as pilot:
        person = Person(app, pilot)
        await person.until(lambda: len(app.screen_stack) > 1 and isinstance(app.screen, DebuggerScreen))
        await person.until(lambda: person.progress.can_run and person.pane("disassembly").lines)
        seen = drawn(app)
        assert "]0;P" in seen
        assert is_harmless(seen)
        person.screen.say(f"about {EVIL}")
        await person.press("2", "s")
        assert is_harmless(drawn(app))


async def test_recent_files_and_problems_of_the_start_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    from mectui.recent import remember

    remember(hostile(tmp_path))
    app = MectuiApp()
    async with app.run_test(size=(120, 40)) as pilot:
        for _ in range(400):
            await pilot.pause(0.01)
            if isinstance(app.screen, StartScreen):
                break
        assert isinstance(app.screen, StartScreen)
        app.screen.query_one("#guests").action_last()  # type: ignore[attr-defined]
        app.screen.show_problem(f"There is no {EVIL}")
        await pilot.pause(0.05)
        seen = drawn(app)
        assert seen.count("]0;P") >= 2
        assert is_harmless(seen)


def test_names_of_symbols_and_source_files_are_harmless_from_the_beginning(tmp_path: Path) -> None:
    machine = emu.Machine(memory="1M", engine="reference")
    machine.load(hostile(tmp_path))
    machine.lines.finish()
    assert is_harmless(machine.symbols.describe(START))
    assert all(is_harmless(path) for path in machine.lines.paths())
    assert is_harmless("".join(machine.lines.problems()))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A name and a command line that the shell passed on as they were: lone surrogates in Python."""
    machine = emu.Machine(memory="1M", engine="reference", command_line="\udcff\udc80")
    machine.load_raw(bytes(64), START)
    machine.write(START + 0x100, (START + 0x200).to_bytes(8, "little") + (64).to_bytes(8, "little"))
    assert machine.cpu.semihosting(0x15, START + 0x100) == 0
    assert machine.read(START + 0x200, 3) == b"\xff\x80\0"
    stub = Stub(machine, Nobody(), "/tmp/\udcff.elf")
    assert stub.handle(b"qXfer:exec-file:read::0,ff") == (b"l/tmp/\xff.elf", True)
    assert needle.pattern('"\udcff"') == needle.pattern("\udcff") == b"?"


def test_what_is_typed_for_the_guest_may_be_no_text() -> None:
    machines: list[emu.Machine] = []

    def build() -> emu.Machine:
        machines.append(factory(*CALLING)())
        return machines[0]

    watched = Watched(build)
    watched.session.start()
    watched.session.type_to_guest("a\udcff\ud800z")
    watched.session.close()
    watched.session.join(5)
    assert machines[0].unread_input == b"a??z"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_a_guest_prints_reaches_a_terminal_as_text_and_a_pipe_as_it_is() -> None:
    data = "wide 漢 tab\t bell\a back\b\r\n".encode() + EVIL.encode() + b"\xff\x9b1m"
    terminal = Terminal()
    shown = Forwarding(terminal)
    for byte in data:
        shown(bytes((byte,)))
    assert terminal.getvalue().startswith("wide 漢 tab\t bell\a back\b\r\n·]0;P")
    assert is_harmless(terminal.getvalue().removeprefix("wide 漢 tab\t bell\a back\b\r\n").replace("\a", ""))
    raw = io.BytesIO()
    pipe = io.TextIOWrapper(raw)
    Forwarding(pipe)(data)
    assert raw.getvalue() == data


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"\n" * (MOST_LINES + 9), MOST_LINES),
        (bytes(1 << 20), 1),
        (b"a" * LARGEST, 1),
        ((b"\t" * 1000 + b"\n") * 8000, 8000),
        (EVIL.encode() + b"\n\xff\xfe\x00", 2),
    ],
    ids=["many lines", "zeros", "one line", "tabs", "control characters"],
)
def test_any_file_as_source(data: bytes, lines: int, tmp_path: Path) -> None:
    (tmp_path / "x.c").write_bytes(data)
    found = SourceFiles().find("x.c", (tmp_path,))
    assert found is not None
    assert len(found.lines) == lines
    assert is_harmless(found.lines[0])
    assert max(map(len, found.lines)) <= 8000


def test_what_looks_empty_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files of /proc do, and reading some of them never ends."""
    (tmp_path / "kmsg").write_bytes(b"")
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("it is read"))
    found = SourceFiles().find("kmsg", (tmp_path,))
    assert found is not None
    assert found.lines == ()
