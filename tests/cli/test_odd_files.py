"""In the place of a file of the user's own: a folder, a pipe, a device, another version. One sentence, nothing lost."""

from __future__ import annotations

import os
import resource
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mectui import files, keymaps, preferences, recent, themes
from mectui.lessons import bookmark
from mectui.lessons.shelf import find_lesson, lesson_files, open_lesson
from mectui.lessons.text import LessonError
from mectui.preferences import Arrangement, Preferences, with_arrangement
from mectui.resources import folder, guest_path
from mectui.saved import SavedStops

LESSON = open_lesson(lesson_files()[0])


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


def guest() -> Path:
    found = guest_path("hello")
    assert found is not None
    return found


def in_time(what: Callable[[], Any]) -> Any:
    """The result; a pipe that nobody writes to would be waited for without end."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(what()), daemon=True)
    thread.start()
    thread.join(10)
    assert found, "it waits or failed"
    return found[0]


def in_place(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "loop":
            path.symlink_to(path.name)


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "loop"])
def test_what_is_no_file_is_not_waited_for(own: Path, kind: str) -> None:
    SavedStops(guest()).save(())
    [stops] = (preferences.store().parent / "stops").iterdir()
    stops.unlink()
    for path in (preferences.store(), recent.store(), bookmark.place(LESSON.name), stops):
        in_place(path, kind)
    assert in_time(preferences.load) == Preferences()
    assert in_time(recent.recent_files) == []
    assert in_time(lambda: bookmark.load(LESSON)) == bookmark.Bookmark()
    kept, said = in_time(lambda: SavedStops(guest()).load())
    assert (kept, "is kept as" in said) == ([], True)
    assert in_time(lambda: bookmark.save(LESSON.name, bookmark.Bookmark(2)))
    assert in_time(lambda: bookmark.load(LESSON)).step == 2
    in_place(own / "themes" / "x.toml", kind)
    in_place(own / keymaps.FILE, kind)
    for problems in (in_time(lambda: themes.user_themes(own / "themes"))[1], in_time(lambda: keymaps.load(own))[1]):
        assert len(problems) == 1
        assert "cannot be read" in problems[0]
    assert not list(own.rglob(".new-*"))


def test_what_another_version_wrote_is_kept_beside(own: Path) -> None:
    text = '{"schema": 99, "stops": [], "step": 3}'
    saved = SavedStops(guest())
    saved.save(())
    [stops] = (preferences.store().parent / "stops").iterdir()
    stops.write_text(text)
    kept, said = saved.load()
    assert kept == []
    assert said.endswith(f"it is kept as {stops.name}.old, and a new one begins.")
    saved.save(())
    assert (stops.with_name(f"{stops.name}.old")).read_text() == text
    bookmark.save(LESSON.name, bookmark.Bookmark(2))
    place = bookmark.place(LESSON.name)
    for _ in range(2):  # the second does not replace the first
        place.write_text(text)
        bookmark.save(LESSON.name, bookmark.Bookmark(2))
    assert [path.read_text() for path in place.parent.glob("*.old*")] == [text, text]
    preferences.store().write_text("[1, 2")
    assert "preferences.json.old" in preferences.check()
    assert preferences.check() == ""


def test_two_at_once_do_not_undo_what_the_other_has_changed() -> None:
    first, second = preferences.load(), preferences.load()
    assert first == second
    preferences.change(lambda kept: Preferences("light", kept.keymap, kept.arrangements))
    preferences.change(lambda kept: with_arrangement(kept, "a.elf", Arrangement("mec")))
    assert preferences.load() == Preferences("light", None, {"a.elf": Arrangement("mec")})


def test_a_file_is_there_whole_or_not_at_all(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = own / "a" / "file"
    assert files.replace_text(path, "before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert not files.replace_text(path, "after")
    assert path.read_text() == "before"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("text", ["a=" + "[" * 100_000, "a=" + "9" * 5000, "x=" + "{a=" * 50_000])
def test_toml_too_deep_or_too_long_gets_a_sentence(text: str) -> None:
    with pytest.raises(themes.ThemeError, match="not valid TOML"):
        themes.parse(text, "x.toml")
    assert "not valid TOML" in keymaps.parse(text, "keymap.toml")[1][0]


@pytest.mark.parametrize(
    "text",
    [
        "x." * 20_000 + "y = 1",
        "[" + "x." * 20_000 + "y]",
        "[" + "x." * 480 + "y]\n" + "a = 1\n" * 20_000,
        "#\n" * 99_999,
    ],
)
def test_toml_that_would_take_long_is_not_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser takes the square of a key's parts: seconds, with the screen dark."""
    monkeypatch.setattr(tomllib, "loads", lambda _: pytest.fail("it was read"))
    with pytest.raises(themes.ThemeError, match="not valid TOML"):
        themes.parse(text, "x.toml")
    assert "not valid TOML" in keymaps.parse(text, "keymap.toml")[1][0]


@pytest.mark.parametrize("name", ["²", "٣٣٣", "9" * 5_000, "1" * 4_301, "①", ""])
def test_what_looks_like_the_number_of_a_lesson(name: str) -> None:
    with pytest.raises(LessonError, match="there is no lesson"):
        find_lesson(name)


def test_a_file_without_an_end_is_not_read_to_it() -> None:
    """Files of the kernel's say that they are regular and have no bytes."""
    endless = Path("/proc/self/pagemap")
    if not endless.exists():
        pytest.skip("only Linux has such files")
    with pytest.raises(OSError, match="it has more than 16 MiB"):
        files.read_text(endless)


@pytest.mark.parametrize("key", ["ctrl+", "", "a\\n", "\\u0000"])
def test_what_is_no_key_is_refused(key: str) -> None:
    keymap, problems = keymaps.parse(f'[keys]\n"run.step" = ["{key}"]\n', "keymap.toml")
    assert len(problems) == 1
    assert not keymap.changed


@pytest.mark.parametrize("name", ["", "[red]x[/", "\\u001b[31m", "x" * 900, "a\\nb"])
def test_a_theme_that_no_list_can_show_is_refused(name: str) -> None:
    bundled = folder("themes")
    assert bundled is not None
    text = (bundled / "dark.toml").read_text().replace('name = "dark"', f'name = "{name}"')
    with pytest.raises(themes.ThemeError, match="needs a name and a title"):
        themes.parse(text, "x.toml")


def test_where_nobody_has_a_home_nothing_is_kept_and_nothing_is_made(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless(_: str) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.chdir(own)
    for found in (homeless, lambda _: Path("~/.local/state/mectui")):  # as platformdirs has it, now and earlier
        for name in ("user_state_path", "user_config_path"):
            monkeypatch.setattr(f"platformdirs.{name}", found)
        preferences.save(Preferences("light"))
        assert preferences.load() == Preferences()
        assert preferences.check() == ""
        recent.remember(guest())
        assert recent.recent_files() == []
        assert not bookmark.save(LESSON.name, bookmark.Bookmark(2))
        SavedStops(guest()).save(())
        assert SavedStops(guest()).load() == ([], "")
        assert themes.user_themes(files.config_folder() / "themes") == ({}, [])
        assert keymaps.load(files.config_folder()) == (dict(keymaps.PRESETS), [])
    assert not list(own.iterdir())


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "loop"])
def test_what_is_no_file_is_not_written_to(own: Path, kind: str) -> None:
    in_place(own / "x.md", kind)

    def refused() -> str:
        with pytest.raises(OSError) as caught:  # noqa: PT011
            files.export_text(own / "x.md", "text")
        return str(caught.value.strerror or caught.value)

    said = in_time(refused)
    assert said
    assert "\n" not in said
    assert [path.name for path in own.iterdir()] == ["x.md"]


def test_an_earlier_file_stays_until_the_new_one_is_whole(own: Path) -> None:
    path, link = own / "below" / "x.md", own / "link.md"
    files.export_text(path, "before")
    path.chmod(0o640)
    link.symlink_to(path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))  # as on a disk that is full
    try:
        with pytest.raises(OSError):  # noqa: PT011
            files.export_text(path, "after" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "before"
    assert [entry.name for entry in path.parent.iterdir()] == ["x.md"]
    files.export_text(link, "after \udcff")
    assert link.is_symlink()
    assert path.read_text() == "after ?"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_read_only_is_not_replaced(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own / "x.md").write_text("before")
    monkeypatch.setattr(os, "access", lambda *_: False)  # as for everybody but root
    with pytest.raises(PermissionError, match="it is read-only"):
        files.export_text(own / "x.md", "after")
    assert (own / "x.md").read_text() == "before"
