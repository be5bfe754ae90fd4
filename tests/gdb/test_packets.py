"""Packets: the examples of the GDB manual, round trips, and what a broken line makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mectui.gdb.packets import (
    PACKET_SIZE,
    Packet,
    PacketError,
    Reader,
    Sign,
    bytes_of,
    compressed,
    escaped,
    expanded,
    framed,
    number,
    unescaped,
)

HEX = st.text("0123456789abcdef", max_size=400).map(str.encode)


@pytest.mark.parametrize(("payload", "wire"), [(b"OK", b"$OK#9a"), (b"", b"$#00"), (b"?", b"$?#3f")])
def test_a_frame_ends_with_the_sum_of_its_bytes(payload: bytes, wire: bytes) -> None:
    assert framed(payload) == wire


@pytest.mark.parametrize(("plain", "wire"), [(b"}", b"}]"), (b"#", b"}\x03"), (b"$", b"}\x04"), (b"*", b"}\n")])
def test_special_bytes_are_escaped_as_the_manual_says(plain: bytes, wire: bytes) -> None:
    assert escaped(b"a" + plain + b"b") == b"a" + wire + b"b"
    assert unescaped(wire) == plain


def test_a_run_of_four_is_the_manuals_example() -> None:
    assert compressed(b"0000") == b"0* "
    assert expanded(b"0* ") == b"0000"


def test_runs_never_contain_what_frames_are_made_of() -> None:
    for length in range(1, 300):
        small = compressed(b"0" * length)
        assert expanded(small) == b"0" * length
        assert not set(small) & set(b"#$")
        assert max(small) <= 126
        assert len(small) <= length


@given(HEX)
def test_what_is_compressed_comes_back(payload: bytes) -> None:
    assert expanded(compressed(payload)) == payload


@given(st.binary(max_size=300))
def test_binary_data_comes_back_and_holds_nothing_special(data: bytes) -> None:
    wire = escaped(data)
    assert unescaped(wire) == data
    assert not set(wire) & set(b"#$*")


@given(st.lists(st.binary(max_size=60).map(escaped), max_size=5), st.integers(1, 7))
def test_packets_are_found_however_the_stream_is_cut(payloads: list[bytes], step: int) -> None:
    wire = b"".join(b"+" + framed(payload) for payload in payloads) + b"\x03-"
    reader = Reader()
    items = [item for at in range(0, len(wire), step) for item in reader.feed(wire[at : at + step])]
    expected = [item for payload in payloads for item in (Sign.ACK, Packet(payload))]
    assert items == [*expected, Sign.INTERRUPT, Sign.NACK]


def test_an_interrupt_byte_inside_a_packet_is_data() -> None:
    assert Reader().feed(framed(b"X0,1:\x03")) == [Packet(b"X0,1:\x03")]


def test_a_wrong_sum_is_noticed() -> None:
    assert Reader().feed(b"$OK#9b$OK#zz$OK#9A") == [Sign.DAMAGED, Sign.DAMAGED, Packet(b"OK")]


def test_a_packet_that_was_never_finished_is_given_up_for_the_next() -> None:
    assert Reader().feed(b"$m40000$?#3f") == [Packet(b"?")]


def test_a_packet_without_end_takes_no_memory() -> None:
    reader = Reader()
    for _ in range(50):
        assert reader.feed(b"$" + b"a" * PACKET_SIZE * 2) == []
    assert reader.feed(b"#00") == [Sign.DAMAGED]
    assert reader.feed(framed(b"g")) == [Packet(b"g")]


@pytest.mark.parametrize("text", [b"", b"0x10", b"-1", b"1_0", b" 1", b"g", b"1" * 17, "٣".encode()])
def test_numbers_are_hexadecimal_digits_alone(text: bytes) -> None:
    with pytest.raises(PacketError):
        number(text)


@pytest.mark.parametrize("text", [b"1", b"0x", b"zz", b"1 2 "])
def test_bytes_are_pairs_of_digits(text: bytes) -> None:
    with pytest.raises(PacketError):
        bytes_of(text)
    assert (bytes_of(b""), bytes_of(b"00fF")) == (b"", b"\x00\xff")


@pytest.mark.parametrize("text", [b"}", b"ab}"])
def test_an_escape_needs_a_byte(text: bytes) -> None:
    with pytest.raises(PacketError):
        unescaped(text)


@pytest.mark.parametrize("text", [b"*", b"* ", b"a*", b"a*\x01"])
def test_a_run_needs_a_byte_and_a_count(text: bytes) -> None:
    with pytest.raises(PacketError):
        expanded(text)
