"""Code that is not mapped for who runs now is shown from memory, and said to be."""

from __future__ import annotations

from mectui.queries.disassembly import disassembly
from mectui.render.disassembly import disassembly as render
from mectui.render.text import plain
from tests.tui.programs import in_realm_b

SENTENCE = "Not mapped for who runs now"


def test_realm_as_code_can_be_read_while_realm_b_runs() -> None:
    machine = in_realm_b()
    writer = machine.symbols.lookup("realm_a_fill_blocks")
    assert writer is not None
    assert machine.fetch_word(writer) is None
    view = disassembly(machine, writer, 3)
    assert [row.word for row in view.rows] == [
        int.from_bytes(machine.read(writer + at, 4), "little") for at in range(0, 12, 4)
    ]
    assert not any(row.is_mapped for row in view.rows)
    assert SENTENCE in plain(render(view, 80))


def test_code_that_is_mapped_says_nothing_of_it() -> None:
    machine = in_realm_b()
    view = disassembly(machine, machine.cpu.pc, 3)
    assert all(row.is_mapped for row in view.rows)
    assert SENTENCE not in plain(render(view, 80))


def test_nothing_is_made_up_where_no_program_was_loaded() -> None:
    view = disassembly(in_realm_b(), 0x5000_0000, 3)
    assert [row.word for row in view.rows] == [None] * 3
