"""`NamedTuple`, for modules that every run imports.

It is that of `typing`, whose import takes an eighth of the time in which a run over an empty tree
starts and ends, and which compiles the annotations that it is given. These are not looked at here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    from collections import namedtuple

    class _Maker(type):
        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.pop("__annotations__")
            defaults = [body.pop(field) for field in fields if field in body]
            module = body["__module__"]
            made = namedtuple(name, fields, defaults=defaults, module=module)  # noqa: PYI024
            for key, value in body.items():
                setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Maker):
        """A class whose annotated names are the items of a tuple."""
