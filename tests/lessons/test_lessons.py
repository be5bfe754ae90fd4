"""Every lesson, carried out without a screen: goals, questions, hints; and a check that notices when one is broken."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from mectui.layout import ALL
from mectui.lessons.check import StepReport, check
from mectui.lessons.reading import read
from mectui.lessons.shelf import lesson_files, lessons, open_lesson
from mectui.lessons.text import BlockKind, Lesson
from mectui.lessons.values import PLACEHOLDER
from mectui.render.lesson import page
from mectui.render.text import plain, width
from mectui.resources import guest_path

NAMES = [path.parent.name for path in lesson_files()]

RIGHT = {
    # Reset is at EL3 in Root state; SCR_EL3 is about lower levels; exceptions to EL3 are Root; PAS keys differ.
    "worlds": {2: 2, 4: 1, 5: 1, 6: 1, 7: 1, 8: 2, 9: 0},
    # MMU off: VA is PA. VA bits 20-12 of 0x40201000 are 1. A Permission fault, then a Translation fault at level 3.
    "stage1": {1: 1, 2: 0, 3: 1, 5: 1, 6: 3, 7: 1},
    # EL2 has no stage 2; IPA 0x80000000 by link.ld; 3 levels of each: (3 + 1) * 3 + 3; a stage 2 fault goes to EL2.
    "stage2": {2: 1, 3: 0x8000_0000, 4: 1, 5: 1, 6: 1, 7: 0x8000_7000, 8: 1},
    # GPI of granule 3 of 16 from Realm (0xb) to Non-secure (0x9); EC 0x1e to EL3; MFAR_EL3 has the PA.
    "gpt": {1: 1, 2: 1, 3: 0xBBBB_BBBB_BBBB_9BBB, 4: 2, 5: 0x4020_3000, 6: 1, 7: 1},
    # The MECID is the access's; a mismatch is no fault; a partial store under another MECID spoils its block.
    "mecid": {1: 5, 2: 5, 3: 2, 4: 0, 5: 2, 6: 1, 7: 1},
    # AMEC=1: A0, in the upper half A1. AMEC=1 with AMECx=0: a Translation fault, which no TLB keeps.
    "amec": {1: 2, 2: 1, 3: 2, 4: 4, 5: 0, 6: 1, 7: 0},
    # Realm A has MECID 5, Realm B 6; a granule has 256 blocks; B answers 0 if all is well.
    "two-realms": {1: 6, 2: 5, 3: 1, 4: 2, 5: 5, 6: 256, 7: 0},
    # A TLB entry lives until a TLBI; a register acts from a context synchronisation event on, MECIDs without a TLBI.
    "stale": {1: 0, 2: 1, 3: 0, 4: 1, 5: 5, 6: 1, 7: 0},
    # A key belongs to a number; only Root reaches the engine; old generations are noise, other MECIDs unharmed.
    "rekey": {1: 8, 2: 1, 3: 1, 4: 1, 5: 0, 6: 1, 7: 1},
}
"""The right answer of each question by step, index or value, from the manual and the guests' sources."""


@cache
def report(name: str) -> list[StepReport]:
    return check(open_lesson(next(path for path in lesson_files() if path.parent.name == name)))


def test_there_are_nine_lessons_in_the_order_they_build_on_each_other() -> None:
    assert [lesson.name for lesson in lessons()] == [
        "worlds", "stage1", "stage2", "gpt", "mecid", "amec", "two-realms", "stale", "rekey",
    ]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_step_is_reached_by_its_commands_and_not_before(name: str) -> None:
    assert [(item.step.title, item.problems) for item in report(name) if item.problems] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_machine_gives_the_answers_that_the_manual_does(name: str) -> None:
    found = {item.step.number: item.right for item in report(name) if item.step.prediction}
    if name == "stage1":
        assert found.pop(4) == address_of("stage1", "window_page")  # where the linker put the page
    assert found == RIGHT[name]


def address_of(name: str, symbol: str) -> int:
    """From the ELF, by another reader of it than the machine's."""
    elf = guest_path(name)
    assert elf is not None
    with elf.open("rb") as stream:
        (found,) = ELFFile(stream).get_section_by_name(".symtab").get_symbol_by_name(symbol)
        return int(found["st_value"])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_revealed_has_no_expression_left(name: str) -> None:
    for item in report(name):
        assert bool(item.reveal) is bool(item.step.reveal)
        assert not PLACEHOLDER.search(item.reveal)


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_a_lesson_takes_six_to_ten_steps_and_ends_with_what_was_learned(lesson: Lesson) -> None:
    assert 6 <= len(lesson.steps) <= 10
    assert lesson.steps[-1].title == "What you learned"
    assert lesson.steps[-1].is_only_read
    assert lesson.minutes <= 10
    assert sum(step.prediction is not None for step in lesson.steps) >= 5
    assert all(step.hints and step.task for step in lesson.steps if step.goals)
    assert all(step.reveal for step in lesson.steps if step.prediction or step.goals)


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_labels_and_panes_that_a_lesson_names_exist(lesson: Lesson) -> None:
    source = lesson.path.with_name(f"{lesson.name}.S").read_text()
    for step in lesson.steps:
        for command in (*step.shows, *step.does):
            word, _, rest = command.partition(" ")
            if word == "until":
                assert f"{rest}:" in source or f"function {rest}" in source, command
            if word == "pane":
                assert rest in ALL


ABBREVIATIONS = ("CCA", "VA", "PA", "IPA", "MMU", "PAS", "GPT", "GPC", "RMM", "TLB", "MECID", "AMEC", "MPE", "MEC")


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_every_abbreviation_is_explained_in_the_lesson_that_uses_it(lesson: Lesson) -> None:
    """Each appears in bold, or in brackets behind its long form. Names of registers in backticks do not count."""
    steps = [lesson.blocks, *(step.blocks for step in lesson.steps)]
    told = " ".join(block.text for blocks in steps for block in blocks if block.kind is not BlockKind.CODE)
    more = " ".join(
        f"{step.title} {step.task} {step.reveal} {step.prediction.question if step.prediction else ''}"
        for step in lesson.steps
    )
    used = set(re.findall(r"[A-Z]{2,}", re.sub(r"`[^`]*`|\b[A-Z]*_\w+|\w+=\d", " ", f"{told} {more}")))
    missing = [word for word in ABBREVIATIONS if word in used and f"**{word}**" not in told and f"({word})" not in told]
    assert missing == []


@pytest.mark.parametrize("columns", [30, 46, 66, 78])
@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_every_page_fits_its_pane(lesson: Lesson, columns: int) -> None:
    from mectui.lessons.course import Course

    course = Course(lesson)
    for step in lesson.steps:
        course.go(step.number)
        while course.hint():
            pass
        lines = page(course.page("next"), columns)
        assert all(width(line) <= columns for line in lines)
        assert step.title.split()[0] in plain(lines)


# --- the check itself -------------------------------------------------------------------------------------------------

HEAD = "# T\n\n- order: 1\n- minutes: 1\n- about: x\n\n"


def broken(tmp_path: Path, step: str) -> str:
    """The first problem with a lesson about the guest mecid that has this one step."""
    folder = tmp_path / "mecid"
    folder.mkdir()
    elf = guest_path("mecid")
    assert elf is not None
    shutil.copy(elf, folder)
    (item,) = check(read(f"{HEAD}## S\n\n{step}\n", folder / "lesson.md"))
    return item.problems[0] if item.problems else ""


GOOD = "- task: x\n- do: `until lesson_store`\n- goal: `stopped at lesson_store`\n- hint: x\n"


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (GOOD, ""),
        (GOOD.replace("`stopped at lesson_store`", "`el >= 1`"), "before anything is done"),
        (GOOD.replace("until lesson_store", "step 3"), "do not reach its goal: stopped at lesson_store"),
        (GOOD.replace("- hint: x\n", ""), "no hint"),
        (GOOD.replace("until lesson_store", "until lesson_sture"), "lesson_sture"),
        (GOOD.replace("until lesson_store", "untol lesson_store"), "untol"),
        (GOOD.replace("until lesson_store", "quit"), "without a screen"),
        (GOOD.replace("`stopped at lesson_store`", "`x99 == 1`"), "x99"),
        (GOOD + "- predict: a?\n  - b, if `el == 2`\n  - c, if `el >= 1`\n", "2 of the 2 answers are right"),
        (GOOD + "- predict: a?\n  - b, if `el == 3`\n  - c, if `el == 1`\n", "0 of the 2 answers are right"),
        (GOOD + "- reveal: {no_such_symbol}\n", "no_such_symbol"),
        (GOOD + "- show: `walk`\n", "walk"),
        (GOOD + "- show: `pane nowhere`\n", "nowhere"),
        ("- predict: a?\n  - value: `no_such_symbol`\n", "no_such_symbol"),
    ],
)
def test_the_check_says_what_is_wrong_with_a_step(tmp_path: Path, step: str, says: str) -> None:
    found = broken(tmp_path, step)
    assert says in found
    assert bool(says) is bool(found)


def test_a_guest_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    from mectui.lessons.driver import DriverError

    (tmp_path / "nobody").mkdir()
    with pytest.raises(DriverError, match=r"nobody\.elf"):
        check(read(f"{HEAD}## S\n\n{GOOD}", tmp_path / "nobody" / "lesson.md"))
