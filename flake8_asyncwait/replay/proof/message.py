"""What the process that proves a finding says of it: lines of JSON, on the one pipe that it has.

The first line holds the word, the reason and the number of events, and each other one an event: its
line and its text. Some of the events are what was chosen (`assumed: ...`). Who reads a message does
not know who wrote it, as the code that was proved may have got out of its fence. So it is read line
by line, so much and no more, and nothing but what a proof of this finding can say is taken for one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from flake8_asyncwait.replay.family import SHOWN as FAMILY
from flake8_asyncwait.replay.proof.live import FINDS, FOLLOWS, REFUSED, STARTS, STILL_RUNNING
from flake8_asyncwait.replay.proof.proof import (
    BROKEN,
    GAVE_UP,
    NOT_LIFTED,
    NOT_REPRODUCED,
    PROVED,
    Proof,
)
from flake8_asyncwait.replay.proof.timeline import Event

MOST = 1 << 20  # bytes of a message
LINES = 5_000  # of a message
LONGEST = 2_000  # characters of a text
WIDEST = 12 * LONGEST + 100  # bytes of a line: a character may take two escapes
WORDS = (PROVED, NOT_REPRODUCED, NOT_LIFTED, GAVE_UP, BROKEN)


def packed(proof: Proof) -> bytes:
    """Return the message that says what a proof says, in short where that is too much."""
    events = [(event.line, event.text[:LONGEST]) for event in proof.events]
    head = (proof.word, proof.reason[:LONGEST], len(events))
    lines = [json.dumps(line).encode("ascii") + b"\n" for line in (head, *events)]
    message = b"".join(lines)
    if len(lines) > LINES or len(message) > MOST:
        return packed(Proof(GAVE_UP, "too much happens to tell it"))
    return message


def unpacked(message: bytes, code: str, lines: int) -> Proof:
    """Return the proof that a message tells, of a finding's code in a file of so many lines.

    Raises ValueError, TypeError and RecursionError for what no proof says.
    """
    if len(message) > MOST:
        raise ValueError("too long")
    told = _read(message)
    word, reason, count = next(told)
    if not _is_text(reason) or word not in WORDS:
        raise ValueError("no verdict")
    events = tuple(_event(line, text, lines) for line, text in told)
    if type(count) is not int or count != len(events):
        raise ValueError("not whole")
    if word == PROVED and (reason or not _shows(code, events)):
        raise ValueError("no proof of this code")
    return Proof(word, reason, events)


def _read(message: bytes) -> Iterator[Any]:
    """Yield what the lines of a message hold."""
    *told, rest = message.split(b"\n", LINES)
    if rest or not told:
        raise ValueError("not whole, or too many lines")
    for line in told:
        if len(line) > WIDEST:
            raise ValueError("too wide")
        yield json.loads(line.decode("ascii"))


def _event(line: object, text: Any, lines: int) -> Event:
    if type(line) is not int or not 0 <= line <= lines or not _is_text(text):
        raise ValueError("no event")
    return Event(line, text)


def _is_text(text: object) -> bool:
    return type(text) is str and len(text) <= LONGEST


def _shows(code: str, events: Sequence[Event]) -> bool:
    """Say whether what happened shows what a finding says, by the events that make it up."""
    texts = [event.text for event in events]
    begins = tuple(FOLLOWS.values()) if code in FAMILY else STARTS
    if not any(text.startswith(begins) for text in texts):
        return False
    if code == "AWT203":
        return any(text.startswith(REFUSED) for text in texts)
    return texts[-1].startswith(f"{FINDS.get(code, STILL_RUNNING)}: ")
