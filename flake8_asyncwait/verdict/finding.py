"""What the linter says of one wait site: the value that every door and every report is given."""

from __future__ import annotations

from flake8_asyncwait.named import NamedTuple


class Step(NamedTuple):
    """One step of a witness: what happens at one place of a leaking execution.

    `line` counts from 1. `what` is a short sentence without a full stop, such as
    "cancelled here: 'reader' is still running"; it names the function where that is a helper of the
    one that waits. `choice` is what a replay has to choose at this step so that the execution goes
    this way ("" where there is no choice). `path` is that of another module of the project,
    "" where the step is one in the file of the finding.
    """

    line: int
    what: str
    choice: str = ""
    path: str = ""


class Finding(NamedTuple):
    """One finding: it stands on the `asyncio.wait` call.

    `line` counts from 1, `column` from 0, in characters (not bytes), and so do `end_line` and
    `end_column`, the place just behind the call. `message` is one line without the code and
    without a trailing full stop. `hint` is another such line, for reports that have room for it: ""
    where there is no more to say. `elsewhere` are the paths of the other modules of the project
    that were looked into.
    """

    line: int
    column: int
    code: str
    message: str
    witness: tuple[Step, ...] = ()
    end_line: int = 0
    end_column: int = 0
    hint: str = ""
    elsewhere: tuple[str, ...] = ()
