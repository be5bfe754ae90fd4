"""Stops are there again the next time a guest is opened: rebuilt, moved, or with a file that somebody damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emu
from emu import PAS
from emu.debug.stops import AnyStop, CatchKind, CatchStop, CodeStop, KeptStop, Place, WatchStop
from mectui.displays import Display
from mectui.saved import SavedDisplays, SavedStops, merged, read, written
from mectui.session import News, Session
from tests.tui.programs import CALLING, START, factory
from tests.tui.test_session import Watched

STOPS = (
    KeptStop(1, CodeStop(place=Place(START, "start", 4), condition="x0 == 1", ignore=3)),
    KeptStop(3, CodeStop(place=Place(START + 8)), is_enabled=False),
    KeptStop(4, WatchStop(place=Place(0x4000, is_physical=True), size=32, reads=True, walks=True, pas=PAS.REALM)),
    KeptStop(9, CatchStop(kind=CatchKind.EXCEPTION, argument="svc", log="at {pc}")),
)


@pytest.fixture
def guest(tmp_path: Path) -> Path:
    path = tmp_path / "guest.elf"
    path.write_bytes(b"first build")
    return path


def test_what_was_saved_is_loaded(guest: Path, tmp_path: Path) -> None:
    store = tmp_path / "state"
    SavedStops(guest, store).save(STOPS)
    found, said = SavedStops(guest, store).load()
    assert tuple(found) == STOPS
    assert said == "4 stops of the last time put back. “stops” lists them."
    assert [entry.name for entry in store.iterdir()] == [entry.name for entry in store.glob("*-*.json")]


def test_a_line_of_the_source_is_kept_as_it_was_typed(guest: Path, tmp_path: Path) -> None:
    kept = KeptStop(1, CodeStop(place=Place(source="core/mec.c:40")))
    SavedStops(guest, tmp_path).save((kept,))
    guest.write_bytes(b"second build")  # what names a line is still that
    assert SavedStops(guest, tmp_path).load()[0] == [kept]


def test_temporary_ones_are_not_kept(guest: Path, tmp_path: Path) -> None:
    SavedStops(guest, tmp_path).save((KeptStop(1, CodeStop(place=Place(START), is_temporary=True)),))
    assert SavedStops(guest, tmp_path).load() == ([], "")


def test_after_a_new_build_what_only_an_address_names_is_off(guest: Path, tmp_path: Path) -> None:
    SavedStops(guest, tmp_path).save(STOPS)
    guest.write_bytes(b"second build")
    found, said = SavedStops(guest, tmp_path).load()
    assert [item.is_enabled for item in found] == [True, False, False, True]
    assert "the guest has changed since" in said
    SavedStops(guest, tmp_path).save(tuple(found))
    assert len(list(tmp_path.glob("*.json"))) == 1


def test_a_guest_that_was_moved_is_known_by_its_content(guest: Path, tmp_path: Path) -> None:
    SavedStops(guest, tmp_path).save(STOPS)
    moved = guest.rename(guest.with_name("other.elf"))
    assert tuple(SavedStops(moved, tmp_path).load()[0]) == STOPS
    unrelated = tmp_path / "unrelated.elf"
    unrelated.write_bytes(b"?")
    assert SavedStops(unrelated, tmp_path).load() == ([], "")


@pytest.mark.parametrize(
    "damage",
    [
        b"", b"{", b"\xff\xfe", b"[]", b'{"schema": 2, "stops": []}', b'{"schema": 1}', b'{"schema": 1, "stops": 5}',
        b'{"schema": 1, "stops": [{"number": 1}]}', b'{"schema": 1, "stops": [null]}', b"[" * 100_000,
        b'{"schema": 1, "stops": [{"number": 0, "enabled": true, "catch": "hit", "argument": ""}]}',
        b'{"schema": 1, "stops": [{"number": 1, "enabled": true, "catch": "nonsense", "argument": ""}]}',
        b'{"schema": 1, "stops": [{"number": 1, "enabled": true, "break": {"address": "x"}}]}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_as_good_as_none(guest: Path, tmp_path: Path, damage: bytes) -> None:
    saved = SavedStops(guest, tmp_path)
    saved.save(STOPS)
    [file] = tmp_path.glob("*-*.json")
    file.write_bytes(damage)
    assert SavedStops(guest, tmp_path).load()[0] == []
    saved.save(STOPS)
    assert tuple(SavedStops(guest, tmp_path).load()[0]) == STOPS


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(guest: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    SavedStops(guest, blocked / "below").save(STOPS)
    assert SavedStops(guest, blocked / "below").load() == ([], "")


def test_two_screens_on_one_guest_keep_the_stops_of_both(guest: Path, tmp_path: Path) -> None:
    first, second = SavedStops(guest, tmp_path), SavedStops(guest, tmp_path)
    first.load()
    first.save(STOPS)
    assert tuple(first.load()[0]) == tuple(second.load()[0]) == STOPS
    mine = KeptStop(10, CodeStop(place=Place(START + 0x20)), is_enabled=True)
    theirs = KeptStop(10, CodeStop(place=Place(START + 0x40)), is_enabled=True)
    first.save((*STOPS, mine))
    second.save((*STOPS[1:], theirs))  # which never heard of the other's, and has removed the first
    assert SavedStops(guest, tmp_path).load()[0] == [*STOPS[1:], mine, KeptStop(11, theirs.stop, is_enabled=True)]
    first.save((*STOPS, mine))  # nothing new from here
    first.save((*STOPS[:1], replace(STOPS[1], is_enabled=True), *STOPS[2:]))
    assert SavedStops(guest, tmp_path).load()[0] == [
        replace(STOPS[1], is_enabled=True), *STOPS[2:], KeptStop(11, theirs.stop, is_enabled=True)
    ]  # fmt: skip


def test_two_screens_on_one_guest_keep_the_displays_of_both(guest: Path, tmp_path: Path) -> None:
    first, second = SavedDisplays(guest, tmp_path), SavedDisplays(guest, tmp_path)
    first.load()
    second.load()
    first.save([Display(1, "x0", "")])
    second.save([Display(1, "x1", "")])
    second.save([Display(1, "x1", ""), Display(2, "sp", "x")])
    assert [item.text for item in SavedDisplays(guest, tmp_path).load()] == ["x0", "x1", "sp"]
    first.save([])
    assert [item.text for item in SavedDisplays(guest, tmp_path).load()] == ["x1", "sp"]


@settings(max_examples=200, deadline=None)
@given(*(st.lists(st.builds(Display, st.integers(1, 6), st.sampled_from("abcd"), st.just("")), unique_by=(
    lambda item: item.number, lambda item: item.text), max_size=4) for _ in range(3)))  # fmt: skip
def test_what_two_screens_make_of_a_file(known: list[Display], mine: list[Display], theirs: list[Display]) -> None:
    """Sets of texts, by what each has done to them; numbers stay one each."""
    before, ours, other = ({item.text for item in items} for items in (known, mine, theirs))
    found = merged(known, mine, theirs)
    assert sorted(item.text for item in found) == sorted((other - (before - ours)) | (ours - before))
    assert len({item.number for item in found}) == len(found)
    last = [Display((1 << 31) - 1, "z", "")]
    assert [item.number for item in merged([], last, [Display((1 << 31) - 1, "y", "")])] == [1, (1 << 31) - 1]
    assert merged(known, known, theirs) == sorted(theirs, key=lambda item: item.number)


places = st.builds(Place, st.integers(0, (1 << 64) - 1), st.text(max_size=9), st.integers(0, 99), st.booleans())
common: dict[str, Any] = {"condition": st.text(max_size=9), "log": st.text(max_size=9), "ignore": st.integers(0, 99)}
stops: st.SearchStrategy[AnyStop] = st.one_of(
    st.builds(CodeStop, place=places, **common),
    st.builds(WatchStop, place=places, size=st.integers(1, 1 << 40), reads=st.booleans(), writes=st.booleans(),
              walks=st.booleans(), pas=st.none() | st.sampled_from(PAS), **common),
    st.builds(CatchStop, kind=st.sampled_from(CatchKind), argument=st.text(max_size=9), **common),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.builds(KeptStop, st.integers(1, 1 << 20), stops, st.booleans()))
def test_every_stop_comes_back_from_json_as_it_was(item: KeptStop) -> None:
    assert read(json.loads(json.dumps(written(item)))) == item


# The session.


def session_of(build: Callable[[], emu.Machine], saved: SavedStops) -> Watched:
    watched = Watched(build)
    watched.session = Session(build, watched._hear, saved)
    watched.session.start()
    watched.wait(lambda: watched.progress.can_run)
    return watched


def test_a_session_keeps_its_stops_over_a_restart_and_for_the_next_one(guest: Path, tmp_path: Path) -> None:
    build = factory(*CALLING)
    first = session_of(build, SavedStops(guest, tmp_path))
    first.session.toggle_breakpoint(START + 0x10)
    first.session.change_stops(lambda machine: str(machine.stops.add(CatchStop(kind=CatchKind.HIT)).number))
    first.wait(lambda: bool(list(tmp_path.glob("*-*.json"))) and len(SavedStops(guest, tmp_path).load()[0]) == 2)
    progress = first.after(first.session.restart)
    assert list(progress.breakpoints.items()) == [(1, START + 0x10)]
    first.session.close()
    second = session_of(build, SavedStops(guest, tmp_path))
    assert second.progress.breakpoints == {1: START + 0x10}
    second.wait(lambda: News.NOTICE in second.news)
    assert any("2 stops of the last time put back" in notice.text for notice in second.session.take_notices())
    second.session.close()
    second.session.join(5)
    first.session.join(5)


def test_a_session_without_a_place_to_save_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    watched = Watched(factory(*CALLING))
    watched.session.start()
    watched.wait(lambda: watched.progress.can_run)
    watched.session.toggle_breakpoint(START)
    watched.wait(lambda: bool(watched.progress.breakpoints))
    watched.session.close()
    watched.session.join(5)
    assert not list(tmp_path.iterdir())
