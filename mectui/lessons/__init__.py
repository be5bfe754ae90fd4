"""Lessons: texts with steps whose goals the machine checks. Knows no screen.

A lesson is a file `guests/NAME/lesson.md` beside the guest it is about. It is ordinary Markdown; what the program acts
on are list items that start with one of the words below and a colon. Code goes in backticks.

    # The title

    - order: 3
    - minutes: 10
    - about: One sentence for the list of lessons.

    ## The title of a step

    Text: paragraphs, `* ` lists, fenced code. `code` and **words that matter** are marked.

    - show: `walk 0x40200000`                 what the step opens; may be repeated
    - predict: What will the load return?     a question, asked before
      - the bytes that were stored, if `x21 == x20`
      - noise, if `x21 != x20`
    - task: Run to the load.                  what to do, in words
    - do: `until lesson_load`                 the commands that do it; may be repeated
    - goal: `pc == lesson_load`               true when it is done, false before; all of them, where there are more
    - hint: Type `:until` and a name.         given one at a time; may be repeated
    - reveal: Noise: the load returned {x21}. said when the goal is reached

An item goes on over lines that are indented. Instead of choices a question may have one item "value: `expression`": the
reader types a number. Which answer is right is always computed, never written down. In `reveal` an expression in
braces stands for its value, `{expression:d}` in decimal, `{expression:t}` for eight bytes as text.
A step with neither `goal` nor `predict` is only read. `mectui.lessons.conditions` has the words that goals and
choices may use besides expressions.
"""
