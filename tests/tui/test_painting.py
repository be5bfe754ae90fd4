"""What is on the screen is what everything painted anew would show, and a step paints little of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from textual.screen import Screen

from mectui.panes.pane import Pane
from tests.tui.programs import ENDLESS, START, STORING, factory
from tests.tui.test_app import Person, bundled, debugging

# 00 adr x1, 0x10; 04 mov w0, #1; 08 add w0, w0, #1; 0c str w0, [x1]; 10 nop; 14 b 0x08: the nop is written over.
WRITES_ITSELF = (0x10000081, 0x52800020, 0x11000400, 0xB9000020, 0xD503201F, 0x17FFFFFD)


def picture(person: Person) -> list[list[tuple[str, Any]]]:
    """Every row of the screen, texts with their styles."""
    strips = person.screen._compositor.render_strips()
    return [[(segment.text, segment.style) for segment in strip.simplify()] for strip in strips]


async def settled(person: Person) -> None:
    """Nothing is to be looked at or painted any more."""
    for _ in range(3):
        await person.pilot.pause()
        await asyncio.sleep(0.02)
    await person.until(lambda: not person.screen._dirty_widgets)


async def assert_nothing_is_old(person: Person) -> None:
    await settled(person)
    kept = picture(person)
    for widget in person.screen.walk_children():
        widget._styles_cache.clear()
    for pane in person.screen.board.panes.values():
        pane.rich_style  # noqa: B018 - as at every repaint
    fresh = picture(person)
    for at, (before, after) in enumerate(zip(kept, fresh, strict=True)):
        assert before == after, f"row {at}"


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_nothing_is_old_after_steps(size: tuple[int, int]) -> None:
    async with debugging(bundled("two-realms"), size) as person:
        for key in "sssnnnLLDDEEs":
            await person.stop_after(key)
            await assert_nothing_is_old(person)


@pytest.mark.parametrize("workspace", "123")
async def test_nothing_is_old_after_steps_in_other_workspaces(workspace: str) -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.press(workspace)
        for key in "ELLDs":
            await person.stop_after(key)
            await assert_nothing_is_old(person)


async def test_code_that_writes_itself_is_shown_as_it_is() -> None:
    async with debugging(factory(*WRITES_ITSELF)) as person:
        await person.until(lambda: "nop" in person.text("disassembly"))
        for _ in range(4):
            await person.stop_after("s")
        await person.until(lambda: "nop" not in person.text("disassembly"))
        assert "udf    2" in person.text("disassembly")
        await assert_nothing_is_old(person)


@pytest.mark.parametrize(
    "change",
    [
        f"set *{START + 4:#x}=0xd503201f", "set x5=0x1234", "set SCTLR_EL3=1", "theme light", "theme contrast",
        "break 0x40000008", "goto 0x40000100", "pmem 0x40000000", "eyes raw", "keymap vim", "workspace mec",
        "register SCTLR_EL2", "display x0", "walk 0x40000000 write",
    ],
)  # fmt: skip
async def test_nothing_is_old_after_a_change(change: str) -> None:
    async with debugging(factory(*STORING)) as person:
        await person.stop_after("s")
        person.screen.execute(change)
        await assert_nothing_is_old(person)
        await person.stop_after("s")
        await assert_nothing_is_old(person)


async def test_nothing_is_old_in_another_size() -> None:
    async with debugging(bundled("two-realms"), (160, 45)) as person:
        await person.stop_after("E")
        for size in ((100, 30), (100, 45), (100, 24), (80, 24), (161, 50), (160, 45)):
            await person.pilot.resize_terminal(*size)
            await assert_nothing_is_old(person)
            for pane in person.screen.board.in_front():
                # A pane that has room for everything does not scroll.
                assert (pane.max_scroll_y > 0) is (len(pane.lines) > pane.text_height), pane.pane_name
            await person.stop_after("s")
            await assert_nothing_is_old(person)


async def test_nothing_is_old_while_something_is_searched_for() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.press("tab", "slash", "x", "1", "enter")
        await assert_nothing_is_old(person)
        await person.stop_after("s")
        await assert_nothing_is_old(person)
        await person.press("escape")
        await assert_nothing_is_old(person)


class Work:
    """How often something is done that costs time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: dict[str, int] = {}
        self._patch = monkeypatch

    def count(self, owner: type, name: str, which: Callable[..., bool] = lambda *_, **__: True) -> None:
        original = getattr(owner, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            if which(*arguments, **named):
                self.done[name] = self.done.get(name, 0) + 1
            return original(*arguments, **named)

        self._patch.setattr(owner, name, counted)


async def test_a_step_lays_nothing_out_paints_once_and_asks_for_no_view_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch)
    async with debugging(factory(*ENDLESS)) as person:
        for _ in range(3):
            await person.stop_after("s")
        await settled(person)
        work.count(Screen, "_refresh_layout")
        work.count(Screen, "_compositor_refresh")
        work.count(Pane, "render_line")
        work.count(type(person.pane("disassembly")), "look")
        for _ in range(10):
            await person.stop_after("s")
            await settled(person)
    assert work.done.get("_refresh_layout", 0) <= 1  # the list of events may need a scroll bar
    assert work.done["look"] == 10
    assert work.done["_compositor_refresh"] <= 14  # one for each, now and then two on a busy machine
    assert work.done["render_line"] <= 10 * 40


async def test_a_stop_is_shown_though_the_views_of_the_panes_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async with debugging(factory(*ENDLESS)) as person:
        person.screen.session.look = lambda looks: None  # type: ignore[method-assign]
        await person.stop_after("s")
        await person.until(lambda: not person.app._batch_count, 1)
        await settled(person)
        assert any("#1" in segment.text for segment in person.screen._compositor.render_strips()[0])


async def test_leaving_at_a_stop_leaves_nothing_waiting_to_be_painted() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        person.screen.session.look = lambda looks: None  # type: ignore[method-assign]
        await person.stop_after("s")
        await person.press("O")
        await person.until(lambda: not person.app._batch_count, 1)
