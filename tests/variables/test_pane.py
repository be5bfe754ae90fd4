"""The pane of variables, the words that lead to it, and the command without a screen."""

from __future__ import annotations

import json
import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mectui.app import MectuiApp
from tests.cli.conftest import Run, mectui  # noqa: F401  (a fixture)
from tests.lines.programs import needs_ziglang
from tests.tui.test_app import debugging
from tests.tui.test_fuzz import ACTIONS, try_hard
from tests.variables.conftest import Built
from tests.variables.test_values import IN_FILL, IN_LOOP, at_line

pytestmark = needs_ziglang


async def test_variables_are_unfolded_watched_and_set(built: Built) -> None:
    async with debugging(partial(at_line, built, IN_FILL)) as person:
        pane: Any = person.pane("variables")
        await person.type("info locals")
        await person.until(lambda: pane.has_focus and "corner" in person.text("variables"))
        assert "▸ corner  {.x 10, .y -7}" in person.text("variables")
        at = next(at for at, line in enumerate(pane.lines) if " corner " in line.text)
        pane.move_cursor(at)
        await person.press("enter")
        await person.until(lambda: ".y" in person.text("variables") and "▾ corner" in person.text("variables"))
        pane.move_cursor(at + 1)
        assert pane.here().path == "corner.x"
        address = pane.here().address
        await person.press("e")
        assert person.screen.command_line.input.value == f"set [{address:#x}].w="
        await person.press(*"99", "enter")
        await person.until(lambda: pane.here() is not None and pane.here().value == 99)
        await person.press("W")
        assert person.screen.command_line.input.value == f"watch {address:#x}, 4"
        await person.press("escape")
        pane.focus()
        await person.press("v")
        await person.until(lambda: person.screen.memory.place == address)
        pane.focus()
        pane.move_cursor(at)
        await person.press("enter")
        await person.until(lambda: "▸ corner" in person.text("variables"))


async def test_what_a_step_changes_is_marked_and_calls_have_their_own(built: Built) -> None:
    async with debugging(partial(at_line, built, IN_LOOP)) as person:
        await person.type("variables")
        await person.until(lambda: "number" in person.text("variables"))
        assert not re.search(r"^\*", person.text("variables"), re.MULTILINE)
        await person.stop_after("L")
        await person.until(lambda: "*  sum" in person.text("variables"))
        await person.type("up")
        await person.until(lambda: "fill, call 1" in person.text("variables"))
        assert "corner" in person.text("variables")
        await person.type("frame 0")
        await person.until(lambda: "call 1" not in person.text("variables") and "felt" in person.text("variables"))


async def test_a_call_that_is_no_more_leads_back_to_the_present_one(built: Built) -> None:
    async with debugging(partial(at_line, built, IN_LOOP)) as person:
        await person.type("variables")
        await person.type("frame 2")
        await person.until(lambda: "main, call 2" in person.text("variables"))
        view: Any = person.pane("calls").view
        await person.type(f"set [{view.calls[1].frame - 8:#x}].x=0")  # where fill goes on
        await person.until(lambda: "felt" in person.text("variables"))
        await person.type("frame 9")
        await person.until(lambda: "is the last one" in person.message)
        await person.until(lambda: "felt" in person.text("variables"))
        assert not isinstance(person.pane("variables").view, Exception)


@pytest.fixture
def guest(built: Built) -> str:
    return str(built("O0-dwarf5"))


def test_without_a_screen(mectui: Run, guest: str) -> None:  # noqa: F811
    there = ("variables", guest, "--until", f"variables.c:{IN_FILL}")
    done = mectui(*there)
    assert (done.returncode, done.stderr) == (0, "")
    assert {"realm", "id", "corner", "key", "table", "flags"} <= set(done.stdout.split())
    found = json.loads(mectui(*there, "--json").stdout)
    assert (found["schema"], found["function"]) == (1, "fill")
    caller = json.loads(mectui(*there, "--json", "--call", "1").stdout)
    assert (caller["call"], caller["function"]) == (1, "main")
    assert caller["scopes"][0]["variables"][0]["value"] == 0
    unfolded = mectui(*there, "--unfold", "1").stdout
    assert ".state 5 ACTIVE" in " ".join(unfolded.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--call", "9"), "there is no call 9"), (("--unfold", "99"), "--unfold 99"), (("--call", "-1"), "--call -1")],
)
def test_what_is_not_there_is_one_sentence(mectui: Run, guest: str, options: tuple[str, ...], said: str) -> None:  # noqa: F811
    done = mectui("variables", guest, "--until", "fill", *options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr


@pytest.mark.parametrize("seed", range(int(os.environ.get("MECTUI_FUZZ_SEEDS", "2"))))
async def test_random_hands_break_nothing(
    built: Built, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    build = partial(at_line, built, IN_LOOP)
    commands = ["variables", "frame 1"]
    await try_hard(lambda: MectuiApp(machine_factory=build, title="test.elf", commands=commands), seed, ACTIONS // 4)
