"""`mectui lesson`: the list, the check, and errors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mectui.cli import main
from mectui.lessons import bookmark, shelf
from mectui.lessons.bookmark import Bookmark
from mectui.lessons.shelf import find_lesson
from mectui.resources import guest_path


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_the_list_tells_titles_minutes_and_how_far_the_reader_is(capsys: pytest.CaptureFixture[str]) -> None:
    gpt, mecid = find_lesson("gpt"), find_lesson("mecid")
    bookmark.save("gpt", Bookmark(8, frozenset(range(1, len(gpt.steps) + 1))))
    bookmark.save("mecid", Bookmark(3, frozenset({1, 2})))
    assert main(["lesson"]) == 0
    rows = {line.split()[1]: line for line in capsys.readouterr().out.splitlines() if line[:2].strip().isdigit()}
    assert gpt.title in rows["gpt"]
    assert "10 min" in rows["gpt"]
    assert "☑ done" in rows["gpt"]
    assert f"☐ step 3 of {len(mecid.steps)}" in rows["mecid"]
    assert "☐ new" in rows["worlds"]


def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    bookmark.save("mecid", Bookmark(3, frozenset({1, 2})))
    assert main(["lesson", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == 1
    entry = next(item for item in data["lessons"] if item["name"] == "mecid")
    assert (entry["minutes"], entry["step"], entry["steps_done"], entry["done"]) == (10, 3, [1, 2], False)


def test_a_check_of_one_lesson_is_silent_about_others_and_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lesson", "worlds", "--check", "--json"]) == 0
    (only,) = json.loads(capsys.readouterr().out)["lessons"]
    assert (only["name"], only["ok"]) == ("worlds", True)
    assert all(step["problems"] == [] for step in only["steps"])


def test_a_check_of_a_broken_lesson_names_the_line_and_exits_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elf = guest_path("hello")
    assert elf is not None
    (tmp_path / "hello").mkdir()
    shutil.copy(elf, tmp_path / "hello")
    (tmp_path / "hello" / "lesson.md").write_text(
        "# T\n\n- order: 1\n- minutes: 1\n- about: x\n\n## S\n\n- task: t\n- do: `step`\n- goal: `el == 1`\n- hint: h\n"
    )
    monkeypatch.setattr(shelf, "folder", lambda name: tmp_path)
    assert main(["lesson", "--check"]) == 1
    out = capsys.readouterr().out
    assert "✗ 1. S" in out
    assert "hello/lesson.md, line 7: its commands do not reach its goal: el == 1" in out


def test_a_malformed_lesson_is_one_sentence_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "lesson.md").write_text("# T\n\n- ordre: 1\n")
    monkeypatch.setattr(shelf, "folder", lambda name: tmp_path)
    assert main(["lesson"]) == 2
    err = capsys.readouterr().err
    assert err == "mectui: bad/lesson.md, line 3: there is no “ordre:” here; did you mean “order”?\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["wrlds"], "did you mean worlds?"),
        (["worlds", "--step", "99"], "has steps 1 to 10"),
        (["worlds", "--step", "x"], "--step"),
        (["worlds", "--json"], "leave out the name, or add --check"),
        (["worlds"], "needs a terminal"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lesson", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert len(err.splitlines()) == 1


def test_the_list_loads_no_screen() -> None:
    import subprocess
    import sys

    code = "import sys; from mectui.cli import main; main(['lesson']); sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode == 0
