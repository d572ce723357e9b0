"""`# noqa` means what it means to flake8."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from argparse import Namespace

import pytest
from flake8.processor import FileProcessor
from flake8.violation import Violation
from hypothesis import assume, given
from hypothesis import strategies as st

from flake8_asyncwait.source.suppress import Noqa, is_file_suppressed, with_noqa

FRAGMENTS = st.sampled_from(
    [
        "# noqa",
        "# NoQA",
        "# noqa:",
        "# noqa: AWT102",
        "# noqa:AWT102,E501",
        "# noqa: E501 AWT101",
        "# noqa : AWT102",
        "# noqa: awt102",
        "# noqa: AWT1",
        "# noqa: AWT",
        "# noqa: E501",
        "#noqa",
        "# type: ignore # noqa",
        "# flake8: noqa",
        "# flake8: noqa: AWT102",
        "# FLAKE8=NOQA",
        "x",
        "f(",
        ")",
        "'''",
        "'",
        ",",
        "\\\n",
        "\n",
        "\n    ",
        " ",
        "\f",
        "\x1c",
        "if x:",
    ]
)


OPTIONS = Namespace(
    disable_noqa=False,
    hang_closing=False,
    indent_size=4,
    max_doc_length=None,
    max_line_length=79,
    verbose=0,
)


def processor(text: str) -> FileProcessor:
    return FileProcessor("a.py", OPTIONS, io.StringIO(text).readlines())


def flake8_covers(text: str, line: int, code: str) -> bool:
    tied = processor(text).noqa_line_for(line)
    if tied is None:  # flake8 could not make tokens, and reads the line from the file
        tied = io.StringIO(text).readlines()[line - 1]
    return bool(Violation(code, "a.py", line, 1, "", tied).is_inline_ignored(False))


def last_line_ends(text: str) -> bool:
    """Whether the last token is the end of a line, as in all that parses. Of the others flake8 6
    says something else than flake8 7."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return True
    kinds = [one.type for one in tokens if one.type not in (tokenize.DEDENT, tokenize.ENDMARKER)]
    return not kinds or kinds[-1] in (tokenize.NL, tokenize.NEWLINE)


class TestLines:
    @pytest.mark.parametrize(
        ("comment", "covered"),
        [
            ("# noqa", True),
            ("# NOQA", True),
            ("# why not # noqa", True),
            ("# noqa: AWT102", True),
            ("# noqa:E501,AWT102", True),
            ("# noqa: E501 AWT102", True),
            ("# noqa: AWT1", True),
            ("# noqa: because", True),  # no code: all codes
            ("# noqa: awt102", False),
            ("# noqa: E501", False),
            ("# noqa: AWT103", False),
            ("#noqa", False),
            ("# noquarter", False),
        ],
    )
    def test_comments(self, comment: str, covered: bool) -> None:
        text = f"x = 1\ny = 2  {comment}\nz = 3\n"
        noqa = Noqa(text)
        assert noqa.covers(2, "AWT102") is covered
        assert flake8_covers(text, 2, "AWT102") is covered
        assert not noqa.covers(1, "AWT102")
        assert not noqa.covers(3, "AWT102")

    @pytest.mark.parametrize(
        ("text", "covered"),
        [
            ("f(\n    x,  # noqa\n)\n", [2]),  # brackets tie no lines
            ("f('''\n\n''')  # noqa\n", [1, 2, 3]),
            ("x = 1 + \\\n    2  # noqa\n", [1, 2]),
            ("f('''\n''',\n  x)  # noqa\n", [3]),
            ("x = '''# noqa\n'''\n", [1, 2]),
            ("x = f'''\n{y}\n'''  # noqa\n", [1, 2, 3]),
            ("x = (\n'''# noqa\n", [2]),  # no tokens: physical lines
            ("if x:\n    y\nz  # noqa", [3]),
            ("x()  # noqa: E501\nAWT101 = 1\n", []),  # what stands on the next line is no code
            ("x()  # noqa:\nE501 = 1\n", [1]),
            ("x = '''# noqa: E501\nAWT101'''\n", [1, 2]),
        ],
    )
    def test_strings_and_backslashes_tie_lines_together(
        self, text: str, covered: list[int]
    ) -> None:
        lines = range(1, text.rstrip("\n").count("\n") + 2)
        noqa = Noqa(text)
        assert [n for n in lines if noqa.covers(n, "AWT101")] == covered
        assert [n for n in lines if flake8_covers(text, n, "AWT101")] == covered

    @given(st.lists(FRAGMENTS, max_size=12).map("".join))
    def test_every_line_as_flake8_has_it(self, text: str) -> None:
        assume(last_line_ends(text))
        noqa = Noqa(text)
        for line, _ in enumerate(io.StringIO(text), 1):
            for code in ("AWT101", "AWT102", "AWT201"):
                assert noqa.covers(line, code) == flake8_covers(text, line, code)


# Each with the lines that a comment can suppress something on, from Python 3.12 on.
FORMATTED = [
    ('f(x, f"""{\nx=}""")\n', [2]),
    ('f(x, f"""{\nx}""")\n', [2]),
    ('f(x, f"""{x:{\nx}}""", y)\n', [2]),
    ('f(x, f"""{f\'{f(\nx)}\'\n=}""", y)\n', [3]),
    ('f(x, f"""{ # why\nx=}""", y)\n', [2]),
    ('f(x, f"""\n{x}""", y)\n', [1, 2]),
    ('f(x, f\'{x}\', f"""{x}""",\n  y)\n', [1, 2]),
]
TEMPLATES = [(text.replace('f"', 't"'), lines) for text, lines in FORMATTED]
OF_VERSION = {12: FORMATTED, 14: TEMPLATES}
GIVEN = [(version, *each) for version, several in OF_VERSION.items() for each in several]


class TestNewComments:
    @pytest.mark.parametrize(("version", "text", "lines"), GIVEN)
    def test_none_gets_into_a_string(self, version: int, text: str, lines: list[int]) -> None:
        """The text between the braces is part of what `{x=}` and a template come to."""
        if sys.version_info < (3, version):
            pytest.skip(f"syntax of Python 3.{version}")
        for line in range(1, text.count("\n") + 1):
            after = with_noqa(text, {line: ["AWT101"]})
            assert ast.dump(ast.parse(after)) == ast.dump(ast.parse(text))
            assert Noqa(after).covers(line, "AWT101") is (line in lines)
            assert (after == text) is (line not in lines)


class TestFiles:
    @pytest.mark.parametrize(
        ("text", "suppressed"),
        [
            ("# flake8: noqa\n", True),
            ("x = 1\n  # Flake8=NoQA\n", True),
            ("# flake8: noqa: AWT102\n", True),
            ("x = 1  # flake8: noqa\n", False),
            ("# noqa\n", False),
            ("# flake8:\nnoqa\n", False),
        ],
    )
    def test_comments(self, text: str, suppressed: bool) -> None:
        assert is_file_suppressed(text) is suppressed

    @given(st.lists(FRAGMENTS, max_size=12).map("".join))
    def test_every_file_as_flake8_has_it(self, text: str) -> None:
        assert is_file_suppressed(text) == processor(text).should_ignore_file()
