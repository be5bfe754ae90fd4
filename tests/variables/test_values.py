"""What variables of a program are shown as: types as C writes them, values by what the source says."""

from __future__ import annotations

import pytest

import emu
from emu.architecture import BLOCK
from emu.debug.variables import Kind
from mectui.queries.variables import Row, VariablesView, variables, variables_json, variables_of
from mectui.render import variables as render
from mectui.render.text import cell_width, plain
from tests.calls.shadow import at_main
from tests.lines.programs import needs_ziglang
from tests.tui.test_running import follow
from tests.variables.conftest import Built
from tests.variables.programs import SOURCE

pytestmark = needs_ziglang
IN_FILL = next(at for at, text in enumerate(SOURCE.splitlines(), 1) if "return leaf(id" in text)
IN_LOOP = next(at for at, text in enumerate(SOURCE.splitlines(), 1) if "sum += (int)number" in text)


def at_line(built: Built, line: int, name: str = "O0-dwarf5") -> emu.Machine:
    from mectui import running

    machine = at_main(built(name))
    machine.lines.finish()
    follow(machine, running.until_line, f"variables.c:{line}")
    return machine


def rows_of(view: VariablesView) -> dict[str, Row]:
    return {row.path: row for scope in view.scopes for row in scope.rows}


def everything(machine: emu.Machine, number: int = 0) -> dict[str, Row]:
    return rows_of(variables_of(machine, number, lambda path, depth: path.count("->") < 2 and depth < 4))


def test_every_type_has_its_name_and_every_value_is_the_source_s(built: Built) -> None:
    rows = everything(at_line(built, IN_FILL))
    shown = {path: (row.type.name, render.text_of(row)) for path, row in rows.items()}
    key = 0x1234567890ABCDEF ^ 7
    assert shown["id"] == ("int", "7")
    assert shown["corner"] == ("struct point", "{.x 10, .y -7}")
    assert shown["corner.x"] == ("int", "10")
    assert shown["key"][0] == "union word"
    assert shown["key.whole"] == ("u64", f"{key} = 0x1234_5678_90ab_cde8")
    assert shown["key.2.low"] == ("unsigned int", f"{key & 0xFFFF_FFFF} = 0x90ab_cde8")
    assert shown["table"] == ("int [2][3]", "{{…}, {…}}")
    assert [shown[f"table[{i}]"][1] for i in range(2)] == ["{7, 2, 3}", "{4, 5, 49}"]
    assert [shown[f"flags.{name}"][1] for name in ("low", "middle", "below", "top")] == [
        "5", "1000 = 0x3e8", "-7", "300 = 0x12c",
    ]  # fmt: skip
    assert rows["realm"].is_parameter
    assert shown["realm"][0] == "realm_t *"
    assert shown["realm"][1].endswith("→ realms")
    assert shown["realm->.id"] == ("u64", "7")
    assert shown["realm->.state"] == ("enum state", "5 ACTIVE")
    assert shown["realm->.name"][0] == "const char *"
    assert shown["realm->.name"][1].endswith("“realm”")
    assert shown["realm->.where"][0] == "struct point [3]"
    assert shown["realm->.where[2].x"] == ("int", "8")
    assert shown["realm->.act"][0] == "int (*)(int, struct realm *)"
    assert shown["realm->.act"][1].endswith("→ act")
    assert shown["realm->.next"][0] == "struct realm *"
    assert shown["realm->.label"] == ("char [12]", "“abcdefghijk”")
    assert shown["realm->.label[1]"] == ("char", "98 'b'")
    assert shown["realm->.small"] == ("s8", "-7")
    assert shown["realm->.is_on"] == ("_Bool", "true")
    assert shown["realm->.weight"] == ("double", "3.5")


def test_scopes_stand_one_within_the_other_and_hide_names(built: Built) -> None:
    view = variables(at_line(built, IN_LOOP))
    assert [scope.title for scope in view.scopes] == ["a block", "a block", "leaf"]
    assert [row.name for row in view.scopes[0].rows] == ["number"]
    assert [row.name for row in view.scopes[1].rows] == ["i"]
    rows = rows_of(view)
    assert (rows["number"].type.name, rows["2.number"].type.name) == ("u64", "int")
    assert rows["number"].value == 0x1234567890ABCDEF ^ 7
    assert rows["2.number"].value == 7
    assert (rows["felt"].value, rows["felt"].word) == (-3, "COLD")
    assert rows["tiny"].value == -3
    assert rows["half"].value == 40000
    assert rows["count"].value == -3, "a static one is in memory at a place of its own"
    assert rows["ratio"].value == (7 - 3 + 40000) / 4
    assert rows["word"].text == "a text"


def test_an_inlined_function_has_its_own_scope(built: Built) -> None:
    machine = at_main(built("O2-dwarf5"))
    machine.lines.finish()
    for _ in range(2000):
        view = variables(machine)
        inlined = [scope for scope in view.scopes if scope.title == "scaled, inlined"]
        if inlined:
            break
        machine.step()
    assert {row.name for row in inlined[0].rows} == {"value", "by", "made"}
    assert view.scopes[-1].title == "leaf"


def test_what_another_context_has_stored_is_marked(built: Built) -> None:
    machine = at_line(built, IN_FILL)
    before = everything(machine)
    address = before["corner"].address
    assert address is not None
    assert not any(row.is_foreign for row in before.values())
    memory = machine.memory
    offset = memory.ram_offset(address & -BLOCK)
    assert offset is not None
    memory.tags[offset // BLOCK] = memory.encrypted.owner_id(emu.PAS.REALM, 5)
    memory.encrypted.note_tags(offset, BLOCK)
    rows = everything(machine)
    assert rows["corner"].is_foreign
    assert rows["corner.x"].is_foreign
    assert not rows["id"].is_foreign
    text = plain(render.variables(variables(machine), 100))
    assert "≠▸ corner" in text
    assert "another encryption context" in text


def test_what_cannot_be_read_says_why(built: Built) -> None:
    machine = at_line(built, IN_FILL)
    realm = everything(machine)["realm"].address
    assert realm is not None
    machine.write(realm, (0x70_0000_0000).to_bytes(8, "little"))
    rows = everything(machine)
    assert rows["realm"].value == 0x70_0000_0000
    assert "cannot be read" in rows["realm->.id"].problem
    assert render.text_of(rows["realm->.id"]).startswith("<")


def test_json_nests_what_lines_indent(built: Built) -> None:
    view = variables_of(at_line(built, IN_FILL), 0, lambda path, depth: depth < 2)
    found = variables_json(view)
    assert (found["schema"], found["call"], found["function"], found["problem"]) == (1, 0, "fill", None)
    fill = {item["name"]: item for item in found["scopes"][-1]["variables"]}
    assert fill["id"]["value"] == 7
    assert [part["value"] for part in fill["corner"]["parts"]] == [10, -7]
    assert [part["value"] for part in fill["table"]["parts"][1]["parts"]] == [4, 5, 49]
    state = next(part for part in fill["realm"]["parts"] if part["name"] == ".state")
    assert (state["value"], state["word"], state["type"]) == (5, "ACTIVE", "enum state")
    assert "parts" not in fill["id"]


def test_lines_fit_whatever_the_width(built: Built) -> None:
    view = variables_of(at_line(built, IN_FILL), 0, lambda path, depth: depth < 3)
    for width in range(20, 140, 7):
        for line in render.variables(view, width):
            assert cell_width(line.text) <= width


def test_why_there_are_none() -> None:
    machine = emu.Machine(memory="16M")
    machine.load("guests/hello/hello.elf")
    machine.lines.finish()
    view = variables(machine)
    assert view.scopes == ()
    assert (
        view.problem
        == "_start has no variables that its debugging information describes, as code in assembler has none."
    )
    bare = emu.Machine(memory="16M")
    bare.load_raw(bytes.fromhex("1f2003d5"), 0x4000_0000)
    assert variables(bare).problem == "No image has debugging information: build the guest with -g."
    with pytest.raises(emu.EmuError, match="there is no call 7"):
        variables(machine, 7)


def test_kinds_are_those_of_dwarf(built: Built) -> None:
    rows = everything(at_line(built, IN_FILL))
    wanted = {
        "id": Kind.SIGNED,
        "realm": Kind.POINTER,
        "corner": Kind.RECORD,
        "table": Kind.ARRAY,
        "key.whole": Kind.UNSIGNED,
        "realm->.state": Kind.ENUMERATION,
        "realm->.is_on": Kind.BOOLEAN,
        "realm->.weight": Kind.FLOAT,
        "realm->.label[0]": Kind.CHARACTER,
    }
    assert {path: rows[path].type.kind for path in wanted} == wanted
