"""How states name what they hold: the keys of their `env`, as text.

`name` and `a.dotted.path` are the function's own, `:name` is one of a helper's frame, and `$...` is
what no name of the source holds. Only this file takes a key apart.
"""

from __future__ import annotations

# What is known of something unknown: whether it holds anything, where it is looped over again, that
# it holds one thing at most, and what a test has found out (`Tested`), where it is tested again.
FILLED = "$some:"
SINGLE = "$single:"
TESTED = "$tested:"
# What a faulty execution has lost while a result was not bound yet, or a `with` was not left.
LOST = "$lost"
# Behind the prefix of a frame: what it returns, what an expression around its call holds, that the
# one `yield` of a manager is over, what is left of a loop's items, what an exit stack cancels.
RETURNED = "$return"
HELD = "$held"
YIELDED = "$yielded"
ITERATOR = "$iter"
STACK = "$stack:"
# Before the kind of a completion: the body of a `with` ends so, once its manager has left.
LEFT = "$left."
# The value that goes with a state, where states that are the same are merged.
VALUE = "$value"


def handed_over(key: str) -> str:
    """The key that says that whatever another one will hold can be reached by somebody else."""
    return f"${key}"


def is_attribute(key: str) -> bool:
    """Whether a key is that of an attribute, which others may bind anew while time passes."""
    return "." in key and "$" not in key


def tested_by(key: str) -> str:
    """The name or path that tests have found something out about; "" for another key."""
    return key.removeprefix(TESTED) if key.startswith(TESTED) else ""


def local_of(key: str) -> str:
    """The local of the function without which a key tells nothing; "" for another key."""
    if key.startswith((FILLED, SINGLE, TESTED)):
        return key.partition(":")[2].partition(".")[0]
    return key if key.isidentifier() else ""


def is_in_frame(key: str, prefix: str) -> bool:
    """Whether a key belongs to the frame with a prefix, or to one that it has called."""
    return key.lstrip("$").startswith(prefix)
