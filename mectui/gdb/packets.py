"""Packets of the GDB remote protocol: framing, checksums, escapes and run lengths. Bytes only, no socket, no machine.

Source: the appendix "GDB Remote Serial Protocol" of the GDB manual (Overview, Packet Acknowledgment).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

PACKET_SIZE = 0x4000
"""The longest payload either side sends, in bytes; told to the client in hexadecimal."""
INTERRUPT = 0x03
"""What a client sends outside of any packet to stop the guest."""

_ESCAPE, _ESCAPED_BY = 0x7D, 0x20
_SPECIAL = frozenset(b"#$}*")
"""Bytes that a reply cannot hold as they are. Clients need not escape the asterisk, and do not read it as a run."""
_SLACK = 64
"""For a client whose binary packets are a little longer than what it was told."""
_REPEAT_BASE = 29
_MOST_REPEATS = 126 - _REPEAT_BASE
_UNUSABLE_REPEATS = (ord("#") - _REPEAT_BASE, ord("$") - _REPEAT_BASE)
_HEX = re.compile(rb"[0-9a-fA-F]+")


class PacketError(Exception):
    """A packet that does not say what its kind has to say."""


class Sign(Enum):
    """What a client sends besides packets, and what came of a packet that cannot be used."""

    ACK = "the last packet arrived"
    NACK = "the last packet has to be sent again"
    INTERRUPT = "stop the guest"
    DAMAGED = "a packet with a wrong checksum, or one that is too long"


@dataclass(frozen=True, slots=True)
class Packet:
    """A payload as it came, escapes and all."""

    payload: bytes


Item = Packet | Sign


def checksum(payload: bytes) -> int:
    return sum(payload) & 0xFF


def framed(payload: bytes) -> bytes:
    """A payload on the wire."""
    return b"$%b#%02x" % (payload, checksum(payload))


def escaped(data: bytes) -> bytes:
    """Binary data for a reply."""
    if not _SPECIAL.intersection(data):
        return data
    out = bytearray()
    for byte in data:
        if byte in _SPECIAL:
            out += bytes((_ESCAPE, byte ^ _ESCAPED_BY))
        else:
            out.append(byte)
    return bytes(out)


def unescaped(data: bytes) -> bytes:
    """Binary data of a request. Raises PacketError for an escape that nothing follows."""
    return _ESCAPE_SEQUENCE.sub(_unescape, data)


_ESCAPE_SEQUENCE = re.compile(rb"}(.?)", re.DOTALL)


def _unescape(match: re.Match[bytes]) -> bytes:
    if not match[1]:
        raise PacketError("an escape at the end")
    return bytes((match[1][0] ^ _ESCAPED_BY,))


def compressed(payload: bytes) -> bytes:
    """A reply with runs of equal bytes written as one byte, an asterisk and a count. Not for binary data."""
    return _RUN.sub(_run, payload)


_RUN = re.compile(rb"([^}*])\1{3,}", re.DOTALL)


def _run(match: re.Match[bytes]) -> bytes:
    byte, repeats = match[1], len(match[0]) - 1
    out = bytearray()
    while True:
        count = min(repeats, _MOST_REPEATS)
        while count in _UNUSABLE_REPEATS:
            count -= 1
        out += byte + (b"*" + bytes((count + _REPEAT_BASE,)) if count >= 3 else byte * count)
        repeats -= count + 1
        if repeats < 0:
            return bytes(out)


def expanded(payload: bytes) -> bytes:
    """What `compressed` made, as it was. Raises PacketError for a run of nothing."""
    out = bytearray()
    at = 0
    while at < len(payload):
        if payload[at] != ord("*"):
            out.append(payload[at])
            at += 1
            continue
        if not out or at + 1 == len(payload) or payload[at + 1] < _REPEAT_BASE:
            raise PacketError("a run of nothing")
        out += out[-1:] * (payload[at + 1] - _REPEAT_BASE)
        at += 2
    return bytes(out)


def number(text: bytes, bits: int = 64) -> int:
    """A number as the protocol writes it: hexadecimal digits alone. Raises PacketError."""
    if not _HEX.fullmatch(text) or len(text.lstrip(b"0")) > bits // 4:
        raise PacketError(f"no number of {bits} bits")
    return int(text, 16)


def bytes_of(text: bytes) -> bytes:
    """Bytes written as two hexadecimal digits each. Raises PacketError."""
    if len(text) % 2 or (text and not _HEX.fullmatch(text)):
        raise PacketError("no bytes in hexadecimal")
    return bytes.fromhex(text.decode("ascii"))


class Reader:
    """Finds packets in what comes from a client, however it is cut into pieces."""

    def __init__(self) -> None:
        self._payload: bytearray | None = None
        """What came of a packet so far; None between packets."""
        self._is_too_long = False
        self._digits: bytearray | None = None
        """Of the checksum; None before it begins."""

    def feed(self, data: bytes) -> list[Item]:
        """What these bytes complete, in order."""
        found: list[Item] = []
        at = 0
        while at < len(data):
            if self._payload is not None and self._digits is None:
                at = self._take_payload(self._payload, data, at)
                continue
            item = self._between(data[at]) if self._digits is None else self._summing(self._digits, data[at])
            at += 1
            if item is not None:
                found.append(item)
        return found

    def _between(self, byte: int) -> Item | None:
        if byte == ord("$"):
            self._begin()
        return _SIGNS.get(byte)  # all else is noise, as a serial line has it

    def _begin(self) -> None:
        self._payload, self._is_too_long, self._digits = bytearray(), False, None

    def _take_payload(self, payload: bytearray, data: bytes, at: int) -> int:
        """Takes what belongs to the payload; returns the place behind it and behind what ends it."""
        end = min((place for place in (data.find(b"#", at), data.find(b"$", at)) if place >= 0), default=len(data))
        if len(payload) + end - at > PACKET_SIZE + _SLACK:
            self._is_too_long = True
            payload.clear()
        if not self._is_too_long:
            payload += data[at:end]
        if end == len(data):
            return end
        if data[end] == ord("$"):
            self._begin()  # the one before was never finished
        else:
            self._digits = bytearray()
        return end + 1

    def _summing(self, digits: bytearray, byte: int) -> Item | None:
        digits.append(byte)
        if len(digits) < 2:
            return None
        payload = bytes(self._payload or b"")
        self._payload = self._digits = None
        if self._is_too_long or not _HEX.fullmatch(digits) or int(digits, 16) != checksum(payload):
            return Sign.DAMAGED
        return Packet(payload)


_SIGNS = {ord("+"): Sign.ACK, ord("-"): Sign.NACK, INTERRUPT: Sign.INTERRUPT}
