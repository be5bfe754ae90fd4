"""The stub: what each request of a client does to the machine, and what it is answered.

Source: the appendix "GDB Remote Serial Protocol" of the GDB manual (Packets, Stop Reply Packets, General Query
Packets).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from emu.debug.events import Stop, StopReason
from emu.errors import EmuError
from mectui import running
from mectui.gdb import backward, stops
from mectui.gdb.memory import Memory
from mectui.gdb.monitor import Monitor
from mectui.gdb.packets import PACKET_SIZE, PacketError, bytes_of, escaped, number, unescaped
from mectui.gdb.points import Points
from mectui.gdb.registers import Registers

if TYPE_CHECKING:
    import emu

OK = b"OK"
UNKNOWN = b""
"""The answer to what this stub does not know: the client does without."""
MALFORMED, REFUSED, UNREADABLE = b"E16", b"E01", b"E14"
"""Errors by number: EINVAL is 22 (0x16), EPERM 1. Of memory, EFAULT is 14, which debuggers show as it stands."""
MOST_READ = (PACKET_SIZE - 16) // 2
"""Bytes of memory in one reply."""
_BOUND = 1_000
"""Instructions of a range that is stepped through between two looks for an interrupt."""


Say = Callable[[str], None]
"""Takes a sentence for the person who started the server."""


def quiet(_: str) -> None:
    """Says nothing."""


class Client(Protocol):
    """What the stub needs of the connection."""

    acknowledges: bool

    def running(self) -> AbstractContextManager[None]: ...
    def is_interrupted(self) -> bool: ...
    def say(self, text: str) -> None: ...


class Stub:
    """One client's view of one machine. `handle` answers a request; `is_over` says that it was the last."""

    def __init__(self, machine: emu.Machine, client: Client, guest: str = "", say: Say = quiet) -> None:
        """`guest` is the path of the program for clients that have none; `say` is told of what a reply cannot say."""
        self._machine = machine
        self._client = client
        self._say = say
        self._registers = Registers(machine)
        self._memory = Memory(machine)
        self._points = Points(machine)
        self._monitor = Monitor(machine, self._memory, self._reset)
        self._pace = running.Pace()
        self._stop: Stop | None = None
        self._was_told = False
        """The client has just heard of an access on its way back: once is enough."""
        self._owes_step = False
        """A watchpoint was told of, and the client's step past the access has still to come: see `_step`."""
        self._is_at_beginning = False
        """The client has gone back as far as there is anything."""
        self._is_extended = False
        self._has_messages = False
        """The client shows errors that are sentences."""
        # No memory map: it would go by virtual addresses, and page tables may put memory anywhere. One that allows all
        # of them tells gdb nothing, and lldb looks in it for free places in vain.
        self._objects = {
            b"features": {b"target.xml": self._registers.description.xml},
            **({b"exec-file": dict.fromkeys((b"", b"1"), os.fsencode(guest))} if guest else {}),
        }
        self.is_over = False
        self.is_detached = False
        """The client has left the guest to itself."""

    def close(self) -> None:
        """The client is gone: its breakpoints go too."""
        self._points.clear()

    @property
    def has_exited(self) -> bool:
        return self._stop is not None and self._stop.reason is StopReason.EXIT

    def handle(self, payload: bytes) -> tuple[bytes, bool] | None:
        """The reply and whether it is binary; None where there is none. Only what the connection raises comes out."""
        try:
            found = self._dispatch(payload)
        except PacketError:
            return MALFORMED, False
        except EmuError as error:
            if self._has_messages:
                return b"E." + str(error).encode("ascii", "replace"), False
            return REFUSED, False
        return (found, False) if isinstance(found, bytes) else found

    def _dispatch(self, payload: bytes) -> bytes | tuple[bytes, bool] | None:
        letter, rest = payload[:1], payload[1:]
        if letter in (b"q", b"Q", b"v"):
            # Names end at the first sign; qRcmd,… and vCont;… are the ones that matter.
            name = re.match(rb"[A-Za-z]*", payload)
            assert name is not None
            named = self._NAMED.get(name[0])
            return UNKNOWN if named is None else named(self, payload[len(name[0]) :])
        single = self._LETTERS.get(letter)
        return UNKNOWN if single is None else single(self, rest)

    # Running.

    def _why(self, _: bytes) -> bytes:
        return self._reply()

    def _reply(self) -> bytes:
        return stops.reply(self._stop, self._points, self._registers, is_at_beginning=self._is_at_beginning)

    def _continue(self, rest: bytes) -> bytes:
        self._go_to(rest)
        return self._run(running.resume(self._machine, self._pace))

    def _step(self, rest: bytes) -> bytes:
        """One instruction.

        For debuggers an AArch64 watchpoint stops before the access, as the hardware's do: they make one step of their
        own before they look at what has changed. The machine stops after it, so that this one step is done already.
        """
        if self._owes_step and not rest:
            self._owes_step = self._is_at_beginning = False
            self._stop = running.stopped_here(self._machine, StopReason.LIMIT)
            return self._reply()
        self._go_to(rest)
        return self._run(running.step(self._machine, self._pace))

    def _go_to(self, address: bytes) -> None:
        if address:
            self._machine.cpu.pc = number(address)
            self._changed()

    def _continue_with_signal(self, rest: bytes) -> bytes:
        return self._continue(_behind_signal(rest))

    def _step_with_signal(self, rest: bytes) -> bytes:
        return self._step(_behind_signal(rest))

    def _run(self, plan: running.Plan) -> bytes:
        """Runs the guest until it stops or the client wants it to. An exited guest has nothing left to run."""
        if not self.has_exited:
            self._begin()
            self._stop = self._end_of(plan)
            self._owes_step = self._stop.reason is StopReason.WATCHPOINT and bool(self._points.reason(self._stop))
            self._tell_why()
        return self._reply()

    def _begin(self) -> None:
        self._points.begin()
        self._owes_step = self._is_at_beginning = False
        self._was_told = False

    def _tell_why(self) -> None:
        said = "" if self._stop is None else stops.sentence(self._stop, self._points)
        if said:
            self._client.say(said)

    # Running backward, where the machine remembers its run.

    def _backward(self, rest: bytes) -> bytes:
        """bs and bc: one instruction back, or back to the last stop; an exited guest comes back to life."""
        history = self._machine.history
        if history is None:
            return UNKNOWN
        if rest not in (b"s", b"c"):
            raise PacketError("no such way to go back")
        if self._machine.instructions == history.first:
            self._begin()
            self._stop = running.stopped_here(self._machine, StopReason.LIMIT)
            self._is_at_beginning = True
            return self._reply()
        was_told = self._was_told
        self._begin()
        if rest == b"s":
            self._stop = self._end_of(backward.step(self._machine, self._pace))
        else:
            self._stop = self._end_of(backward.resume(self._machine, self._pace, self._points, not was_told))
            self._is_at_beginning = (
                self._stop.reason is StopReason.LIMIT and self._machine.instructions == history.first
            )
            self._was_told = self._stop.reason is StopReason.WATCHPOINT
        self._tell_why()
        return self._reply()

    def _changed(self) -> None:
        """The client changed the machine: from here on its run is another one than it was."""
        history = self._machine.history
        if history is not None and history.changed():
            self._say("the guest was changed in its past: what came after this moment is forgotten")

    def _end_of(self, plan: running.Plan) -> Stop:
        try:
            with self._client.running():
                while True:
                    try:
                        next(plan)
                    except StopIteration as ended:
                        stop: Stop = ended.value
                        return stop
                    if self._client.is_interrupted():
                        return running.stopped_here(self._machine, StopReason.PAUSED)
        finally:
            plan.close()

    def _through(self, start: int, end: int) -> running.Plan:
        """Steps for as long as the program counter is within a range; one step at least."""
        cpu, count = self._machine.cpu, 0
        while True:
            stop = running.one(self._machine)
            if stop is not None:
                return stop
            if not start <= cpu.pc < end:
                return running.stopped_here(self._machine, StopReason.LIMIT)
            count += 1
            if count % _BOUND == 0:
                yield

    def _resume_by_actions(self, rest: bytes) -> bytes:
        """vCont: the first action that is meant for the only thread."""
        if rest.startswith(b"?"):
            return b"vCont;c;C;s;S;r"
        if not rest.startswith(b";"):
            raise PacketError("no actions")
        for part in rest[1:].split(b";"):
            action, _, thread = part.partition(b":")
            if thread and not _is_thread(thread):
                continue
            match action[:1]:
                case b"c" | b"C":
                    return self._continue(b"")
                case b"s" | b"S":
                    return self._step(b"")
                case b"r":
                    start, _, end = action[1:].partition(b",")
                    return self._run(self._through(number(start), number(end)))
            raise PacketError("no such action")
        raise PacketError("no action for the thread")

    # Registers and memory.

    def _read_registers(self, _: bytes) -> bytes:
        return self._registers.read_common().hex().encode()

    def _write_registers(self, rest: bytes) -> bytes:
        data = bytes_of(rest)
        try:
            self._registers.write_common(data)
        finally:
            self._changed()
        return OK

    def _read_register(self, rest: bytes) -> bytes:
        return self._registers.read(number(rest)).hex().encode()

    def _write_register(self, rest: bytes) -> bytes:
        which, _, value = rest.partition(b"=")
        self._registers.write(number(which), bytes_of(value))
        self._changed()
        return OK

    def _read_memory(self, rest: bytes) -> bytes:
        address, size = _pair(rest)
        try:
            return self._memory.read(address, min(size, MOST_READ)).hex().encode()
        except EmuError:
            return UNREADABLE

    def _write_memory(self, rest: bytes) -> bytes:
        where, colon, data = rest.partition(b":")
        return self._written(where, colon, bytes_of(data))

    def _write_memory_binary(self, rest: bytes) -> bytes:
        where, colon, data = rest.partition(b":")
        return self._written(where, colon, unescaped(data))

    def _written(self, where: bytes, colon: bytes, data: bytes) -> bytes:
        address, size = _pair(where)
        if not colon or size != len(data):
            raise PacketError("not as many bytes as announced")
        try:
            self._memory.write(address, data)
        except EmuError as error:
            self._say(f"a write of {size} bytes to {address:#x} was refused: {error}")
            return UNREADABLE
        if data:
            self._changed()
        return OK

    # Breakpoints and watchpoints.

    def _insert(self, rest: bytes) -> bytes:
        self._points.insert(*_point(rest))
        return OK

    def _remove(self, rest: bytes) -> bytes:
        self._points.remove(*_point(rest))
        return OK

    # The session.

    def _supported(self, rest: bytes) -> bytes:
        self._has_messages = b"error-message+" in rest.lstrip(b":").split(b";")
        objects = b"".join(b";qXfer:%s:read+" % name for name in self._objects)
        features = b"PacketSize=%x;QStartNoAckMode+;swbreak+;hwbreak+;vContSupported+" % PACKET_SIZE
        back = b"" if self._machine.history is None else b";ReverseStep+;ReverseContinue+"
        return features + back + objects

    def _no_acknowledgments(self, _: bytes) -> bytes:
        self._client.acknowledges = False
        return OK

    def _transfer(self, rest: bytes) -> tuple[bytes, bool] | bytes:
        """qXfer: a piece of a document."""
        _, kind, verb, annex, place, *more = [*rest.split(b":"), b"", b"", b"", b""]
        if verb != b"read" or kind not in self._objects:
            return UNKNOWN
        document = self._objects[kind].get(annex)
        offset, size = _pair(place)
        if document is None or offset > len(document) or any(more):
            raise PacketError("no such part of a document")
        piece = document[offset : offset + min(size, MOST_READ)]
        return (b"m" if offset + len(piece) < len(document) else b"l") + escaped(piece), True

    def _command(self, rest: bytes) -> bytes:
        text = bytes_of(rest.removeprefix(b",")).decode("utf-8", errors="replace")
        self._client.say(self._monitor.answer(text))
        return OK

    def _threads(self, _: bytes) -> bytes:
        return b"m%x" % stops.THREAD

    def _no_more_threads(self, _: bytes) -> bytes:
        return b"l"

    def _current_thread(self, _: bytes) -> bytes:
        return b"QC%x" % stops.THREAD

    def _thread_in_words(self, _: bytes) -> bytes:
        cpu = self._machine.cpu
        return f"EL{cpu.el} {cpu.security.label}".encode().hex().encode()

    def _is_attached(self, _: bytes) -> bytes:
        return b"1"  # so that leaving the client does not kill the guest

    def _choose_thread(self, rest: bytes) -> bytes:
        return OK if rest[:1] in (b"g", b"c") and _is_thread(rest[1:]) else REFUSED

    def _is_alive(self, rest: bytes) -> bytes:
        return OK if _is_thread(rest) else REFUSED

    def _taken_note(self, _: bytes) -> bytes:
        return OK

    def _extend(self, _: bytes) -> bytes:
        self._is_extended = True
        return OK

    def _detach(self, _: bytes) -> bytes:
        self._points.clear()
        self.is_over = self.is_detached = True
        return OK

    def _reset(self) -> None:
        self._machine.reset()
        self._stop = None
        self._begin()

    def _kill(self, _: bytes) -> None:
        """The guest starts over for the next client; there is no reply."""
        self._reset()
        self.is_over = not self._is_extended

    def _kill_process(self, _: bytes) -> bytes:
        self._kill(b"")
        return OK

    def _restart(self, _: bytes) -> None:
        self._reset()

    def _start(self, _: bytes) -> bytes:
        """vRun: the guest is the one there is, whatever program is named."""
        self._reset()
        return self._reply()

    _LETTERS: ClassVar[dict[bytes, Any]] = {
        b"?": _why, b"c": _continue, b"C": _continue_with_signal, b"s": _step, b"S": _step_with_signal,
        b"g": _read_registers, b"G": _write_registers, b"p": _read_register, b"P": _write_register,
        b"m": _read_memory, b"M": _write_memory, b"X": _write_memory_binary, b"Z": _insert, b"z": _remove,
        b"b": _backward,
        b"H": _choose_thread, b"T": _is_alive, b"!": _extend, b"D": _detach, b"k": _kill, b"R": _restart,
    }  # fmt: skip
    """Requests of one letter."""
    _NAMED: ClassVar[dict[bytes, Any]] = {
        b"qSupported": _supported, b"QStartNoAckMode": _no_acknowledgments, b"qXfer": _transfer, b"qRcmd": _command,
        b"qfThreadInfo": _threads, b"qsThreadInfo": _no_more_threads, b"qC": _current_thread,
        b"qThreadExtraInfo": _thread_in_words, b"qAttached": _is_attached, b"QPassSignals": _taken_note,
        b"vCont": _resume_by_actions, b"vKill": _kill_process, b"vRun": _start,
    }  # fmt: skip
    """Requests with a name."""


def _behind_signal(rest: bytes) -> bytes:
    """The address behind a signal, which means nothing to a guest without an operating system."""
    signal, _, address = rest.partition(b";")
    number(signal, 8)
    return address


def _pair(text: bytes) -> tuple[int, int]:
    first, comma, second = text.partition(b",")
    if not comma:
        raise PacketError("two numbers are needed")
    return number(first), number(second)


def _point(rest: bytes) -> tuple[int, int, int]:
    """(kind, address, size) of a breakpoint; conditions were not offered, and are not taken."""
    kind, comma, place = rest.partition(b",")
    if not comma:
        raise PacketError("a breakpoint needs a kind and a place")
    address, size = _pair(place)
    return number(kind), address, size


def _is_thread(text: bytes) -> bool:
    """Whether a thread-id means the only thread: itself, any, or all."""
    process, dot, thread = text.removeprefix(b"p").rpartition(b".")
    if dot and process not in (b"1", b"0", b"-1"):
        return False
    return thread == b"-1" or number(thread) in (0, stops.THREAD)
