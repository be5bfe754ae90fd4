"""Files of the user's own that something has spoilt: they count as empty or get a sentence, and mectui starts."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emu.debug.stops import CatchKind, CatchStop, CodeStop, Place
from emu.debug.stops.manager import KeptStop
from mectui import keymaps, preferences, recent, themes
from mectui.lessons import bookmark
from mectui.lessons.reading import read
from mectui.lessons.shelf import lesson_files, open_lesson
from mectui.lessons.text import LessonError
from mectui.preferences import Arrangement, Preferences
from mectui.resources import folder, guest_path
from mectui.saved import SavedStops

WRITTEN = (
    b"", b"[]", b"{}", b"null", b"5", b'"x"', b"{", b"\x00", b"\xff\xfe", b"[" * 100_000, b"[[1]]", b'[5, "\\u0000"]',
    json.dumps(["x" * 9000, "a\x00b", "/dev/null", "."]).encode(), b"1" * 5000, b"NaN", b'{"schema": 1}',
    b'{"schema": 1, "stops": 5}', b'{"schema": 1, "step": 1e400, "done": [[], {}, null]}',
    b'{"arrangements": {"x": {"workspace": "mec", "fronts": {"mec": [5, "walk"], "x": {}}}}}',
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


def damaged(data: bytes, seed: int) -> bytes:
    """Some bytes changed, dropped, doubled, or replaced by what JSON and TOML take for something else."""
    source = random.Random(seed)
    spoilt = bytearray(data)
    for _ in range(source.randint(1, 6)):
        at = source.randrange(len(spoilt) + 1)
        match source.randrange(4):
            case 0:
                spoilt[at : at + source.randint(1, 9)] = b""
            case 1:
                spoilt[at:at] = source.choice(
                    (b"null", b"[", b"{}", b"-1", b'"', b"1e999", b"\xff", b"9" * 40, b",", b"=")
                )
            case 2:
                spoilt[at : at + 1] = bytes((source.randrange(256),))
            case _:
                end = at + source.randint(1, 30)
                spoilt[at:at] = spoilt[at:end]
    return bytes(spoilt)


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def files_of_stops() -> list[Path]:
    found = list(preferences.store().parent.rglob("*-*.json"))
    assert found
    return found


def read_everything() -> None:
    """What a start of the screen reads. Anything raised is a bug."""
    kept = preferences.load()
    assert isinstance(kept, Preferences)
    preferences.save(kept)
    assert all(path.is_file() for path in recent.recent_files())
    for file in lesson_files():
        lesson = open_lesson(file)
        mark = bookmark.load(lesson)
        assert 1 <= mark.step <= len(lesson.steps)
        break


@pytest.mark.parametrize("data", WRITTEN)
def test_a_spoilt_state_file_counts_as_empty_or_means_something(data: bytes) -> None:
    put(preferences.store(), data)
    put(recent.store(), data)
    put(bookmark.place(open_lesson(lesson_files()[0]).name), data)
    read_everything()
    guest = guest_path("hello")
    assert guest is not None
    saved = SavedStops(guest)
    saved.save([])
    for file in files_of_stops():
        file.write_bytes(data)
    kept, told = saved.load()
    assert list(kept) == []
    assert "\n" not in told


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 30))
def test_a_damaged_state_file_never_stops_mectui(seed: int) -> None:
    whole = Preferences("light", "vim", {"a.elf": Arrangement("mec", {"mec": ["findings"]})})
    preferences.save(whole)
    put(preferences.store(), damaged(preferences.store().read_bytes(), seed))
    put(recent.store(), damaged(json.dumps([str(Path(__file__)), "/nowhere"]).encode(), seed))
    lesson = open_lesson(lesson_files()[0])
    bookmark.save(lesson.name, bookmark.Bookmark(2, frozenset((1,))))
    put(bookmark.place(lesson.name), damaged(bookmark.place(lesson.name).read_bytes(), seed))
    read_everything()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 30))
def test_damaged_stops_are_left_out_or_put_back_with_a_sentence(seed: int) -> None:
    import emu

    guest = guest_path("hello")
    assert guest is not None
    saved = SavedStops(guest)
    stops: list[Any] = [
        KeptStop(1, CodeStop(place=Place(None, "_start", 4, False), condition="x0==1"), True),
        KeptStop(2, CatchStop(kind=CatchKind.EXCEPTION), False),
    ]
    saved.save(stops)
    for file in files_of_stops():
        file.write_bytes(damaged(file.read_bytes(), seed))
    kept, told = SavedStops(guest).load()
    assert "\n" not in told
    machine = emu.Machine(memory="16M", engine="reference")
    assert all("\n" not in problem for problem in machine.stops.put_back(tuple(kept)))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 30))
def test_damaged_themes_keymaps_and_lessons_get_a_sentence(seed: int, tmp_path: Path) -> None:
    bundled = folder("themes")
    assert bundled is not None
    put(tmp_path / "own" / "mine.toml", damaged((bundled / "dark.toml").read_bytes(), seed))
    _, problems = themes.user_themes(tmp_path / "own")
    text = b'base = "gdb"\n[keys]\n"run.resume" = "f8"\n"run.step" = ["s", "f11"]\n'
    put(tmp_path / keymaps.FILE, damaged(text, seed))
    _, more = keymaps.load(tmp_path)
    assert all("\n" not in problem for problem in (*problems, *more)), (problems, more)
    file = lesson_files()[0]
    put(tmp_path / "lesson.md", damaged(file.read_bytes(), seed))
    try:
        open_lesson(tmp_path / "lesson.md")
    except LessonError as error:
        said = str(error)
    else:
        said = ""
    assert "\n" not in said
    with pytest.raises(LessonError):
        read("", file)
