"""Small pieces of code, each where what it does to a task decides the verdict.

A table is a module with the place `HERE` (and `THERE`), and the rows are what is put there, each
with the code that the linter has to give, and that running it has to show. So each row has a twin
that tells why it is the way it is: one task more or less, the other operator, the other order.
"""

from __future__ import annotations

import textwrap
from typing import NamedTuple

import pytest

from flake8_asyncwait.check import check
from flake8_asyncwait.replay.judge import judge

OK = "ok"

HEAD = """\
import asyncio
import itertools
from collections import deque
from contextlib import suppress

from elsewhere import use, work


def mk():
    return asyncio.create_task(work())

"""


class Table(NamedTuple):
    """A module around `HERE` and `THERE`; a row is `HERE -> THERE  # code`, or `HERE  # code`."""

    module: str
    rows: str


TABLES = {
    "what a collection holds": Table(
        """
async def f(x):
    a, b, c = mk(), mk(), mk()
    HERE
    try:
        await asyncio.wait([a, b, c], timeout=1)
    finally:
        for t in held:
            t.cancel()
""",
        """
            held = [a, b, c]  # ok
            held = [a, b]  # AWT101
            held = (a, b, c)  # ok
            held = (a, c)  # AWT101
            held = {a, b, c}  # ok
            held = {b, c}  # AWT101
            held = [*[a, b], c]  # ok
            held = [*[a, b]]  # AWT101
            held = {*(a, b), *{c}}  # ok
            held = {*(a, b), *{a}}  # AWT101
            held = (*[a, b], *(), c)  # ok
            held = [a, b] + [c]  # ok
            held = [a] + [c]  # AWT101
            held = (a, b) + (c,)  # ok
            held = (a,) + (c,)  # AWT101
            held = {a, b} | {c}  # ok
            held = {a, b} | {b}  # AWT101
            held = {a, b, c} - {x}  # ok
            held = {a, b, c} - {c}  # AWT101
            held = {a, b, c} - set()  # ok
            held = {a, b, c} & {a, b, c}  # ok
            held = {a, b, c} & {a, b}  # AWT101
            held = {a, b} & {a, b, c}  # AWT101
            held = {a, b} ^ {c}  # ok
            held = {a, b} ^ {b, c}  # AWT101
            held = {a, b, c} ^ {a, b, c}  # AWT101
            held = {a, b}.union({c})  # ok
            held = {a}.union({b}, [c])  # ok
            held = {a, b}.union({a})  # AWT101
            held = {a, b}.union()  # AWT101
            held = {a, b, c}.difference({c})  # AWT101
            held = {a, b, c}.difference([])  # ok
            held = {a, b, c}.intersection([a, b, c])  # ok
            held = {a, b, c}.intersection({a}, {b})  # AWT101
            held = {a, b}.symmetric_difference({c})  # ok
            held = {a, b}.symmetric_difference({b, c})  # AWT101
            held = {a, b, c}.copy()  # ok
            held = {a, b}.copy()  # AWT101
            held = [a, b, c].copy()  # ok
            held = [a, b].copy()  # AWT101
            held = [a, b, c][:]  # ok
            held = [a, b, c][0:]  # ok
            held = [a, b, c][1:]  # AWT101
            held = [a, b, c][:3]  # ok
            held = [a, b, c][:2]  # AWT101
            held = [a, b, c][-3:]  # ok
            held = [a, b, c][-2:]  # AWT101
            held = [a, b, c][::1]  # ok
            held = [a, b, c][::2]  # AWT101
            held = [a, b, c][::-1]  # ok
            held = (a, b, c)[:]  # ok
            held = (a, b, c)[1:]  # AWT101
            held = [[a, b, c]][0]  # ok
            held = [[a, b, c], [a]][1]  # AWT101
            held = [[a], [a, b, c]][1]  # ok
            held = [[a], [a, b, c]][-1]  # ok
            held = [[a], [a, b, c]][-2]  # AWT101
            held = {1: [a, b, c], 2: [a]}[1]  # ok
            held = {1: [a, b, c], 2: [a]}[2]  # AWT101
            held = {1: [a], 1: [a, b, c]}[1]  # ok
            held = {1: [a, b, c], 1: [a]}[1]  # AWT101
            held = [a, b, c] or [a]  # ok
            held = [a] or [a, b, c]  # AWT101
            held = [] or [a, b, c]  # ok
            held = [a] and [a, b, c]  # ok
            held = [a, b, c] and [a]  # AWT101
            held = [a, b, c] if a else [a]  # ok
            held = [a] if a else [a, b, c]  # AWT101
            held = [a] if x else [a, b, c]  # AWT101
            held = [a, b, c] if x else [c, b, a]  # ok
            held = list([a, b, c])  # ok
            held = list([a, b])  # AWT101
            held = list()  # AWT101
            held = set([a, b, c])  # ok
            held = set([a, b])  # AWT101
            held = tuple([a, b, c])  # ok
            held = tuple([a, b])  # AWT101
            held = frozenset([a, b, c])  # ok
            held = frozenset([a, b])  # AWT101
            held = sorted([a, b, c], key=id)  # ok
            held = sorted([a, b], key=id)  # AWT101
            held = reversed([a, b, c])  # ok
            held = reversed([a, b])  # AWT101
            held = iter([a, b, c])  # ok
            held = iter([a, b])  # AWT101
            held = deque([a, b, c])  # ok
            held = deque([a, b])  # AWT101
            held = filter(None, [a, b, c])  # ok
            held = filter(None, [a, b])  # AWT101
            held = filter(lambda t: True, [a, b, c])  # ok
            held = filter(lambda t: False, [a, b, c])  # AWT101
            held = filter(lambda t: t is not c, [a, b, c])  # AWT101
            held = filter(lambda t: t, [a, b, c])  # ok
            held = filter(use, [a, b, c])  # ok
            held = filter(asyncio.iscoroutine, [a, b, c])  # ok
            held = map(lambda t: t, [a, b, c])  # ok
            held = map(lambda t: t, [a, b])  # AWT101
            held = map(lambda t: a, [a, b, c])  # AWT101
            held = itertools.chain([a], [b, c])  # ok
            held = itertools.chain([a], [c])  # AWT101
            held = itertools.chain([a, b, c])  # ok
            held = itertools.chain()  # AWT101
            held = itertools.chain(*[[a], [b, c]])  # ok
            held = itertools.chain.from_iterable([[a], [b, c]])  # ok
            held = itertools.chain.from_iterable([[a], [c]])  # AWT101
            held = itertools.islice([a, b, c], 3)  # ok
            held = [t for t in (a, b, c)]  # ok
            held = [t for t in (a, b)]  # AWT101
            held = {t for t in (a, b, c)}  # ok
            held = {t for t in (a, b)}  # AWT101
            held = (t for t in (a, b, c))  # ok
            held = (t for t in (a, b))  # AWT101
            held = {t: 1 for t in (a, b, c)}  # ok
            held = {t: 1 for t in (a, b)}  # AWT101
            held = [t for t in (a, b, c) if t is not c]  # AWT101
            held = [t for t in (a, b, c) if t is not x]  # AWT101
            held = [t for t in (a, b, c) if t in {a, b, c}]  # ok
            held = [t for t in (a, b, c) if t in {a, b}]  # AWT101
            held = [t for t in (a, b, c) if not t.done()]  # ok
            held = [t for t in (a, b, c) if t.done()]  # AWT101
            held = [t for t in (a, b, c) if t and t is not a]  # AWT101
            held = [t for pair in ((a, b), (c,)) for t in pair]  # ok
            held = [t for pair in ((a, b), (a,)) for t in pair]  # AWT101
            held = [t for t, _ in ((a, 1), (b, 2), (c, 3))]  # ok
            held = [t for _, t in ((a, a), (b, b), (c, b))]  # AWT101
            held = [t for t, _ in ((a, 1), (b, 2), (b, 3))]  # AWT101
            held = [t for _, t in enumerate([a, b, c])]  # ok
            held = [t for _, t in enumerate([a, b])]  # AWT101
            held = [[a, b, c][i] for i, _ in enumerate([a, b, c])]  # ok
            held = [[a, b, c][i] for i, _ in enumerate([a, b])]  # AWT101
            held = [[a, b, c][i] for i, _ in enumerate([a, b], 1)]  # AWT101
            held = [[c, a, b, c][i] for i, _ in enumerate([a, b, c], 1)]  # ok
            held = [[c, a, b, c][i] for i, _ in enumerate([a, b, c], start=1)]  # ok
            held = [[a, b, c][i] for i, _ in enumerate([a, b, c], start=0)]  # ok
            held = [[a, b, c][i] for i in range(3)]  # ok
            held = [[a, b, c][i] for i in range(2)]  # AWT101
            held = [[a, b, c][i] for i in range(0, 3)]  # ok
            held = [[a, b, c][i] for i in range(1, 3)]  # AWT101
            held = [[a, b, c][i] for i in range(-3, 0)]  # ok
            held = [[a, b, c][i] for i in range(len([a, b, c]))]  # ok
            held = [[a, b, c][i] for i in range(len([a, b]))]  # AWT101
            held = [[a, b, c][i] for i in range(1, len([a, b, c]))]  # AWT101
            held = [t for t, _ in zip([a, b, c], [1, 2, 3])]  # ok
            held = [t for t, _ in zip([a, b, c], [a, b, c])]  # ok
            held = [t for t, _ in zip([a, b, c], [a, b])]  # AWT101
            held = [t for _, t in zip([a, b, c], [a, b, c])]  # ok
            held = [t for _, t in zip([a, b, c], [a, b, b])]  # AWT101
            held = {a: 1, b: 2, c: 3}  # ok
            held = {a: 1, b: 2}  # AWT101
            held = {a: 1, b: 2, c: 3}.keys()  # ok
            held = {a: 1, b: 2}.keys()  # AWT101
            held = {1: a, 2: b, 3: c}.values()  # ok
            held = {1: a, 2: b}.values()  # AWT101
            held = [t for _, t in {1: a, 2: b, 3: c}.items()]  # ok
            held = [t for _, t in {1: a, 2: b}.items()]  # AWT101
            held = [t for t, _ in {a: 1, b: 2, c: 3}.items()]  # ok
            held = [t for t, _ in {a: 1, b: 2}.items()]  # AWT101
            held = {**{a: 1, b: 2}, c: 3}  # ok
            held = {**{a: 1, b: 2}}  # AWT101
            held = dict(one=a, two=b, three=c).values()  # ok
            held = dict(one=a, two=b).values()  # AWT101
            held = dict({a: 1, b: 2, c: 3})  # ok
            held = dict({a: 1, b: 2})  # AWT101
            held = dict([(a, 1), (b, 2), (c, 3)])  # ok
            held = dict([(a, 1), (b, 2)])  # AWT101
            held = dict(zip([a, b, c], [1, 2, 3]))  # ok
            held = dict()  # AWT101
            held = {a, b, c} if [] else {a}  # AWT101
            held = [t for t in {a, b, c} - {a}] + [a]  # ok
            held = [(t := a), b, c]  # ok
            held = [max((a, b, c), key=id), a, b, c]  # ok
        """,
    ),
    "what a collection holds after it was changed": Table(
        """
async def f(x):
    a, b, c = mk(), mk(), mk()
    HERE
    try:
        await asyncio.wait([a, b, c], timeout=1)
    finally:
        for t in held:
            t.cancel()
""",
        """
            held = [a, b]; held.append(c)  # ok
            held = [a, b]; held.append(b)  # AWT101
            held = [a, b]; held.append(x)  # AWT101
            held = [a, b]; held.insert(0, c)  # ok
            held = [a, b]; held.insert(0, a)  # AWT101
            held = [a]; held.extend([b, c])  # ok
            held = [a]; held.extend([b])  # AWT101
            held = [a]; held.extend((t for t in (b, c)))  # ok
            held = [a]; held += [b, c]  # ok
            held = [a]; held += [b]  # AWT101
            held = [a]; held += (b, c)  # ok
            held = [a]; held = held + [b, c]  # ok
            held = [a, b, c]; held.pop()  # AWT101
            held = [a, b, c, a]; held.pop(1)  # AWT101
            held = [a, b, c, a]; held.pop(-2)  # AWT101
            held = [a, b, c, a]; held.pop(x)  # AWT101
            held = [a, b, c]; held.append(held.pop())  # ok
            held = [a, b, c]; held.append(held.pop(0))  # ok
            held = [a, b, c]; first = held.pop(0); held.append(first)  # ok
            held = [a, b, c]; first = held.pop(); held.append(b)  # AWT101
            held = [a, b, c]; held.remove(c)  # AWT101
            held = [a, b, c]; held.remove(a); held.append(a)  # ok
            held = [a, b, c]; held.clear()  # AWT101
            held = [a, b, c]; held.clear(); held.extend([a, b, c])  # ok
            held = [a, b, c]; held.reverse()  # ok
            held = [a, b, c]; held.sort(key=id)  # ok
            held = [a, b, a]; held[2] = c  # ok
            held = [a, b, a]; held[1] = c  # AWT101
            held = [a, b, c]; held[0] = a  # ok
            held = [a, b, c]; held[0] = b  # AWT101
            held = [a, b, c]; del held  ; held = [a, b, c]  # ok
            held = {a, b}; held.add(c)  # ok
            held = {a, b}; held.add(a)  # AWT101
            held = {a}; held.update([b, c])  # ok
            held = {a}; held.update({b}, {c})  # ok
            held = {a}; held.update({b})  # AWT101
            held = {a}; held |= {b, c}  # ok
            held = {a}; held |= {b}  # AWT101
            held = {a, b, c}; held -= {c}  # AWT101
            held = {a, b, c}; held -= {x}  # ok
            held = {a, b, c}; held -= set()  # ok
            held = {a, b, c}; held &= {a, b, c}  # ok
            held = {a, b, c}; held &= {a}  # AWT101
            held = {a, b}; held ^= {c}  # ok
            held = {a, b}; held ^= {b, c}  # AWT101
            held = {a, b, c}; held.pop()  # AWT101
            held = {a, b, c}; held.add(held.pop())  # ok
            held = {a, b, c}; held.remove(c)  # AWT101
            held = {a, b, c}; held.discard(c)  # AWT101
            held = {a, b, c}; held.discard(x)  # ok
            held = {a, b, c}; held.clear()  # AWT101
            held = {a, b, c}; held.difference_update({c})  # AWT101
            held = {a, b, c}; held.difference_update([])  # ok
            held = {a, b, c}; held.intersection_update({a, b, c})  # ok
            held = {a, b, c}; held.intersection_update({a, b})  # AWT101
            held = {a, b, c}; held.difference_update({b}, {c})  # AWT101
            held = {a, b}; held.symmetric_difference_update({c})  # ok
            held = deque([a, b]); held.append(c)  # ok
            held = deque([a, b]); held.appendleft(c)  # ok
            held = deque([a]); held.extendleft([b, c])  # ok
            held = deque([a, b, c, b]); held.popleft()  # AWT101
            held = deque([a, b, b, c]); held.pop()  # AWT101
            held = deque([a, b, c]); held.rotate(1)  # ok
            held = {}; held[a] = 1; held[b] = 2; held[c] = 3  # ok
            held = {}; held[a] = 1; held[b] = 2  # AWT101
            held = {a: 1, b: 2}; held[c] = 3  # ok
            held = {a: 1, b: 2, c: 3}; del held[c]  # AWT101
            held = {a: 1, b: 2, c: 3}; held.pop(c)  # AWT101
            held = {a: 1, b: 2, c: 3}; held.pop(x, None)  # ok
            held = {a: 1, b: 2, c: 3}; held.popitem()  # AWT101
            held = {a: 1, b: 2, c: 3}; t, v = held.popitem(); held[t] = v  # ok
            held = {a: 1, b: 2}; held.update({c: 3})  # ok
            held = {a: 1, b: 2}; held.update({b: 3})  # AWT101
            held = {a: 1, b: 2}; held.setdefault(c, 3)  # ok
            held = {a: 1, b: 2}; held.setdefault(b, 3)  # AWT101
            held = {a: 1, b: 2}; held |= {c: 3}  # ok
            held = {a: 1, b: 2, c: 3}; held.clear()  # AWT101
            d = {1: a, 2: b}; d[3] = c; held = d.values()  # ok
            d = {1: a, 2: b}; d[2] = c; held = d.values()  # AWT101
            d = {1: a, 2: b, 3: c}; del d[3]; held = d.values()  # AWT101
            d = {1: a, 2: b, 3: c, 4: a}; del d[4]; held = d.values()  # ok
            d = {1: a, 2: b, 3: c}; held = [d.pop(1), d.pop(2), d.pop(3)]  # ok
            d = {1: a, 2: b, 3: c}; held = [d.pop(1), d.pop(2), d.pop(2, a)]  # AWT101
            d = {1: a, 2: b, 3: c}; held = [d[1], d[2], d[3]]  # ok
            d = {1: a, 2: b, 3: c}; held = [d[1], d[2], d[1]]  # AWT101
            d = {1: a, 2: b, 3: c}; held = [d.get(1), d.get(2), d.get(3)]  # ok
            d = {1: a, 2: b, 3: c}; held = [d.get(1), d.get(2), d.get(2)]  # AWT101
            d = {1: a, 2: b}; held = [d.get(1, c), d.get(2, c)]  # AWT101
            d = {1: a, 2: b}; held = [d.setdefault(1, c), d.setdefault(2, c)]  # AWT101
            d = {1: a, 2: b}; held = [d.setdefault(1, c), b, d.setdefault(3, c)]  # ok
            d = {1: a, 2: b, 3: c}; held = [t for t in d.values()]  # ok
            d = {1: a, 2: b, 3: c}; held = [d[k] for k in d]  # ok
            d = {1: a, 2: b, 3: c}; held = [v for k, v in d.items()]  # ok
            d = {1: [a], 2: [b]}; d[1].append(c); held = d[1] + d[2]  # ok
            d = {1: [a], 2: [b]}; d[1].append(c); held = d[1]  # AWT101
            d = {}; d.setdefault(1, []).append(a); held = [a, b, c]  # ok
            d = dict([(1, a)], two=b, three=c); held = d.values()  # ok
            d = dict([(1, a)], two=b); held = d.values()  # AWT101
            d = dict({1: a}, two=b, three=c); held = d.values()  # ok
            d = {}; d.update([(1, a), (2, b), (3, c)]); held = d.values()  # ok
            d = {}; d.update([(1, a), (2, b)]); held = d.values()  # AWT101
            d = dict(one=a); d.update(two=b); held = d.values()  # AWT101
            d = {}; x.d = d; d.update({1: a}); held = [b, c]  # ok
            d = {}; d.update({1: a}); held = [b, c]  # AWT101
            d = dict(one=a); d.update(two=b, three=c); held = d.values()  # ok
            held = [a, b]; more = held; more.append(c)  # ok
            held = [a, b]; more = held.copy(); more.append(c)  # AWT101
            held = [a, b]; more = list(held); more.append(c)  # AWT101
            held = [a, b]; more = held[:]; more.append(c)  # AWT101
            held = [a, b]; more = held + []; more.append(c)  # AWT101
            held = {a, b}; more = held; more |= {c}  # ok
            held = {a, b}; more = held | {c}  # AWT101
            first, *rest = [a, b, c]; held = rest  # AWT101
            first, *rest = [a, b, c]; held = [first, *rest]  # ok
            *rest, last = [a, b, c]; held = rest  # AWT101
            *rest, last = [a, b, c]; held = [*rest, last]  # ok
            first, *rest, last = [a, b, c]; held = [first, last]  # AWT101
            first, *rest, last = [a, b, c]; held = [first, *rest, last]  # ok
            first, *rest, last = [a, c]; held = [*rest, first, b, last]  # ok
            first, second, third = [a, b, c]; held = [first, second, third]  # ok
            first, second, third = [a, b, c]; held = [first, second]  # AWT101
            first, second, third = {a, b, c}; held = [first, second, third]  # ok
            first, second, third = {a, b, c}; held = [first, second, a]  # AWT101
            (first, second), third = (a, b), c; held = [first, second, third]  # ok
            [first, second] = a, b; held = [first, second, c]  # ok
            first = second = [a]; first.append(b); second.append(c); held = first  # ok
            one, two = [a, b], [c]; held = one + two  # ok
            one, two = [a, b], [c]; held = one + one  # AWT101
            held = []; held.append(a), held.append(b), held.append(c)  # ok
        """,
    ),
    "which conditions hold where a task is pending": Table(
        """
async def f(x):
    a, b = mk(), mk()
    try:
        done, pending = await asyncio.wait({a, b}, timeout=1)
    except asyncio.CancelledError:
        a.cancel()
        b.cancel()
        raise
    if HERE:
        a.cancel()
        b.cancel()
""",
        """
            pending  # ok
            not pending  # AWT101
            done  # AWT101
            not done  # AWT101
            bool(pending)  # ok
            bool(done)  # AWT101
            not bool(pending)  # AWT101
            len(pending)  # ok
            not len(pending)  # AWT101
            len(pending) > 0  # ok
            len(pending) > 1  # AWT101
            len(pending) >= 1  # ok
            len(pending) >= 2  # AWT101
            len(pending) != 0  # ok
            len(pending) != 1  # AWT101
            len(pending) == 0  # AWT101
            len(pending) == 1  # AWT101
            len(pending) == 1 or len(pending) == 2  # ok
            0 < len(pending)  # ok
            1 < len(pending)  # AWT101
            1 <= len(pending)  # ok
            2 <= len(pending)  # AWT101
            0 < len(pending) <= 2  # ok
            0 < len(pending) < 2  # AWT101
            0 < len(pending) < 3  # ok
            0 < len(pending) != 2  # AWT101
            len(done) < 2  # ok
            len(done) < 1  # AWT101
            len(done) <= 1  # ok
            len(done) <= 0  # AWT101
            len(done) != 2  # ok
            len(done) == 0 or len(done) == 1  # ok
            2 > len(done)  # ok
            1 > len(done)  # AWT101
            1 >= len(done)  # ok
            0 >= len(done)  # AWT101
            len(done) < len([a, b])  # ok
            len(done) + 1 < 3 or True  # ok
            len(done) == len(pending) or pending  # ok
            pending == set()  # AWT101
            a in pending or b in pending  # ok
            a in pending  # AWT101
            b in pending  # AWT101
            a in pending and b in pending  # AWT101
            a in pending or b in done  # AWT101
            a not in done or b not in done  # ok
            a not in done  # AWT101
            not (a in done and b in done)  # ok
            not (a in done or b in done)  # AWT101
            not a.done() or not b.done()  # ok
            not a.done()  # AWT101
            not (a.done() and b.done())  # ok
            any(not t.done() for t in (a, b))  # ok
            any(t.done() for t in (a, b))  # AWT101
            all(t.done() for t in (a, b))  # AWT101
            not all(t.done() for t in (a, b))  # ok
            not all([t.done() for t in (a, b)])  # ok
            any([t in pending for t in (a, b)])  # ok
            all([t in pending for t in (a, b)])  # AWT101
            any(t in pending for t in {a, b})  # ok
            not all(t in done for t in {a, b})  # ok
            all(t in done for t in [])  # ok
            any(t in done for t in [])  # AWT101
            any(pending)  # ok
            all(pending)  # ok
            not any(pending)  # AWT101
            any(t for t in pending)  # ok
            any(t is a for t in pending) or any(t is b for t in pending)  # ok
            any(t is a for t in pending)  # AWT101
            any(t == a for t in pending) or any(t == b for t in pending)  # ok
            any(t != a for t in pending) or a in pending  # ok
            any(t is not a for t in pending) or a in pending  # ok
            any(t is not a for t in pending)  # AWT101
            pending and True  # ok
            pending and False  # AWT101
            pending and x  # AWT101
            pending or x  # ok
            x or pending  # ok
            x and pending  # AWT101
            pending if True else done  # ok
            pending if False else done  # AWT101
            pending if pending else done  # ok
            pending or not done  # ok
            done or pending  # ok
            (left := pending)  # ok
            (left := len(pending)) > 0  # ok
            (left := done)  # AWT101
            True  # ok
            False  # AWT101
            None  # AWT101
            1  # ok
            0  # AWT101
            ""  # AWT101
            "text"  # ok
            []  # AWT101
            ()  # AWT101
            (1,)  # ok
            {}  # AWT101
            set()  # AWT101
            x  # AWT101
            not x  # AWT101
            x is None  # AWT101
            x is None or x is not None  # ok
            a  # ok
            not a  # AWT101
            a is None  # AWT101
            a is not None  # ok
            a == None  # AWT101
            a != None  # ok
            None is not a  # ok
            None is a  # AWT101
            None is None  # ok
            None is not None  # AWT101
            a is a  # ok
            a is b  # AWT101
            a is not b  # ok
            a == b  # AWT101
            a != b  # ok
            a is pending  # AWT101
            1 < 2  # ok
            2 < 1  # AWT101
            1 <= 1  # ok
            2 <= 1  # AWT101
            2 > 1  # ok
            1 > 2  # AWT101
            1 >= 1  # ok
            1 >= 2  # AWT101
            1 == 1  # ok
            1 == 2  # AWT101
            1 != 2  # ok
            1 != 1  # AWT101
            1 < 2 < 3  # ok
            1 < 2 < 2  # AWT101
            2 < 2 < 3  # AWT101
            -1 < 0  # ok
            0 < -1  # AWT101
            "a" == "a"  # ok
            "a" == "b"  # AWT101
            "a" != "b"  # ok
            "a" != "a"  # AWT101
            True is True  # ok
            True is not True  # AWT101
            True == True  # ok
            None == None  # ok
            None != None  # AWT101
            list(pending)  # ok
            list(done)  # AWT101
            set(pending)  # ok
            tuple(pending)  # ok
            sorted(pending, key=id)  # ok
            [t for t in pending]  # ok
            [t for t in done]  # AWT101
            {t for t in pending}  # ok
            {t: t for t in pending}  # ok
            {t: t for t in done}  # AWT101
            pending | set()  # ok
            pending - done  # ok
            pending & done  # AWT101
            pending - pending  # AWT101
            pending & pending  # ok
            pending ^ pending  # AWT101
            {a, b} - done  # ok
            {a, b} - pending  # AWT101
            {a, b} & pending  # ok
            {a, b} & done  # AWT101
            {a, b} ^ done  # ok
            {a, b}.difference(done)  # ok
            {a, b}.intersection(pending)  # ok
            {a, b}.symmetric_difference(done)  # ok
            [t for t in (a, b) if not t.done()]  # ok
            [t for t in (a, b) if t.done()]  # AWT101
            [t for t in (a, b) if t in pending]  # ok
            [t for t in (a, b) if t not in pending]  # AWT101
            list(filter(lambda t: not t.done(), [a, b]))  # ok
            list(filter(lambda t: t.done(), [a, b]))  # AWT101
            [*pending]  # ok
            [*done]  # AWT101
            [*pending, *done]  # ok
            {**dict.fromkeys(pending)} or pending  # ok
            next(iter(pending), None)  # ok
            next(iter(done), None)  # AWT101
            next(iter(pending), None) is not None  # ok
            next(iter(done), None) is None  # AWT101
            next((t for t in pending), False)  # ok
            next((t for t in done), False)  # AWT101
        """,
    ),
    "which conditions hold where a task is done": Table(
        """
async def f(x):
    a, b = mk(), mk()
    try:
        done, pending = await asyncio.wait({a, b}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        a.cancel()
        b.cancel()
        raise
    if HERE:
        a.cancel()
        b.cancel()
""",
        """
            pending  # ok
            done  # ok
            not done  # AWT101
            len(done) == 1 or not pending  # ok
            len(done) >= 1  # ok
            len(done) > 0  # ok
            len(done) > 1  # AWT101
            len(pending) < 2  # ok
            len(pending) <= 1  # ok
            len(pending) < 1  # AWT101
            len(pending) == 1  # ok
            len(pending) != 1  # AWT101
            a in done or b in done  # ok
            a in done  # AWT101
            a.done() or b.done()  # ok
            a.done() and not b.done() or b.done() and not a.done()  # ok
            any(t.done() for t in (a, b))  # ok
        """,
    ),
    "what settles or hands over the one task": Table(
        """
async def f(x):
    a = mk()
    try:
        await asyncio.wait({a}, timeout=1)
    except asyncio.CancelledError:
        a.cancel()
        raise
    HERE
""",
        """
            a.cancel()  # ok
            a.done()  # AWT101
            a.cancelled()  # AWT101
            a.exception()  # AWT101
            a.result()  # AWT101
            if a.cancel(): pass  # ok
            if not a.done(): a.cancel()  # ok
            if a.done(): a.cancel()  # AWT101
            if not a.cancelled(): a.cancel()  # ok
            if a.cancelled(): a.cancel()  # AWT101
            while not a.done(): a.cancel()  # ok
            a.done() or a.cancel()  # ok
            a.done() and a.cancel()  # AWT101
            a.cancel() if not a.done() else None  # ok
            a.cancel() if a.done() else None  # AWT101
            a.set_name("a")  # AWT101
            a.add_done_callback(use)  # AWT101
            a.remove_done_callback(use)  # AWT101
            a.get_name()  # AWT101
            a.get_coro()  # AWT101
            a.get_loop()  # AWT101
            a.uncancel()  # AWT101
            a.cancelling()  # AWT101
            use(a)  # ok
            use(x=a)  # ok
            use(*[a])  # ok
            use([a])  # ok
            use({1: a})  # ok
            use(x)  # AWT101
            use(lambda: a)  # ok
            use(a.done())  # AWT101
            use(a.cancel)  # ok
            x.y = a  # ok
            x[0] = a  # ok
            x[a] = 0  # ok
            x.append(a)  # ok
            x.y.z.append(a)  # ok
            x.y = x  # AWT101
            x.y = a.done()  # AWT101
            return a  # ok
            return [a]  # ok
            return [x, (a,)]  # ok
            return {1: a}  # ok
            return a.done()  # AWT101
            return a.cancel  # ok
            return lambda: a  # ok
            return lambda a: a  # AWT101
            return len([a])  # AWT101
            raise use(a)  # ok
            raise ValueError(a)  # ok
            raise ValueError  # AWT101
            print(a)  # AWT101
            repr(a)  # AWT101
            str(a)  # AWT101
            f"{a}"  # AWT101
            id(a)  # AWT101
            bool(a)  # AWT101
            isinstance(a, asyncio.Task)  # AWT101
            list([a])  # AWT101
            set([a])  # AWT101
            tuple([a])  # AWT101
            frozenset([a])  # AWT101
            sorted([a])  # AWT101
            len([a])  # AWT101
            any([a])  # AWT101
            all([a])  # AWT101
            enumerate([a])  # AWT101
            zip([a])  # AWT101
            next(iter([a]))  # AWT101
            next(iter([a])).cancel()  # ok
            reversed([a])  # AWT101
            filter(None, [a])  # AWT101
            list(map(use, [a]))  # ok
            list(filter(use, [a]))  # ok
            deque([a])  # AWT101
            dict(one=a)  # AWT101
            {**{1: a}}  # AWT101
            itertools.chain([a])  # AWT101
            itertools.islice([a], 1)  # AWT101
            max([a], key=id).cancel()  # ok
            [a][0].cancel()  # ok
            [a][-1].cancel()  # ok
            {1: a}[1].cancel()  # ok
            {1: a}.get(1).cancel()  # ok
            {1: a}.pop(1).cancel()  # ok
            {1: a}.setdefault(1).cancel()  # ok
            (lambda: a)().cancel()  # ok
            (lambda t: t.cancel())(a)  # ok
            (lambda t: t)(a).cancel()  # ok
            (lambda t: t.done())(a)  # AWT101
            (t := a).cancel()  # ok
            (a if x else a).cancel()  # ok
            (a or x).cancel()  # ok
            (x or a).cancel()  # AWT101
            (a and a).cancel()  # ok
            asyncio.gather(a).cancel()  # ok
            asyncio.gather(a)  # AWT101
            asyncio.gather(*[a]).cancel()  # ok
            asyncio.gather(asyncio.gather(a)).cancel()  # ok
            asyncio.shield(a).cancel()  # AWT101
            asyncio.shield(a)  # AWT101
            asyncio.ensure_future(a).cancel()  # ok
            asyncio.ensure_future(a)  # AWT101
            asyncio.wait_for(a, 1)  # AWT101
            asyncio.as_completed([a])  # AWT101
            setattr(x, "y", a)  # ok
            setattr(a, "y", x)  # AWT101
            assert a.cancel()  # ok
            assert a.done()  # AWT101
            assert not a.done(), a.cancel()  # AWT101
            assert a.done(), a.cancel()  # ok
            a = None  # AWT101
            del a  # AWT101
            t = a; t.cancel()  # ok
            t = a; t = x; t.cancel()  # AWT101
            t = t2 = a; t2.cancel()  # ok
            t, t2 = a, x; t.cancel()  # ok
            t, t2 = x, a; t.cancel()  # AWT101
            with use(a): pass  # ok
            with use(x): pass  # AWT101
            with suppress(Exception): a.cancel()  # ok
            async with use(a): pass  # ok
            await use(a)  # ok
            await use(x)  # AWT101
            await a  # ok
            await asyncio.gather(a)  # ok
            await asyncio.wait_for(a, 1)  # ok
            await asyncio.shield(a)  # AWT102
            await asyncio.sleep(0)  # AWT101
            yield a  # ok
            yield [a]  # ok
            yield x  # AWT101
            global g; g = a  # ok
            for t in [a]: t.cancel()  # ok
            for t in [x]: t.cancel()  # AWT101
            for t in []: t.cancel()  # AWT101
        """,
    ),
    "what a function of the same file does with the task": Table(
        """
REGISTRY = []


def cancels(t):
    t.cancel()


def cancels_all(ts):
    for t in ts:
        t.cancel()


def cancels_rest(first, *rest):
    for t in rest:
        t.cancel()


def cancels_each(*each):
    for t in each:
        t.cancel()


def cancels_named(**named):
    for t in named.values():
        t.cancel()


def cancels_only(*, task, other=None):
    task.cancel()


def cancels_if(t, flag=True):
    if flag:
        t.cancel()


def cancels_unless(t, flag=False):
    if not flag:
        t.cancel()


def cancels_if_given(t=None):
    if t is not None:
        t.cancel()


def cancels_second(first, second):
    second.cancel()


def cancels_captured():
    def inner(t):
        t.cancel()

    return inner


def cancels_by_another(t):
    cancels(t)


def passes(t):
    return t


def passes_one(t, u):
    return u


def passes_list(*ts):
    return list(ts)


def passes_first(ts):
    return ts[0]


def passes_maybe(t, flag):
    return t if flag else None


def reads(t):
    return t.done()


def raises(t):
    raise ValueError(t.get_name())


def raises_after(t):
    t.cancel()
    raise ValueError


def raises_for(flag):
    if flag:
        raise ValueError


def keeps(t):
    REGISTRY.append(t)


def keeps_new():
    REGISTRY.append(mk())


def yields(ts):
    yield from ts


def yields_none():
    yield 1


async def acancels(t):
    t.cancel()


async def acancels_late(t):
    await work()
    t.cancel()


async def acancels_finally(t):
    try:
        await work()
    finally:
        t.cancel()


async def aawaits(t):
    await t


async def anothing(t):
    pass


class C:
    def method(self, t):
        t.cancel()

    def other(self, t):
        pass

    @staticmethod
    def static(t):
        t.cancel()

    @classmethod
    def of_class(cls, t):
        t.cancel()

    async def amethod(self, t):
        t.cancel()


    async def f(self, x):
        a = mk()
        try:
            await asyncio.wait({a}, timeout=1)
        except asyncio.CancelledError:
            a.cancel()
            raise
        HERE
""",
        """
            cancels(a)  # ok
            cancels(t=a)  # ok
            cancels(x)  # AWT101
            cancels(*[a])  # ok
            cancels(**{"t": a})  # ok
            cancels_all([a])  # ok
            cancels_all(ts=[a])  # ok
            cancels_all([x])  # AWT101
            cancels_all({a: 1})  # ok
            cancels_all({1: a}.values())  # ok
            cancels_all([])  # AWT101
            cancels_rest(x, a)  # ok
            cancels_rest(a, x)  # AWT101
            cancels_rest(x, x, a)  # ok
            cancels_rest(*[x, a])  # ok
            cancels_rest(*[a])  # AWT101
            cancels_rest(x, *[a])  # ok
            cancels_each(a)  # ok
            cancels_each(x, a)  # ok
            cancels_each(*[a])  # ok
            cancels_each(*[])  # AWT101
            cancels_named(a=a)  # ok
            cancels_named(b=x, a=a)  # ok
            cancels_named(a=x)  # AWT101
            cancels_named()  # AWT101
            cancels_named(**{"a": a})  # ok
            cancels_only(task=a)  # ok
            cancels_only(task=x, other=a)  # AWT101
            cancels_if(a)  # ok
            cancels_if(a, True)  # ok
            cancels_if(a, False)  # AWT101
            cancels_if(a, x)  # AWT101
            cancels_if(a, flag=True)  # ok
            cancels_if(a, flag=False)  # AWT101
            cancels_unless(a)  # ok
            cancels_unless(a, True)  # AWT101
            cancels_unless(a, False)  # ok
            cancels_unless(a, flag=True)  # AWT101
            cancels_if_given(a)  # ok
            cancels_if_given()  # AWT101
            cancels_if_given(None)  # AWT101
            cancels_if_given(x)  # AWT101
            cancels_second(x, a)  # ok
            cancels_second(a, x)  # AWT101
            cancels_second(first=x, second=a)  # ok
            cancels_second(second=x, first=a)  # AWT101
            cancels_second(x, second=a)  # ok
            cancels_captured()(a)  # ok
            cancels_by_another(a)  # ok
            passes(a).cancel()  # ok
            passes(a)  # AWT101
            passes_one(x, a).cancel()  # ok
            passes_one(a, x)  # AWT101
            passes_list(a)[0].cancel()  # ok
            passes_list(x, a)[1].cancel()  # ok
            passes_list(a, x)[1]  # AWT101
            passes_first([a]).cancel()  # ok
            passes_first([a, x]).cancel()  # ok
            passes_maybe(a, True).cancel()  # ok
            passes_maybe(a, x)  # AWT101
            reads(a)  # AWT101
            reads(a) or a.cancel()  # ok
            reads(a) and a.cancel()  # AWT101
            raises(a)  # AWT101
            raises_after(a)  # ok
            raises_for(x); a.cancel()  # AWT101
            raises_for(False); a.cancel()  # ok
            raises_for(None); a.cancel()  # ok
            raises_for(True); a.cancel()  # AWT101
            keeps(a)  # ok
            keeps(x)  # AWT101
            keeps([a])  # ok
            keeps_new()  # AWT101
            [t.cancel() for t in yields([a])]  # ok
            yields_none()  # AWT101
            await acancels(a)  # ok
            await acancels(x)  # AWT101
            await acancels(t=a)  # ok
            acancels(a)  # AWT101
            await acancels_late(a)  # AWT102
            await acancels_finally(a)  # ok
            await aawaits(a)  # ok
            await anothing(a)  # AWT101
            self.method(a)  # ok
            self.method(t=a)  # ok
            self.method(x)  # AWT101
            self.other(a)  # AWT101
            self.other(x)  # AWT101
            self.static(a)  # ok
            C.static(a)  # ok
            C.static(x)  # AWT101
            self.of_class(a)  # ok
            C.of_class(a)  # ok
            C.of_class(x)  # AWT101
            C.method(self, a)  # ok
            C.method(a, x)  # AWT101
            C.other(self, a)  # AWT101
            self.unknown(a)  # ok
            self.unknown(x)  # AWT101
            await self.amethod(a)  # ok
            await self.amethod(x)  # AWT101
            await asyncio.wait_for(acancels(a), 1)  # ok
            await asyncio.gather(acancels(a))  # ok
        """,
    ),
    "which handlers catch a cancellation": Table(
        """
async def f(x):
    a, b = mk(), mk()
    try:
        done, pending = await asyncio.wait({a, b}, return_when=asyncio.FIRST_COMPLETED)
    except HERE:
        a.cancel()
        b.cancel()
        raise
    a.cancel()
    b.cancel()
""",
        """
            asyncio.CancelledError  # ok
            asyncio.exceptions.CancelledError  # ok
            BaseException  # ok
            Exception  # AWT102
            ValueError  # AWT102
            KeyboardInterrupt  # AWT102
            GeneratorExit  # AWT102
            TimeoutError  # AWT102
            asyncio.TimeoutError  # AWT102
            asyncio.InvalidStateError  # AWT102
            (asyncio.CancelledError,)  # ok
            (ValueError, asyncio.CancelledError)  # ok
            (asyncio.CancelledError, ValueError)  # ok
            (ValueError, Exception)  # AWT102
            (ValueError, BaseException)  # ok
            (ValueError, (KeyError, asyncio.CancelledError))  # ok
            ()  # AWT102
            asyncio.CancelledError as error  # ok
            Exception as error  # AWT102
        """,
    ),
    "which managers swallow a cancellation": Table(
        """
async def f(x):
    a, b = mk(), mk()
    with HERE:
        await asyncio.wait({a, b}, return_when=asyncio.FIRST_COMPLETED)
    a.cancel()
    b.cancel()
""",
        """
            suppress(asyncio.CancelledError)  # ok
            suppress(BaseException)  # ok
            suppress(Exception)  # AWT102
            suppress(ValueError)  # AWT102
            suppress()  # AWT102
            suppress(ValueError, asyncio.CancelledError)  # ok
            suppress(ValueError, KeyError)  # AWT102
        """,
    ),
    "which handlers catch what is raised": Table(
        """
class Mine(Exception):
    pass


class MineToo(Mine):
    pass


class Os(OSError):
    pass


class Cancelled(asyncio.CancelledError):
    pass


async def f(x):
    a = mk()
    try:
        await asyncio.wait({a}, timeout=1)
    except asyncio.CancelledError:
        a.cancel()
        raise
    try:
        raise HERE
    except THERE:
        a.cancel()
""",
        """
            ValueError -> ValueError  # ok
            ValueError -> Exception  # ok
            ValueError -> BaseException  # ok
            ValueError -> KeyError  # AWT101
            ValueError -> asyncio.CancelledError  # AWT101
            ValueError -> (KeyError, ValueError)  # ok
            ValueError -> (KeyError, TypeError)  # AWT101
            ValueError() -> ValueError  # ok
            ValueError("text") -> ValueError  # ok
            ValueError("text") -> OSError  # AWT101
            ValueError from None -> ValueError  # ok
            UnicodeError -> ValueError  # ok
            KeyError -> LookupError  # ok
            IndexError -> LookupError  # ok
            LookupError -> KeyError  # AWT101
            ConnectionResetError -> OSError  # ok
            ConnectionResetError -> ConnectionError  # ok
            OSError -> ConnectionError  # AWT101
            IOError -> OSError  # ok
            OSError -> IOError  # ok
            OSError -> EnvironmentError  # ok
            EnvironmentError -> IOError  # ok
            IOError -> ValueError  # AWT101
            asyncio.TimeoutError -> TimeoutError  # ok
            TimeoutError -> asyncio.TimeoutError  # ok
            TimeoutError -> OSError  # ok
            asyncio.CancelledError -> asyncio.CancelledError  # ok
            asyncio.CancelledError -> Exception  # AWT101
            asyncio.CancelledError -> BaseException  # ok
            KeyboardInterrupt -> Exception  # AWT101
            KeyboardInterrupt -> BaseException  # ok
            SystemExit -> Exception  # AWT101
            GeneratorExit -> Exception  # AWT101
            StopAsyncIteration -> Exception  # ok
            Mine -> Mine  # ok
            Mine -> Exception  # ok
            Mine -> ValueError  # AWT101
            Mine -> MineToo  # AWT101
            MineToo -> Mine  # ok
            MineToo() -> Mine  # ok
            MineToo -> Exception  # ok
            MineToo -> KeyError  # AWT101
            Os -> OSError  # ok
            Os -> Exception  # ok
            Os -> ValueError  # AWT101
            Cancelled -> asyncio.CancelledError  # ok
            Cancelled -> Exception  # AWT101
            Cancelled -> BaseException  # ok
            Exception -> ValueError  # AWT101
            Exception -> Exception  # ok
            BaseException -> Exception  # AWT101
            x -> Exception  # ok
            x -> BaseException  # ok
        """,
    ),
    "which faults strike at an await": Table(
        """
async def f(x):
    a = mk()
    try:
        await asyncio.wait({a}, timeout=1)
        await HERE
    except THERE:
        a.cancel()
        raise
    a.cancel()
""",
        """
            x -> asyncio.CancelledError  # AWT102
            x -> Exception  # AWT102
            x -> BaseException  # ok
            x -> (asyncio.CancelledError, Exception)  # ok
            x -> (asyncio.CancelledError, ValueError)  # AWT102
            x.y -> BaseException  # ok
            x() -> Exception  # AWT102
            asyncio.sleep(1) -> asyncio.CancelledError  # AWT102
            asyncio.sleep(1) -> BaseException  # ok
            asyncio.gather(x, return_exceptions=True) -> asyncio.CancelledError  # ok
            asyncio.gather(x, return_exceptions=True) -> Exception  # AWT102
            asyncio.gather(x, return_exceptions=False) -> asyncio.CancelledError  # AWT102
            asyncio.gather(x) -> asyncio.CancelledError  # AWT102
            asyncio.gather(x, x) -> BaseException  # ok
            asyncio.shield(x) -> asyncio.CancelledError  # AWT102
            asyncio.wait_for(x, 1) -> asyncio.CancelledError  # AWT102
            asyncio.wait_for(x, 1) -> BaseException  # ok
            asyncio.wait_for(x, None) -> BaseException  # ok
        """,
    ),
}

ROWS = [
    (name, *(part.strip() for part in row.rsplit("#", 1)))
    for name, table in TABLES.items()
    for row in textwrap.dedent(table.rows).strip().splitlines()
]


@pytest.mark.parametrize(("name", "row", "code"), ROWS, ids=[": ".join(row[:2]) for row in ROWS])
def test_row(name: str, row: str, code: str) -> None:
    here, _, there = row.partition(" -> ")
    text = HEAD + TABLES[name].module.replace("THERE", there).replace("HERE", here)
    ruling = judge(text)
    assert not ruling.cut
    assert (ruling.code or OK) == code
    checked = check(text)
    assert not checked.undetermined
    assert ([finding.code for finding in checked.findings] or [OK]) == [code]


def test_no_row_is_said_twice() -> None:
    assert len({row[:2] for row in ROWS}) == len(ROWS)
