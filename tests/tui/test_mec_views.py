"""The MEC side's queries against memory made by hand: owners are stored block by block, answers are counted anew."""

from __future__ import annotations

import random
from collections import Counter

import pytest

import emu
from emu.architecture import BLOCK, PAGE, PAS
from mectui.queries.grid import MIXED, SEVERAL, UNOWNED
from mectui.queries.history import History
from mectui.queries.ledger import Standing, ledger
from mectui.queries.mec import SQUARES, MapView, Move, mec_map
from mectui.queries.memory import Eyes, memory
from mectui.queries.needle import Find, pattern
from mectui.render import ledger as render_ledger
from mectui.render import mec as render
from mectui.render.text import Line, Span, fold, highlight, plain, width
from mectui.resources import guest_path

RAM = 0x4000_0000


def owned(*stores: tuple[int, PAS, int], size: str = "16M") -> emu.Machine:
    """A machine in whose RAM a block at each offset was stored under a context."""
    machine = emu.Machine(memory=size, engine="reference")
    for offset, pas, mecid in stores:
        encrypted = machine.memory.encrypted
        machine.memory.store(offset, 16, 1, encrypted.owner_id(pas, mecid), (0, 0))
    return machine


def pages(first: int, count: int, mecid: int, pas: PAS = PAS.REALM) -> list[tuple[int, PAS, int]]:
    return [((first + number) * PAGE, pas, mecid) for number in range(count)]


def signs(view: MapView) -> list[str]:
    return ["".join(cell.glyph for cell in row.cells) for row in view.rows]


# --- the map ---


def test_squares_are_owners_rows_without_any_are_gaps() -> None:
    machine = owned(*pages(0, 3, 5), *pages(3, 1, 6), *pages(40, 2, 0, PAS.ROOT))
    view = mec_map(machine, 8)
    assert signs(view) == ["5556" + UNOWNED * 4, "", "##" + UNOWNED * 6]
    assert view.rows[1].skipped == 4 * 8 * PAGE
    assert [(entry.owner, entry.pages) for entry in view.legend] == [
        ((PAS.REALM, 5), 3), ((PAS.REALM, 6), 1), ((PAS.ROOT, 0), 2),
    ]  # fmt: skip


def test_a_page_of_two_owners_is_mixed_and_its_blocks_are_counted() -> None:
    machine = owned((0, PAS.REALM, 5), (BLOCK, PAS.REALM, 5), (BLOCK * 2, PAS.REALM, 9))
    view = mec_map(machine, 8)
    assert signs(view)[0][0] == MIXED
    assert view.mixed == 1
    assert view.cursor is not None
    assert view.cursor.owners == (((PAS.REALM, 5), 2), ((PAS.REALM, 9), 1))


def test_a_square_of_several_owners_says_so_and_zoom_goes_down_to_blocks() -> None:
    machine = owned(*pages(0, 3, 5), *pages(3, 1, 6))
    assert signs(mec_map(machine, 8, 4 * PAGE))[0][0] == SEVERAL
    blocks = mec_map(machine, 8, BLOCK, RAM + 3 * PAGE)
    assert signs(blocks)[0] == "6" + UNOWNED * 7
    assert sum(len(row.cells) for row in blocks.rows) == 256


@pytest.mark.parametrize("square", SQUARES[1:6])
def test_squares_agree_with_counting_page_by_page(square: int) -> None:
    random_ = random.Random(square)
    owners = {random_.randrange(2000): random_.choice((1, 2, 3)) for _ in range(600)}
    machine = owned(*[(page * PAGE, PAS.REALM, mecid) for page, mecid in owners.items()])
    view = mec_map(machine, 16, square)
    seen = {}
    for row in view.rows:
        for at, cell in enumerate(row.cells):
            seen[row.pa + at * square] = cell
    for start, cell in seen.items():
        counts = Counter(mecid for page, mecid in owners.items() if start <= RAM + page * PAGE < start + square)
        assert (cell.owner is None) == (not counts)
        if cell.owner is not None:
            assert counts[cell.owner[1]] == max(counts.values())
            assert cell.is_mixed == (len(counts) > 1)
    assert sum(cell.owner is not None for cell in seen.values()) == len(
        {(RAM + page * PAGE) // square for page in owners}
    )


def test_the_window_follows_the_cursor() -> None:
    machine = owned(*[(row * 8 * PAGE, PAS.REALM, 5) for row in range(100)])
    view = mec_map(machine, 8, PAGE, RAM + 60 * 8 * PAGE, height=10)
    assert (len(view.rows), view.top, view.total) == (10, 51, 100)
    assert any(row.pa == RAM + 60 * 8 * PAGE for row in view.rows)


def test_moves_skip_what_nobody_owns() -> None:
    machine = owned(*pages(0, 8, 5), *pages(80, 1, 6), (81 * PAGE, PAS.REALM, 7), (81 * PAGE + BLOCK, PAS.REALM, 8))
    start = RAM + 7 * PAGE

    def after(*moves: Move) -> int:
        cursor = mec_map(machine, 8, PAGE, start, moves=moves).cursor
        assert cursor is not None
        return (cursor.pa - RAM) // PAGE

    assert after(Move("squares")) == 80
    assert after(Move("rows")) == 87
    assert after(Move("rows", -5)) == 7
    assert after(Move("owner")) == 80
    assert after(Move("owner"), Move("owner")) == 81
    assert after(Move("mixed")) == 81
    assert after(Move("owner", -1)) == 0
    assert "No page is mapped" in mec_map(machine, 8, PAGE, start, moves=(Move("mismatch"),)).problem


@pytest.mark.parametrize("kind", ["squares", "rows", "owner", "mixed", "mismatch"])
@pytest.mark.parametrize("square", SQUARES)
def test_moves_where_nobody_owns_anything(kind: str, square: int) -> None:
    for by in (1, -1, 40, -40):
        view = mec_map(owned(), 8, square, RAM + PAGE, height=10, moves=(Move(kind, by),))
        assert not view.rows
        assert view.moves == 1


def test_one_owner_alone() -> None:
    machine = owned(*pages(0, 2, 5), *pages(2, 2, 6))
    view = mec_map(machine, 8, only=(PAS.REALM, 6))
    assert signs(view) == ["--66" + UNOWNED * 4]
    assert "others than MECID 6" in plain(render.legend(view, 80))


@pytest.mark.parametrize("columns", [20, 36, 60, 100])
@pytest.mark.parametrize("height", [3, 6, 9, 14, 30])
def test_the_map_fits_its_pane_with_any_number_of_owners(columns: int, height: int) -> None:
    machine = owned(*[(number * PAGE, PAS.REALM, number * 7) for number in range(200)])
    view = mec_map(machine, 8, PAGE, RAM, height=render.room(height).grid)
    lines = render.mec_map(view, columns, height)
    assert len(lines) <= max(height, 3)
    assert all(width(item) <= columns for item in lines)
    assert "more" in plain(render.legend(view, 60, 1))


# --- the ledger ---


def test_the_ledger_counts_blocks_and_says_who_is_orphaned() -> None:
    machine = owned(*pages(0, 3, 5), (BLOCK, PAS.REALM, 6), (9 * PAGE, PAS.REALM, 7))
    machine.cpu.sysreg["MECID_P0_EL2"] = 7
    machine.registers.never_written.discard("MECID_P0_EL2")
    rows = {row.owner[1]: row for row in ledger(machine).rows}
    assert (rows[5].pages, rows[5].blocks, rows[5].standing) == (3, 3, Standing.ORPHANED)
    assert (rows[6].pages, rows[6].blocks, rows[6].standing) == (0, 1, Standing.ORPHANED)
    assert [holder.register for holder in rows[7].holders] == ["MECID_P0_EL2"]
    assert rows[7].standing is Standing.HELD


def test_what_was_stored_under_an_earlier_key_is_lost() -> None:
    machine = owned(*pages(0, 2, 5))
    machine.mec.refresh(5)
    row = ledger(machine).rows[0]
    assert (row.key, row.lost) == (1, 2)
    told = plain(render_ledger.ledger(ledger(machine), 100, 0))
    assert "2 blocks stored under an earlier key: lost" in told


def test_two_realms_in_the_ledger() -> None:
    """The guest runs Realm A as VMID 1 under MECID 5 and Realm B as VMID 2 under 6, and ends with B's in force."""
    path = guest_path("two-realms")
    assert path is not None
    machine = emu.Machine(engine="interpreter")
    machine.load(path)
    history = History(machine)
    machine.run(1_000_000)
    rows = {row.owner[1]: row for row in ledger(machine, history).rows}
    assert {item.tenant.vmid for item in rows[5].tenancies} == {1}
    assert {item.tenant.vmid for item in rows[6].tenancies} == {2}
    assert rows[5].standing is Standing.WAITING
    assert "VMECID_P_EL2" in {holder.register for holder in rows[6].holders}
    assert rows[5].blocks == sum(
        page.owned_blocks for page in machine.mec.pages() if (page.pas, page.mecid, page.mixed) == (PAS.REALM, 5, False)
    )
    found = rows[6].stored
    assert found is not None
    writers = [machine.mec.last_writer(page.pa + at) for page in machine.mec.pages() for at in range(0, PAGE, BLOCK)]
    assert found.instruction == max(
        writer.instruction for writer in writers if writer is not None and writer.owner.mecid == 6
    )


# --- memory ---


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("B lives", b"B lives"),
        ("de ad be ef", bytes.fromhex("deadbeef")),
        ("0x1234", b"\x34\x12"),
        ("0x0000_0005", b"\x05\x00\x00\x00"),
        ('"0x12"', b"0x12"),
        ("12", b"12"),
    ],
)
def test_what_a_pattern_means(text: str, wanted: bytes) -> None:
    assert pattern(text) == wanted


def test_a_search_goes_both_ways_round_and_across_pages() -> None:
    machine = owned(size="16M")
    machine.write(RAM + PAGE - 2, b"needle")
    machine.write(RAM + 0x80_0000, b"needle")

    def found(start: int, forward: bool = True) -> int | None:
        sought = Find(b"needle", start, forward, 1)
        answer = memory(machine, RAM, 4, is_physical=True, eyes=Eyes.OWNER, sought=sought).found
        assert answer is not None
        return answer.address

    assert found(RAM) == RAM + PAGE - 2
    assert found(RAM + PAGE - 1) == RAM + 0x80_0000
    assert found(RAM + 0x80_0001) == RAM + PAGE - 2
    assert found(RAM + 0x80_0000, forward=False) == RAM + PAGE - 2
    assert found(RAM + 0x81_0000, forward=False) == RAM + 0x80_0000


def test_a_search_by_virtual_address_finds_what_the_context_sees() -> None:
    machine = owned(size="16M")
    machine.write(RAM + 0x3000, b"needle")
    answer = memory(machine, RAM, 4, sought=Find(b"needle", RAM, True, 1)).found
    assert answer is not None
    assert answer.address == RAM + 0x3000


def test_raw_memory_is_what_the_owner_stored_encrypted() -> None:
    machine = owned((0, PAS.REALM, 5), (PAGE, PAS.REALM, 6))
    raw = [memory(machine, RAM + at, 1, is_physical=True, eyes=Eyes.RAW).rows[0].data for at in (0, PAGE)]
    own = [memory(machine, RAM + at, 1, is_physical=True, eyes=Eyes.OWNER).rows[0].data for at in (0, PAGE)]
    assert own[0] == own[1]
    assert raw[0] != own[0]
    assert raw[0] != raw[1]


def test_a_page_line_says_whose_the_page_is() -> None:
    from mectui.render.memory import memory as draw

    machine = owned((0, PAS.REALM, 5), (BLOCK, PAS.REALM, 6), (PAGE, PAS.ROOT, 0))
    view = memory(machine, RAM, 260, is_physical=True, eyes=Eyes.OWNER)
    lines = [item.text for item in draw(view, 100) if "page" in item.text]
    assert lines[0].startswith("── page owner realm MECID 5, MECID 6  GPT: not checked")
    assert lines[1].startswith("── page owner root")
    narrow = next(item.text for item in draw(view, 40) if "owner" in item.text)
    assert narrow.startswith("── owner MECID 5, MECID 6 ──"), "what does not fit is left out, not cut off"


# --- hostile guests ---


def test_names_of_symbols_never_steer_the_terminal() -> None:
    from mectui.queries.labels import label, symbol_at

    machine = owned()
    machine.symbols.add([("evil\x1b[2J\x07" + "x" * 500, RAM, 64)])
    for text in (label(machine, RAM + 4), symbol_at(machine, RAM)):
        assert text.startswith("evil·[2J·x")
        assert len(text) < 140


@pytest.mark.parametrize(
    "said",
    ["\x1b]0;title\x07text", "\x1b[31mtext\x1b[0m", "\x9b2Jtext", "old\rtext", "\x1bPsecret\x1b\\text", "\x1b(Btext"],
)
def test_terminal_sequences_of_the_guest_are_left_out(said: str) -> None:
    from mectui.render.console import console

    assert plain(console(said, 40)) == "text\n"


def test_what_was_typed_stands_where_the_output_was() -> None:
    from mectui.render.console import console

    assert plain(console("name? \nhello", 40, [(7, "me\x1b[2J")])) == "name?\n» me·[2J\nhello\n"


# --- text ---


def test_highlighting_crosses_spans_and_keeps_styles() -> None:
    marked = highlight(Line((Span("abCD", "text"), Span("ef", "muted"))), "cde")
    assert marked.spans == (Span("ab", "text"), Span("CD", "text found"), Span("e", "muted found"), Span("f", "muted"))


def test_folding_keeps_every_word() -> None:
    item = Line((Span("one two ", "text"), Span("three four five six", "muted")))
    folded = fold(item, 10, "  ")
    assert all(width(part) <= 10 for part in folded)
    assert " ".join(" ".join(part.text.split()) for part in folded) == "one two three four five six"


def test_a_hit_loses_words_before_its_moment_gets_a_line_of_its_own() -> None:
    from mectui.queries.hits import hits
    from mectui.render import hits as draw

    guest = emu.Machine(memory="64M", engine="reference")
    guest.load(str(guest_path("two-realms")))
    guest.run()
    view = hits(guest)
    for columns in (60, 70, 76, 78, 90, 160):
        for item in view.hits:
            lines = plain(draw.hits(view, columns, item.number)).splitlines()
            assert not [text for text in lines if text.strip().startswith("#")], columns
            assert all(len(text) <= columns for text in lines)
    chosen = plain(draw.hits(view, 76, 3)).splitlines()
    assert "by realm_b_count_blocks+0x8, EL1 #" in chosen[1]
    assert ", EL1 realm #" in chosen[2], "where there is room nothing goes"


def test_a_page_says_which_line_of_the_source_stored_last() -> None:
    guest = emu.Machine(memory="64M", engine="reference")
    guest.load(str(guest_path("two-realms")))
    guest.run()
    guest.lines.finish()
    from mectui.queries.page import page_info

    info = page_info(guest, 0x4038_0000)
    assert info.writer is not None
    spot = guest.lines.at(info.writer.pc)
    assert spot is not None
    assert f"{info.writer_label} ({spot.name})" in render.last_stored(info)
