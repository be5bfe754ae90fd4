"""Data among a guest's code: found by the mapping symbols of its file, and never shown as instructions."""

from __future__ import annotations

import emu
from emu.debug.symbols import Symbols
from mectui.queries import code_search
from mectui.queries.decode import decode
from mectui.queries.disassembly import disassembly
from mectui.render import disassembly as render
from mectui.render.text import plain
from mectui.resources import guest_path


def machine(name: str) -> emu.Machine:
    made = emu.Machine(memory="64M", engine="reference")
    made.load(str(guest_path(name)))
    return made


def test_what_is_executed_is_no_data_and_what_is_printed_is() -> None:
    guest = machine("hello")
    executed = set()
    while guest.step() is None:
        executed.add(guest.cpu.pc)
    assert len(executed) > 20
    assert not [address for address in executed if guest.symbols.is_data(address)]
    code = next(image for image in guest._images.loaded).segments[0]
    text = guest.console.splitlines()[0][:12].encode()
    at = code.data.find(text)
    assert at >= 0
    assert guest.symbols.is_data(code.address + at)


def test_data_stands_as_words_and_text_but_not_under_the_program_counter() -> None:
    guest = machine("two-realms")
    end = next(
        address for address in range(0x4008_0000, 0x4010_0000, 4)
        if guest.memory.peek(address, 4) == b"This"
    )  # fmt: skip
    view = disassembly(guest, end - 4, 3)
    assert [row.is_data for row in view.rows] == [False, True, True]
    assert "data “This”" in plain(render.disassembly(view, 80))
    guest.cpu.pc = end  # a guest that has gone astray
    assert not disassembly(guest, end, 1).rows[0].is_data


def test_a_search_finds_what_is_shown_and_no_instruction_where_data_is_shown() -> None:
    guest = machine("two-realms")
    rows = disassembly(guest, 0x4008_0000, 0x1800).rows
    data = [row for row in rows if row.is_data and row.word is not None]
    assert len(data) > 100
    lies = 0
    for row in data:
        assert row.word is not None
        text = code_search.text_of(guest, row.address, row.word)
        assert f".word 0x{row.word:08x}" in text
        shown = plain(render.instruction(row, 200, 11)).split("data ")[-1].strip().lower()
        assert "“" not in shown or shown in text
        decoded = decode(row.word, row.address).mnemonic
        lies += decoded not in (".word", "udf")
        assert decoded in (".word", "udf", "b") or f" {decoded} " not in text
    assert lies > 50, "many of these words would be instructions"
    for row in rows[:64]:
        assert row.word is not None
        text = code_search.text_of(guest, row.address, row.word)
        assert f"{row.mnemonic} {row.operands}".lower() in text
        assert f"{row.address:#_x}" in text
        assert f"{row.mnemonic} {row.operands.replace('#', '')}".lower() in text
    mnemonic, start = next(
        (decode(row.word, row.address).mnemonic, row.address) for row in data
        if row.word is not None and decode(row.word, row.address).mnemonic not in (".word", "udf")
    )  # fmt: skip
    found = code_search.find_code(guest, code_search.FindCode(f" {mnemonic} ", start, is_first=True)).address
    assert found is None or not guest.symbols.is_data(found)


def test_instructions_that_this_machine_lacks_say_so() -> None:
    guest = emu.Machine(memory="64M", engine="reference")
    words = [0x0420_0000, 0xD503_201F]  # SVE's ADD (vectors, unpredicated) and NOP
    guest.load_raw(b"".join(word.to_bytes(4, "little") for word in words), 0x4000_0000, 0x4000_0000)
    rows = plain(render.disassembly(disassembly(guest, 0x4000_0000, 2), 80)).splitlines()
    assert rows[0].endswith("UNDEFINED here")
    assert not rows[1].endswith("UNDEFINED here")


def test_ranges_of_several_images_do_not_reach_beyond_their_ends() -> None:
    symbols = Symbols()
    symbols.add_data([(0x1010, 0x1020), (0x1020, 0x1020)])
    symbols.add_data([(0x800, 0x804)])
    told = [address for address in range(0x700, 0x1100, 4) if symbols.is_data(address)]
    assert told == [0x800, 0x1010, 0x1014, 0x1018, 0x101C]
