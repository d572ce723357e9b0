"""What a check found in a file, as the cache keeps it."""

from __future__ import annotations

from flake8_asyncwait.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flake8_asyncwait.report.entry import Identity
    from flake8_asyncwait.verdict.checked import Checked


class Result(NamedTuple):
    """What the check says of a file, and the identities of its findings."""

    checked: Checked
    identities: tuple[Identity, ...] = ()
