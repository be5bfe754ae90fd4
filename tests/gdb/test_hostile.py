"""Whatever a client sends: no exception leaves the stub, every answer is a packet, and the server serves the next."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import emu
from mectui.gdb.monitor import COMMANDS
from mectui.gdb.packets import Reader, framed
from mectui.gdb.stub import Stub
from tests.gdb.client import connected
from tests.tui.programs import CALLING, STORING, factory

NUMBER = st.one_of(
    st.integers(0, 40), st.sampled_from([0x4000_0000, 0x4000_000C, 0x4010_0000, 1 << 63, (1 << 64) - 1, 1 << 64]),
    st.integers(0, 1 << 70),
).map(lambda value: b"%x" % value)  # fmt: skip
BYTES = st.binary(max_size=40)
JUNK = st.one_of(BYTES, NUMBER, st.just(b""))
SEPARATED = st.lists(st.one_of(NUMBER, JUNK), max_size=4).flatmap(
    lambda parts: st.sampled_from([b",", b";", b":", b"=", b"."]).map(lambda sign: sign.join(parts))
)
LETTERS = st.sampled_from([bytes((letter,)) for letter in b"?cCsSgGpPmMXZzHT!DRkiIAbBdtFQqv\x00\xff"])
NAMES = st.sampled_from([
    b"qSupported:", b"qXfer:features:read:target.xml:", b"qXfer:memory-map:read::", b"qXfer:", b"qC", b"qRcmd,",
    b"qfThreadInfo", b"qThreadExtraInfo,", b"vCont;", b"vCont;r", b"vCont;s:", b"vKill;", b"vRun;", b"QStartNoAckMode",
    b"QPassSignals:", b"qAttached", b"vCont?", b"Z0,", b"Z2,", b"z3,", b"Hg", b"Hcp1.", b"m", b"X", b"M", b"P", b"p",
])  # fmt: skip
REQUESTS = st.one_of(st.tuples(LETTERS, SEPARATED), st.tuples(NAMES, SEPARATED), st.tuples(BYTES, JUNK)).map(b"".join)
WORDS = st.sampled_from(
    [*COMMANDS, "if", "pa:", "_start", "0x40000000", "x0", "[", "]", "(", "$", "all", "mecid", "hit", "-1", "99999999"]
)
COMMAND_LINES = st.one_of(st.lists(WORDS, max_size=5).map(" ".join), st.text(max_size=60))


class Nobody:
    """A client that interrupts the guest at the first opportunity."""

    acknowledges = True

    def __init__(self) -> None:
        self.said = 0

    def running(self) -> AbstractContextManager[None]:
        return self._running()

    @contextmanager
    def _running(self) -> Iterator[None]:
        yield

    def is_interrupted(self) -> bool:
        return True

    def say(self, text: str) -> None:
        assert text.endswith("\n")
        self.said += 1


@pytest.fixture(scope="module")
def machine() -> emu.Machine:
    return factory(*STORING)()


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests=st.lists(REQUESTS, max_size=12))
def test_no_request_breaks_the_stub(machine: emu.Machine, requests: list[bytes]) -> None:
    stub = Stub(machine, Nobody(), "guest.elf")
    for request in requests:
        found = stub.handle(request)
        assert found is None or not set(found[0]) & set(b"#$")
        assert found is None or len(found[0]) <= 0x4000
    stub.close()
    assert stub.handle(b"qC") == (b"QC1", False)
    machine.reset()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(lines=st.lists(COMMAND_LINES, max_size=4))
def test_no_monitor_command_breaks_the_stub(machine: emu.Machine, lines: list[str]) -> None:
    client = Nobody()
    stub = Stub(machine, client)
    for line in lines:
        assert stub.handle(b"qRcmd," + line.encode("utf-8", "surrogatepass").hex().encode()) == (b"OK", False)
    assert client.said == len(lines)
    machine.stops.clear()


@settings(max_examples=300, deadline=None)
@given(
    data=st.lists(st.one_of(BYTES, REQUESTS.map(framed), st.sampled_from([b"$", b"#", b"\x03", b"+-"])), max_size=20)
)
def test_no_stream_breaks_the_reader(data: list[bytes]) -> None:
    reader = Reader()
    for piece in data:
        reader.feed(piece)
    reader.feed(b"#00")  # ends what was left open
    assert reader.feed(framed(b"qC"))


def test_a_stream_of_rubbish_over_the_wire_leaves_the_server_serving() -> None:
    machine = factory(*CALLING)()
    source = random.Random(7)
    for round_ in range(12):
        with connected(machine) as (client, _):
            pieces = [
                source.randbytes(source.randrange(60)),
                framed(source.choice(b"gGpPmMXZzHTcsvqQ").to_bytes(1, "little") + source.randbytes(8).hex().encode()),
                b"\x03" * source.randrange(3),
            ]
            source.shuffle(pieces)
            client.socket.sendall(b"".join(pieces) * (1 + round_ % 3))
            if round_ % 2:
                client.socket.shutdown(socket.SHUT_WR)
    with connected(machine) as (client, _):
        assert client.ask("qC") == b"QC1"


def test_a_client_that_talks_while_the_guest_runs_is_answered_afterwards_or_cut_off() -> None:
    machine = factory(0x14000000)()
    with connected(machine) as (client, _):
        client.send("c")
        client.send("qC")
        client.socket.sendall(b"\x03")
        assert client.reply().startswith(b"T02")
        assert client.reply() == b"QC1"
        client.send("c")
        with pytest.raises((EOFError, ConnectionError)):
            for _ in range(50):
                client.socket.sendall(framed(b"qC") * 200)
            client.reply()
