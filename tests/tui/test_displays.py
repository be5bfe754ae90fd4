"""Expressions that are shown at every stop: typed, marked when they change, edited, removed, and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import emu
from emu.errors import EmuError
from mectui.commandline import CommandError, Known, parse
from mectui.displays import MOST, Display, Displays
from mectui.queries.displays import displays
from mectui.render import displays as render
from mectui.render.text import plain
from mectui.saved import SavedDisplays, SavedStops
from mectui.session import Session
from tests.tui.programs import CALLING, START, STORING, factory
from tests.tui.test_app import debugging
from tests.tui.test_session import Watched

DATA = 0x4010_0000


def shown(machine: emu.Machine, kept: Displays, width: int = 80) -> list[str]:
    return plain(render.displays(displays(machine, kept), width)).splitlines()


def test_each_is_written_in_its_format_and_marked_where_it_changed() -> None:
    machine, kept = factory(*STORING)(), Displays()
    for text, form in (("x0", ""), ("x0 - 8", "d"), ("x1", "x"), ("x1", "t"), ("pc", "x"), ("[x1].x", "")):
        kept.show(machine, text, form)
    kept.stopped(machine)
    machine.run(max_instructions=2)  # x1 = 0x4010_0000, x0 = 5
    kept.stopped(machine)
    assert shown(machine, kept)[:5] == [
        "*1   x0      5",
        "*2   x0 - 8  -3",
        "*3   x1      0x4010_0000",
        "*4   x1      0b0100_0000_0001_0000_0000_0000_0000_0000",
        "*5   pc      0x4000_0008",
    ]
    machine.run(max_instructions=1)
    kept.stopped(machine)
    assert [line[0] for line in shown(machine, kept)] == [" ", " ", " ", " ", "*", "*"]
    assert shown(machine, kept)[5] == "*6   [x1].x  5"


def test_what_cannot_be_evaluated_says_why_and_comes_back() -> None:
    machine, kept = factory(*STORING)(), Displays()
    told = kept.show(machine, "[x1 + 0x7000_0000].w")
    assert told.startswith("Display 1 shows [x1 + 0x7000_0000].w. ")
    assert "cannot be read" in told
    kept.stopped(machine)
    assert "There is no memory at 0x70000000" in " ".join(" ".join(shown(machine, kept)).split())
    assert shown(machine, kept)[0][0] == " "
    machine.cpu.x[1] = (DATA - 0x7000_0000) & (1 << 64) - 1
    kept.stopped(machine)
    assert shown(machine, kept) == ["*1   [x1 + 0x7000_0000].w  0"]


def test_the_symbol_is_that_of_the_address() -> None:
    machine, kept = factory(*CALLING)(), Displays()
    machine.symbols.add([("double", START + 0xC, 12)])
    kept.show(machine, "pc + 0x10", "x")
    assert shown(machine, kept) == [" 1   pc + 0x10  0x4000_0010 → double+0x4"]
    assert all(len(line) <= width for width in range(12, 60, 5) for line in shown(machine, kept, width))


def test_numbers_stay_and_what_is_wrong_changes_nothing() -> None:
    machine, kept = factory(*STORING)(), Displays()
    for text in ("x0", "x1", "x2"):
        kept.show(machine, text)
    assert kept.show(machine, "x1") == "Display 2 shows x1 already."
    kept.remove(2)
    kept.show(machine, "sp")
    assert [(item.number, item.text) for item in kept.items] == [(1, "x0"), (3, "x2"), (4, "sp")]
    kept.show(machine, "x9", "", 3)
    assert kept.items[1] == Display(3, "x9")
    before = kept.items
    for wrong in (lambda: kept.show(machine, "x0 +"), lambda: kept.show(machine, "x5", "", 2), lambda: kept.remove(2)):
        with pytest.raises(EmuError):
            wrong()
    assert kept.items == before
    for number in range(MOST - len(kept.items)):
        kept.show(machine, f"x0 + {number}")
    with pytest.raises(EmuError, match="there are 100 displays"):
        kept.show(machine, "x0 + 7777")


def test_the_command_takes_a_number_a_format_and_an_expression() -> None:
    known = Known({"x0": 5}, lambda name: None, list)
    assert parse("display/x x0 + 1", known).arguments == (0, "x0 + 1", "x")
    assert parse("display 2=x0", known).arguments == (2, "x0", "")
    assert parse("display 2==x0", known).arguments == (0, "2==x0", "")
    assert parse("display [x0].w", known).arguments == (0, "[x0].w", "")  # it need have no value now
    assert parse("display", known).arguments == ()
    for wrong in ("display x0=5", "display 0=x0", "display xyzzy", "display/q x0", "undisplay", "display 1="):
        with pytest.raises(CommandError):
            parse(wrong, known)


async def test_they_are_typed_shown_edited_and_removed() -> None:
    async with debugging(factory(*STORING)) as person:
        person.screen.execute("display/x x1")
        await person.until(lambda: "Display 1 shows x1" in person.message)
        pane: Any = person.pane("displays")
        await person.until(lambda: pane.display and "0" in person.text("displays"))
        assert person.screen.disassembly.has_focus
        await person.stop_after("s")
        await person.until(lambda: "*1" in person.text("displays") and "0x4010_0000" in person.text("displays"))
        pane.focus()
        await person.press("a")
        assert person.screen.command_line.input.value == "display "
        await person.press(*"x0", "enter")
        await person.until(lambda: "2   x0" in person.text("displays"))
        pane.focus()
        await person.press("home", "v")
        await person.until(lambda: person.screen.session.displays.items[0].form == "d")
        await person.until(lambda: "1074790400" in person.text("displays"))
        await person.press("e")
        assert person.screen.command_line.input.value == "display 1=x1"
        await person.press(*"+1", "enter")
        await person.until(lambda: "1074790401" in person.text("displays"))
        pane.focus()
        await person.press("home", "enter")
        await person.until(lambda: "4010_0000" in person.text("memory"))
        pane.focus()
        await person.press("x")
        await person.until(lambda: "x1" not in person.text("displays"))
        person.screen.execute("undisplay all")
        await person.until(lambda: "display x0" in " ".join(person.text("displays").split()))


def test_they_are_there_again_the_next_time(tmp_path: Path) -> None:
    guest = tmp_path / "guest.elf"
    guest.write_bytes(b"first build")
    store, build = tmp_path / "state", factory(*STORING)

    def opened() -> Watched:
        watched = Watched(build)
        watched.session = Session(build, watched._hear, SavedStops(guest, store))
        watched.session.start()
        watched.wait(lambda: watched.progress.can_run)
        return watched

    first = opened()
    kept = first.session.displays
    first.session.change_displays(lambda machine: kept.show(machine, "[x1].w", "x"))
    first.wait(lambda: len(SavedDisplays(guest, store / "displays").load()) == 1)
    first.after(first.session.restart)
    assert kept.items == (Display(1, "[x1].w", "x"),)
    first.session.close()
    second = opened()
    assert second.session.displays.items == (Display(1, "[x1].w", "x"),)
    second.session.close()


@pytest.mark.parametrize(
    "damage",
    [
        b"", b"[]", b'{"schema": 1}', b'{"schema": 1, "displays": 5}', b'{"schema": 1, "displays": [null]}',
        b'{"schema": 1, "displays": [{"number": 0, "text": "x0", "form": ""}]}', b"[" * 100_000,
        b'{"schema": 1, "displays": [{"number": 1, "text": 5, "form": ""}]}',
        b'{"schema": 1, "displays": [{"number": 1, "text": "x0", "form": "xd"}]}',
        b'{"schema": 2, "displays": []}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, damage: bytes) -> None:
    guest = tmp_path / "guest.elf"
    guest.write_bytes(b"build")
    SavedDisplays(guest, tmp_path).save((Display(1, "x0"),))
    [file] = tmp_path.glob("*-*.json")
    file.write_bytes(damage)
    assert SavedDisplays(guest, tmp_path).load() == []


def test_a_name_that_the_guest_no_longer_has_is_told_in_words() -> None:
    machine = factory(*STORING)()
    kept = Displays((Display(1, "gone_symbol + 1"),))
    kept.stopped(machine)
    assert "gone_symbol" in shown(machine, kept)[0]
    assert "There is no" in " ".join(shown(machine, kept)) or "is no" in " ".join(shown(machine, kept))
