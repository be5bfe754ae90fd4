"""A reader's way through a lesson, bookmarks, and conditions on a machine that has run."""

from __future__ import annotations

from pathlib import Path

import pytest

import emu
from mectui.lessons import bookmark
from mectui.lessons.bookmark import Bookmark
from mectui.lessons.conditions import Look, NoCondition, Situation, condition
from mectui.lessons.course import Checked, Course
from mectui.lessons.shelf import find_lesson
from mectui.lessons.values import Values, number, written
from mectui.render.lesson import page
from mectui.render.text import plain
from mectui.resources import guest_path


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def course() -> Course:
    """At the step of the lesson mecid whose load gets noise: choice 2 is right."""
    return Course(find_lesson("mecid"), Bookmark(5))


def reached(course: Course, right: int, reveal: str = "told") -> Checked:
    return Checked(course.step.number, (True,) * len(course.step.goals), right, reveal)


def test_a_right_prediction_is_told_as_right_and_a_wrong_one_as_wrong(course: Course) -> None:
    assert course.answer(2)
    assert "your answer" in plain(page(course.page(), 80))
    assert course.note(reached(course, 2))
    assert "✓ 3 it returns noise, and nobody is told  right" in plain(page(course.page(), 80))

    course.begin_again(5)
    assert course.answer(0)
    assert course.note(reached(course, 2))
    shown = plain(page(course.page(), 80))
    assert "✗ 1 it returns what was stored  your answer: wrong" in shown
    assert "✓ 3 it returns noise, and nobody is told  this is what happened" in shown
    assert "told" in shown


def test_a_typed_answer_is_compared_with_the_value(course: Course) -> None:
    course.begin_again(1)
    course.answer(6)
    course.note(reached(course, 5))
    assert "✗ 6  your answer: wrong. It is 5" in plain(page(course.page(), 80))
    course.begin_again(1)
    course.answer(5)
    course.note(reached(course, 5))
    assert "✓ 5  right" in plain(page(course.page(), 80))


def test_a_prediction_is_given_once_and_only_to_what_is_asked(course: Course) -> None:
    assert not course.answer(3)  # three choices: 0, 1, 2
    assert not course.answer(-1)
    assert course.answer(1)
    assert not course.answer(2)
    assert course.standing.answer == 1


def test_the_goal_stays_reached_when_the_machine_goes_on(course: Course) -> None:
    course.note(reached(course, 2))
    assert not course.note(Checked(5, (False, False)))
    assert not course.note(reached(course, 0, "told later"))  # the first time counts, as the machine was then
    assert (course.standing.is_reached, course.standing.right, course.standing.reveal) == (True, 2, "told")


def test_nothing_is_revealed_before_the_prediction(course: Course) -> None:
    course.note(reached(course, 2, "the secret of the step"))
    assert "the secret of the step" not in plain(page(course.page(), 80))
    assert "It has happened already" in plain(page(course.page(), 80))
    course.answer(2)
    assert "the secret of the step" in plain(page(course.page(), 80))


def test_a_check_of_another_step_changes_nothing(course: Course) -> None:
    assert not course.note(Checked(4, (True, True), 0, "x"))
    assert not course.standing.is_reached


def test_hints_come_one_by_one(course: Course) -> None:
    course.begin_again(1)
    shown = [plain(page(course.page(), 80)).count("hint 1:") + plain(page(course.page(), 80)).count("hint 2:")]
    while course.hint():
        text = plain(page(course.page(), 80))
        shown.append(text.count("hint 1:") + text.count("hint 2:"))
    assert shown == [0, 1, 2]


def test_there_is_no_going_on_before_the_goal_but_always_back(course: Course) -> None:
    assert not course.forward()
    assert course.back()
    assert course.step.number == 4
    assert course.forward()  # it was reached when the reader came by
    course.note(reached(course, 2))
    assert course.forward()
    assert course.step.number == 6


def test_a_step_is_done_with_goal_and_answer(course: Course) -> None:
    course.note(reached(course, 2))
    assert 5 not in course.done
    course.answer(0)
    assert 5 in course.done


def test_an_ended_guest_is_told_only_where_the_goal_is_open(course: Course) -> None:
    assert "The guest has ended" in plain(page(course.page(has_ended=True), 80))
    course.answer(2)
    course.note(reached(course, 2))
    assert "The guest has ended" not in plain(page(course.page(has_ended=True), 80))


def test_looks_are_gathered_and_forgotten_with_the_step(course: Course) -> None:
    assert course.looked(frozenset({Look("walk", 4)}))
    assert not course.looked(frozenset({Look("walk", 4)}))
    course.begin_again(5)
    assert course.standing.looks == frozenset()


# --- bookmarks --------------------------------------------------------------------------------------------------------


def test_a_bookmark_comes_back() -> None:
    lesson = find_lesson("gpt")
    assert bookmark.load(lesson) == Bookmark()
    assert bookmark.save("gpt", Bookmark(3, frozenset({1, 2})))
    assert bookmark.load(lesson) == Bookmark(3, frozenset({1, 2}))
    assert not bookmark.load(lesson).is_finished(lesson)
    everything = frozenset(range(1, len(lesson.steps) + 1))
    assert Bookmark(1, everything).is_finished(lesson)
    assert [path.name for path in bookmark.place("gpt").parent.iterdir()] == ["gpt.json"]  # nothing half-written


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff\xfe", b"[]", b"7", b"null", b'{"schema": 2, "step": 3}', b"[" * 100_000,
        b'{"schema": 1, "step": 99, "done": [1]}', b'{"schema": 1, "step": "x", "done": 5}',
        b'{"schema": 1, "step": true, "done": [true, null, "1", 1e99, -1, 99]}', b" " * 200_000,
    ],
)  # fmt: skip
def test_a_damaged_bookmark_counts_as_none(content: bytes) -> None:
    lesson = find_lesson("gpt")
    path = bookmark.place("gpt")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    found = bookmark.load(lesson)
    assert found.step == 1
    assert found.done <= {1}


def test_a_state_folder_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert not bookmark.save("gpt", Bookmark(2))
    assert bookmark.load(find_lesson("gpt")) == Bookmark()


# --- conditions -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def situation() -> Situation:
    """The guest mecid after its end: stored under 5, loaded under 6; no fault."""
    machine = emu.Machine()
    path = guest_path("mecid")
    assert path is not None
    machine.load(path)
    kept: list[object] = []
    machine.events.subscribe(kept.append)
    stop = machine.run()
    looks = frozenset({Look("walk"), Look("walk", 0x4020_0000)})
    return Situation(machine, tuple(kept), looks, stop)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("el == 2", True),
        ("el == 1", False),
        ("not el == 1", True),
        ("hit", True),
        ("hit owner=5 mecid=6", True),
        ("hit owner=5 mecid=7", False),
        ("hit owner=5 mecid=6 access=read", True),
        ("hit owner=5 mecid=6 access=walk", False),
        ("hit owner=5 mecid=6 pa=whole_page", True),
        ("hit owner=5 mecid=6 pa=split_page", False),
        ("exception ec=0x25", False),
        ("finding", True),
        ("finding partial-rewrite", True),
        ("finding no-such-rule", False),
        ("event MecidWritten register=MECID_P0_EL2 new=6", True),
        ("event MecidWritten register=MECID_P0_EL2 new=77", False),
        ("exited", True),
        ("exited code=0", True),
        ("exited code=1", False),
        ("walk of 0x40200000 works", True),
        ("walk of 0x40200000 faults", False),
        ("walk of 0x40205000 faults", True),
        ("walk of 0x40200000 for fetch faults", True),
        ("walk of 0x40200000 reads 3", True),
        ("walk of 0x40200000 reads 4", False),
        ("entry for 0x40200000", True),
        ("entry for 0x50000000", False),
        ("stale entry for 0x40200000", False),
        ("looked at walk", True),
        ("looked at walk 0x40200000", True),
        ("looked at walk 0x40201000", False),
        ("looked at memory", False),
        ("stopped at whole_page", False),
    ],
)
def test_a_condition_says_what_is_so(situation: Situation, text: str, holds: bool) -> None:
    assert condition(text).holds(situation) is holds


@pytest.mark.parametrize(
    "text", ["", "not x0 +", "x0 ==", "hit 5", "hit owner=", "event Hit nobody=1", "walk of 0x1 jumps", "( "]
)
def test_a_text_that_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(NoCondition):
        condition(text)


def test_values_stand_in_a_text_as_it_asks(situation: Situation) -> None:
    situation.machine.cpu.x[3] = int.from_bytes(b"From RMM", "little")
    values = Values(situation.machine)
    assert values.fill("{x3:t}, {el:d}, {el + 0x40000000}") == "From RMM, 2, 0x4000_0002"
    assert written(int.from_bytes(b"\0\x1b[31m\xff", "little"), ":t") == "··[31m··"


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), (" 0x10 ", 16), ("0x4000_0000", 1 << 30), ("0b11", 3), ("x", None)]
)
def test_a_typed_number(text: str, value: int | None) -> None:
    assert number(text) == value
