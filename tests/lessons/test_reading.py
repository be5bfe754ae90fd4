"""The format of lessons: what is understood, and one sentence with file and line for what is not."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest

from mectui.lessons.reading import read
from mectui.lessons.shelf import find_lesson, open_lesson
from mectui.lessons.text import Block, BlockKind, LessonError

PATH = Path("guests/thing/lesson.md")
HEAD = "# Title\n\n- order: 3\n- minutes: 7\n- about: About it.\n\n"
STEP = "## One\n\nText.\n\n- task: do it\n- do: `step`\n- goal: `insns > 0`\n- hint: s\n"


def test_a_lesson_as_the_format_describes_it() -> None:
    text = (
        HEAD + "Before\nall.\n\n## First step\n\nText with `code`,\nfolded.\n\n* one\n  more\n* two\n\n"
        "```\nas  it is\n```\n\n"
        "- show: `walk 0x1000`\n- predict: What\n  happens?\n  - this, if `x0 == 1`\n  - that `y`, if `x0 != 1`\n"
        "- task: Step.\n- do: `step`\n- do: `step 2`\n- goal: `insns > 0`\n- goal: `stopped at _start`\n- hint: a\n"
        "- hint: b\n- reveal: It is {x0:d}.\n\n## Second\n\n- predict: How many?\n  - value: `x0`\n\n"
        "## Third\n\nRead.\n"
    )
    lesson = read(text, PATH)
    assert (lesson.name, lesson.title, lesson.about, lesson.minutes, lesson.order) == (
        "thing", "Title", "About it.", 7, 3,
    )  # fmt: skip
    assert lesson.blocks == (Block(BlockKind.PARAGRAPH, "Before all."),)
    first, second, third = lesson.steps
    assert [(block.kind, block.text) for block in first.blocks] == [
        (BlockKind.PARAGRAPH, "Text with `code`, folded."),
        (BlockKind.BULLET, "one more"),
        (BlockKind.BULLET, "two"),
        (BlockKind.CODE, "as  it is"),
    ]
    assert (first.shows, first.does, first.hints) == (("walk 0x1000",), ("step", "step 2"), ("a", "b"))
    assert [goal.text for goal in first.goals] == ["insns > 0", "stopped at _start"]
    assert first.prediction is not None
    assert first.prediction.question == "What happens?"
    assert [(choice.text, choice.condition.text) for choice in first.prediction.choices] == [
        ("this", "x0 == 1"), ("that `y`", "x0 != 1"),
    ]  # fmt: skip
    assert first.reveal == "It is {x0:d}."
    assert second.prediction is not None
    assert second.prediction.value == "x0"
    assert not second.is_only_read
    assert third.is_only_read


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "starts with its title"),
        ("Text first\n", 1, "starts with its title"),
        ("# T\n\n- order: 1\n- minutes: 1\n\n## S\n", 5, "“- about: …”"),
        (HEAD, 6, "there is no step"),
        (HEAD.replace("order: 3", "order: three") + STEP, 3, "takes a number, not “three”"),
        (HEAD + STEP + "- goool: `x0`\n", 15, "there is no “goool:” here; did you mean “goal”?"),
        (HEAD + STEP.replace("`insns > 0`", "insns > 0"), 13, "takes one thing in backticks"),
        (HEAD + STEP.replace("insns > 0", "insns >"), 13, "is no condition"),
        (HEAD + STEP.replace("insns > 0", "hit nobody=5"), 13, "there is no “nobody” to compare"),
        (HEAD + STEP.replace("insns > 0", "event Nothing"), 13, "there is no event “Nothing”"),
        (HEAD + STEP.replace("- task: do it\n", ""), 7, "no “task” that says it in words"),
        (HEAD + STEP.replace("- do: `step`\n", ""), 7, "no “do” that reaches it"),
        (HEAD + STEP + "- task: again\n", 15, "a second “task”"),
        (HEAD + STEP + "- hint:\n", 15, "“hint” says nothing"),
        (HEAD + STEP + "- predict: only one?\n  - a, if `1`\n", 15, "two answers or more"),
        (HEAD + STEP + "- predict: how?\n  - a\n  - b, if `1`\n", 16, "- its text, if `condition`"),
        (HEAD + STEP + "- predict: how?\n  - value: `1`\n  - b, if `1`\n", 16, "either choices or one “value”"),
        (HEAD + STEP + "- hint: a\n  - b\n", 16, "“hint” has no items below it"),
        (HEAD + STEP + "- reveal: {x0:q}\n", 15, "there is no format “:q”"),
        (HEAD + STEP + "- reveal: {x0 +}\n", 15, "is no expression"),
        (HEAD + "## \n\nText.\n", 7, "no title"),
        (HEAD + "## S\n\n### Sub\n", 9, "a heading is"),
        (HEAD + "## S\n\n- a list\n", 9, "a list in the text uses “* ”"),
        (HEAD + "## S\n\n```\ncode\n", 9, "has no end"),
    ],
)
def test_a_malformed_lesson_is_one_sentence_with_file_and_line(text: str, line: int, says: str) -> None:
    with pytest.raises(LessonError) as caught:
        read(text, PATH)
    message = str(caught.value)
    assert message.startswith(f"thing/lesson.md, line {line}: "), message
    assert says in message
    assert "\n" not in message


def test_hostile_text_is_refused_or_understood_and_nothing_else() -> None:
    rng = random.Random(0)
    pieces = [
        *("# ", "## ", "- ", "  - ", "goal: ", "predict: ", "`", "```", "x0 ==", "hit ", "\n", "\n\n", "{", "}", "\0"),
        *("if", ", if `1`", "value: `x0`", "do: `step`", "task: t", "order: 1", "about: a", "minutes: 2", "\u2028"),
    ]
    for _ in range(2_000):
        text = (HEAD if rng.random() < 0.7 else "") + "".join(rng.choices(pieces, k=rng.randrange(30)))
        with suppress(LessonError):
            read(text, PATH)


def test_files_that_cannot_be_read_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LessonError, match="cannot be read"):
        open_lesson(tmp_path / "lesson.md")
    (tmp_path / "lesson.md").write_bytes(b"# \xff\xfe")
    with pytest.raises(LessonError, match="not text in UTF-8"):
        open_lesson(tmp_path / "lesson.md")


def test_a_lesson_is_found_by_name_and_by_number() -> None:
    assert find_lesson("gpt").name == "gpt"
    assert find_lesson("1").name == "worlds"
    with pytest.raises(LessonError, match=r"no lesson 'wolrds'; did you mean worlds\?"):
        find_lesson("wolrds")
    with pytest.raises(LessonError, match="there are worlds, stage1"):
        find_lesson("77")
