"""`asyncwait server`: what an editor is told, and what it can do about it."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import samples
from command import Asyncwait
from editor import Editor, EditorError, Message, at, between

pytest.importorskip("pygls", reason="needs the extra `server`")

from lsprotocol import types

from flake8_asyncwait.commands.parser import parse
from flake8_asyncwait.server import serve
from flake8_asyncwait.server.document import Document, Text
from flake8_asyncwait.server.work import Buffer
from flake8_asyncwait.server.workers import Workers, WorkError
from flake8_asyncwait.verdict.finding import Finding, Step

UTF8, UTF16, UTF32 = types.PositionEncodingKind
CAN: Message = {
    "textDocument": {
        "publishDiagnostics": {"relatedInformation": True, "tagSupport": {"valueSet": [1, 2]}},
        "codeAction": {
            "dataSupport": True,
            "disabledSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        },
        "hover": {"contentFormat": ["markdown", "plaintext"]},
    },
    "workspace": {
        "workspaceEdit": {"documentChanges": True, "resourceOperations": ["create"]},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
        "diagnostics": {"refreshSupport": True},
    },
    "window": {"showDocument": {"support": True}},
}


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """An editor that all tests share: each has a folder of its own."""
    editor = Editor(tmp_path_factory.mktemp("editor"), "flake8_asyncwait", "server")
    try:
        editor.start(tmp_path_factory.getbasetemp(), **CAN)
        yield editor
        assert editor.leave() == 0
        assert editor.log.read_text() == ""
    finally:
        editor.kill()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def opened(editor: Editor, path: Path, text: str) -> tuple[str, list[Message]]:
    """Open a file that holds a text; its URI, and what is told of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    editor.open(path.as_uri(), text)
    return path.as_uri(), editor.diagnostics(path.as_uri())


def codes(diagnostics: list[Message]) -> list[str]:
    return [each["code"] for each in diagnostics]


def actions(editor: Editor, uri: str, where: Message, *only: str) -> dict[str, Message]:
    """The code actions in a range, by their titles."""
    context: Message = {"diagnostics": []} | ({"only": list(only)} if only else {})
    found = editor.ask(
        "textDocument/codeAction", textDocument={"uri": uri}, range=where, context=context
    )
    return {each["title"]: each for each in found}


def resolved(editor: Editor, action: Message) -> list[Message]:
    """The document changes of an action."""
    edit: Message = editor.ask("codeAction/resolve", **action)["edit"]
    changes: list[Message] = edit["documentChanges"]
    return changes


def edited(text: str, edits: list[Message], codec: str = "utf-16-le", width: int = 2) -> str:
    """A text with the edits of the protocol, the last first."""
    starts = [0]
    for line in text.replace("\r\n", "\0\n").replace("\r", "\n").split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    def offset(position: Message) -> int:
        start = starts[min(position["line"], len(starts) - 1)]
        units = text[start:].encode(codec)[: position["character"] * width]
        return min(start + len(units.decode(codec)), len(text))

    for edit in sorted(edits, key=lambda each: offset(each["range"]["start"]), reverse=True):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text


# Diagnostics


def test_findings_come_and_go_as_one_types(editor: Editor, project: Path) -> None:
    uri, found = opened(editor, project / "first.py", samples.FORGOTTEN)
    assert [(each["range"], each["code"], each["source"], each["severity"]) for each in found] == [
        (between((6, 20), (6, 77)), "AWT101", "asyncwait", 2)
    ]
    assert found[0]["message"].startswith("asyncio.wait() may leave 'a' running")
    editor.type(uri, 2, samples.CURED)
    assert editor.diagnostics(uri, 2) == []
    editor.type(uri, 3, samples.FORGOTTEN, samples.NO_FINALLY)
    assert codes(editor.diagnostics(uri, 3)) == ["AWT102"]
    insertion = {"range": between((0, 0), (0, 0)), "text": "\n\n"}
    editor.type(uri, 4, insertion)
    assert editor.diagnostics(uri, 4)[0]["range"]["start"] == at(8, 26)
    editor.tell("textDocument/didSave", textDocument={"uri": uri})
    assert codes(editor.diagnostics(uri, 4)) == ["AWT102"]
    editor.close(uri)
    assert editor.diagnostics(uri) == []


def test_a_finding_links_to_its_page_and_shows_its_steps(editor: Editor, project: Path) -> None:
    uri, (found,) = opened(editor, project / "first.py", samples.NO_FINALLY)
    page = Path(found["codeDescription"]["href"].removeprefix("file://"))
    assert page.read_text("utf-8").startswith("# AWT102 cleanup-skipped\n")
    steps = [(each["location"], each["message"]) for each in found["relatedInformation"]]
    here = {"uri": uri, "range": between((6, 4), (6, 83))}
    assert steps[:2] == [(here, "the wait starts"), (here, "cancelled here")]
    assert "tags" not in found


def test_what_newer_pythons_refuse_is_marked_as_deprecated(editor: Editor, project: Path) -> None:
    text = "import asyncio\n\n\nasync def f():\n    await asyncio.wait([asyncio.sleep(1)])\n"
    _, (found,) = opened(editor, project / "first.py", text)
    assert (found["code"], found["tags"]) == ("AWT203", [2])


def test_comments_and_settings_count_as_the_editor_shows_them(
    editor: Editor, project: Path
) -> None:
    settings = project / "pyproject.toml"
    uri, found = opened(editor, project / "first.py", samples.FORGOTTEN)
    assert codes(found) == ["AWT101"]
    editor.open(settings.as_uri(), '[tool.asyncwait]\nignore = ["AWT101"]\n', language="toml")
    assert editor.diagnostics(uri) == []
    editor.type(settings.as_uri(), 2, "[tool.asyncwait]\nignor = []\n")
    told = editor.told("window/showMessage")
    assert told["message"].endswith("unknown key 'ignor'; did you mean 'ignore'?")
    editor.close(settings.as_uri())
    while not editor.diagnostics(uri):  # what was told before, once more
        pass
    editor.type(uri, 2, samples.FORGOTTEN.replace("COMPLETED)", "COMPLETED)  # noqa: AWT101"))
    assert editor.diagnostics(uri, 2) == []


def test_other_modules_count_as_the_editor_shows_them(editor: Editor, project: Path) -> None:
    tasks = project / "app" / "tasks.py"
    (project / "app").mkdir()
    (project / "app" / "__init__.py").touch()
    text = (
        "import asyncio\nfrom app.tasks import spawn\n\n\n"
        "async def main(work):\n    await asyncio.wait([spawn(work)], timeout=1)\n"
    )
    makes = "import asyncio\n\n\ndef spawn(work):\n    return asyncio.create_task(work())\n"
    uri, found = opened(editor, project / "app" / "main.py", text)
    assert found == []
    editor.open(tasks.as_uri(), makes)  # there is no such file on the disk
    assert codes(editor.diagnostics(uri)) == ["AWT101"]
    editor.type(tasks.as_uri(), 2, makes.replace("return", "run = "))
    assert editor.diagnostics(uri) == []
    tasks.write_text(makes)
    editor.close(tasks.as_uri())
    assert codes(editor.diagnostics(uri)) == ["AWT101"]


def test_a_text_that_is_not_finished_keeps_its_findings_where_they_are_now(
    editor: Editor, project: Path
) -> None:
    uri, (found,) = opened(editor, project / "first.py", samples.NO_FINALLY)
    editor.type(uri, 2, {"range": between((2, 0), (2, 0)), "text": "def half(:\n\n"})
    (shifted,) = editor.diagnostics(uri, 2)
    assert shifted["range"] == between((8, 26), (8, 83))
    assert [each["location"]["range"]["start"] for each in shifted["relatedInformation"]][0] == at(
        8, 4
    )
    assert shifted["message"] == found["message"]
    editor.type(uri, 3, {"range": between((2, 0), (4, 0)), "text": ""})
    assert editor.diagnostics(uri, 3) == [found]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("build/first.py", ""),
        (".venv/lib/site-packages/pkg/first.py", ""),
        ("made/first.py", "[tool.asyncwait]\nextend-exclude = ['made']\n"),
    ],
)
def test_what_a_check_of_the_project_leaves_out_has_no_findings(
    editor: Editor, project: Path, name: str, content: str
) -> None:
    (project / "pyproject.toml").write_text(content)
    assert opened(editor, project / name, samples.FORGOTTEN)[1] == []


def test_a_document_without_a_file_looks_into_itself(editor: Editor) -> None:
    uri = "untitled:Untitled-1"
    editor.open(uri, samples.NO_FINALLY)
    (found,) = editor.diagnostics(uri)
    offered = actions(editor, uri, found["range"])
    assert next(iter(offered)) == "Cancel the tasks in a finally (AWT102)"
    editor.close(uri)


def test_cells_of_notebooks_and_other_languages_are_let_alone(
    editor: Editor, project: Path
) -> None:
    cell = "vscode-notebook-cell:/notebook.ipynb#W0sZmlsZQ"
    editor.open(cell, samples.FORGOTTEN)
    editor.type(cell, 2, "%matplotlib")
    assert editor.ask("textDocument/diagnostic", textDocument={"uri": "file:///no"})["items"] == []
    assert actions(editor, cell, between((0, 0), (9, 0))) == {}
    editor.close(cell)


# Pull diagnostics: these stop the others, so they have an editor of their own


def test_an_editor_that_asks_is_not_told_unasked(tmp_path: Path) -> None:
    editor = Editor(tmp_path, "flake8_asyncwait", "server")
    try:
        (tmp_path / "clean.py").write_text(samples.CURED)
        (tmp_path / "other.py").write_text("\ufeff" + samples.FORGOTTEN)
        other = (tmp_path / "other.py").as_uri()
        editor.start(tmp_path, general={"positionEncodings": ["utf-8"]}, **CAN)
        assert editor.capabilities["positionEncoding"] == "utf-8"
        uri, found = opened(editor, tmp_path / "first.py", samples.NO_FINALLY)
        report = editor.ask("textDocument/diagnostic", textDocument={"uri": uri})
        assert (report["kind"], report["items"]) == ("full", found)
        assert editor.diagnostics(uri) == []  # what it was told is taken back
        same = editor.ask(
            "textDocument/diagnostic",
            textDocument={"uri": uri},
            previousResultId=report["resultId"],
        )
        assert same == {"kind": "unchanged", "resultId": report["resultId"]}

        items = editor.ask("workspace/diagnostic", previousResultIds=[])["items"]
        assert {each["uri"]: codes(each["items"]) for each in items} == {
            uri: ["AWT102"],
            other: ["AWT101"],
        }
        known = [{"uri": each["uri"], "value": each["resultId"]} for each in items]
        editor.type(uri, 2, samples.CURED)
        os.unlink(tmp_path / "other.py")
        items = editor.ask("workspace/diagnostic", previousResultIds=known)["items"]
        assert {each["uri"]: each["items"] for each in items} == {uri: [], other: []}
        known = [{"uri": other, "value": items[0]["resultId"]}]
        items = editor.ask("workspace/diagnostic", previousResultIds=known)["items"]
        assert [(each["uri"], each["kind"]) for each in items] == [(other, "unchanged")]
        assert editor.leave() == 0
    finally:
        editor.kill()


# Code actions


def test_the_cures_that_are_harmless_and_the_one_that_fix_takes(
    editor: Editor, project: Path
) -> None:
    (project / "pkg").mkdir()
    (project / "pkg" / "__init__.py").touch()
    path = project / "pkg" / "first.py"
    text = samples.NO_FINALLY.replace(", return_exceptions=True", "").replace(
        "    await asyncio.gather(*pending)\n", ""
    )
    uri, (found,) = opened(editor, path, text)
    offered = actions(editor, uri, found["range"])
    assert [(title, each.get("isPreferred", False)) for title, each in offered.items()] == [
        ("Wait with wait_any() (AWT102)", True),
        ("Cancel the tasks in a finally (AWT102)", False),
        ("Cancel the tasks in an except (AWT102)", False),
        ("Silence AWT102 on this line (# noqa: AWT102)", False),
        ("Explain AWT102", False),
        ("Prove AWT102: run it, and show what happens", False),
        ("Cure all leaks in this file", False),
    ]
    assert not any("edit" in each for each in offered.values())
    created, filled, change = resolved(editor, offered["Wait with wait_any() (AWT102)"])
    helper = project / "pkg" / "_wait_any.py"
    assert created == {
        "kind": "create",
        "uri": helper.as_uri(),
        "options": {"overwrite": False},
    }
    assert change["textDocument"] == {"uri": uri, "version": 1}
    after = edited(text, change["edits"])
    subprocess.run([sys.executable, "-m", "flake8_asyncwait", "fix", str(path)], check=True)
    assert (after, filled["edits"][0]["newText"]) == (path.read_text(), helper.read_text())


def test_the_cure_of_all_is_what_fix_writes(editor: Editor, project: Path) -> None:
    path = project / "first.py"
    text = samples.NO_FINALLY + samples.FORGOTTEN.replace("import asyncio\n", "")
    uri, found = opened(editor, path, text)
    assert codes(found) == ["AWT102", "AWT101"]
    offered = actions(editor, uri, between((0, 0), (0, 0)), "source.fixAll")
    assert list(offered) == ["Cure all leaks in this file"]
    (change,) = resolved(editor, offered["Cure all leaks in this file"])
    subprocess.run([sys.executable, "-m", "flake8_asyncwait", "fix", str(path)], check=True)
    assert edited(text, change["edits"]) == path.read_text()
    assert actions(editor, uri, found[0]["range"], "refactor") == {}


@pytest.mark.parametrize(
    "before",
    [
        "\ufeff# 😀\r\n" + samples.NO_FINALLY.replace("\n", "\r\n"),
        samples.NO_FINALLY.replace("    ", "\t").replace("return done", "return '😀', done"),
        samples.NO_FINALLY.replace("{a, b}", "{a, *'😀', b}").replace("\n", "\r\n"),
        "\f\n" + samples.NO_FINALLY.replace("work", "wörk"),
    ],
)
def test_positions_are_those_of_the_protocol(editor: Editor, project: Path, before: str) -> None:
    uri, (found,) = opened(editor, project / "first.py", before)
    start, end = found["range"]["start"], found["range"]["end"]
    line = before.replace("\r\n", "\n").split("\n")[start["line"]].encode("utf-16-le")
    call = line[start["character"] * 2 : end["character"] * 2].decode("utf-16-le")
    assert (call[:13], call[-1]) == ("asyncio.wait(", ")")
    offered = actions(editor, uri, found["range"])
    silence = offered["Silence AWT102 on this line (# noqa: AWT102)"]
    (change,) = resolved(editor, silence)
    after = edited(before, change["edits"])
    assert after.replace("  # noqa: AWT102", "") == before
    editor.type(uri, 2, *({"range": e["range"], "text": e["newText"]} for e in change["edits"]))
    assert editor.diagnostics(uri, 2) == []


def test_what_has_no_cure_says_why(editor: Editor, project: Path) -> None:
    uri, (found,) = opened(editor, project / "first.py", samples.BORROWED)
    offered = actions(editor, uri, found["range"], "quickfix")
    assert offered[f"Cure {found['code']}"]["disabled"]["reason"]
    assert not any(each.get("isPreferred") for each in offered.values())


def test_an_action_of_an_older_text_is_refused(editor: Editor, project: Path) -> None:
    uri, (found,) = opened(editor, project / "first.py", samples.NO_FINALLY)
    action = actions(editor, uri, found["range"])["Cancel the tasks in a finally (AWT102)"]
    editor.type(uri, 2, "\n" + samples.NO_FINALLY)
    with pytest.raises(EditorError, match="-32801"):
        editor.ask("codeAction/resolve", **action)


def test_an_editor_that_can_do_little_gets_plain_edits(tmp_path: Path) -> None:
    editor = Editor(tmp_path, "flake8_asyncwait", "server")
    try:
        editor.start(tmp_path)
        (tmp_path / "pkg").mkdir()
        (tmp_path / "pkg" / "__init__.py").touch()
        (tmp_path / "pyproject.toml").touch()
        text = samples.FORGOTTEN
        uri, (found,) = opened(editor, tmp_path / "pkg" / "first.py", text)
        assert {"relatedInformation", "tags"} & found.keys() == set()
        offered = actions(editor, uri, found["range"])
        # The module of wait_any cannot be made.
        assert next(iter(offered)) == "Cancel the tasks in a finally (AWT101)"
        cure = next(iter(offered.values()))
        assert cure["isPreferred"]
        assert "finally:\n" in edited(text, cure["edit"]["changes"][uri])
        every = offered["Cure all leaks in this file"]["edit"]["changes"][uri]
        assert "finally:\n" in edited(text, every)
        hover = editor.ask(
            "textDocument/hover", textDocument={"uri": uri}, position=found["range"]["start"]
        )
        assert hover["contents"]["kind"] == "plaintext"
        editor.ask("workspace/executeCommand", command="asyncwait.explain", arguments=["AWT101"])
        assert editor.told("window/showMessage")["message"].startswith("AWT101 ")
        assert editor.leave() == 0
    finally:
        editor.kill()


# Words


def test_hover_says_how_it_leaks(editor: Editor, project: Path) -> None:
    uri, (found,) = opened(editor, project / "first.py", samples.NO_FINALLY)

    def hover(line: int, character: int) -> Any:
        position = at(line, character)
        return editor.ask("textDocument/hover", textDocument={"uri": uri}, position=position)

    told = hover(6, 30)
    assert told["range"] == found["range"]
    link, _, words = told["contents"]["value"].partition("\n\n")
    assert link == f"[AWT102]({found['codeDescription']['href']})"
    assert words.startswith(f"```text\n{found['message']}\n\n  1. the wait starts, line 7\n")
    assert hover(5, 30) is None


def test_explain_opens_the_page(editor: Editor, asyncwait: Asyncwait) -> None:
    told = editor.ask("workspace/executeCommand", command="asyncwait.explain", arguments=["AWT102"])
    assert told.splitlines() == asyncwait("explain", "AWT102").out
    editor.ask("textDocument/hover", textDocument={"uri": "file:///no"}, position=at(0, 0))
    shown = [each for each in editor.requests if each["method"] == "window/showDocument"]
    assert shown[-1]["params"]["uri"].endswith("/AWT102.md")


def test_prove_shows_the_timeline(editor: Editor, project: Path, asyncwait: Asyncwait) -> None:
    path = project / "first.py"
    uri, _ = opened(editor, path, samples.FORGOTTEN)
    told = editor.ask("workspace/executeCommand", command="asyncwait.prove", arguments=[uri, 7, 21])
    assert told.splitlines() == asyncwait("prove", f"{path}:7").out[:-1]
    assert told.endswith("\n\nproved")


# Never in the way


class Stuck(Workers):
    """Workers that never answer."""

    async def ask(self, work: str, *arguments: object) -> Any:
        if work == "check":
            return await super().ask(work, *arguments)
        await asyncio.Event().wait()


def test_what_is_asked_of_an_older_text_is_given_up() -> None:
    from pygls.exceptions import JsonRpcContentModified

    document = Document(
        types.TextDocumentItem("file:///a.py", "python", 1, "a\n"),
        Buffer("/a.py", "", "/"),
        UTF16,
        is_python=True,
    )
    server = serve.Server(parse(["server"]))
    server.documents[document.uri] = document

    async def change_while_somebody_waits() -> None:
        waiting = asyncio.ensure_future(server._about(document, asyncio.Event().wait()))
        await asyncio.sleep(0)
        document.is_python = False  # nothing is checked here
        server._show(document)
        changed = types.VersionedTextDocumentIdentifier(2, document.uri)
        server.did_change(changed, [types.TextDocumentContentChangeWholeDocument("b\n")])
        with pytest.raises(JsonRpcContentModified):
            await waiting

    asyncio.run(change_while_somebody_waits())


def test_a_worker_that_dies_is_replaced() -> None:
    async def ask() -> None:
        workers = Workers({})
        try:
            with pytest.raises(WorkError, match="its process ended in nonsense"):
                await workers.ask("nonsense")
            with pytest.raises(WorkError, match="TypeError"):
                await workers.ask("silence")
            stuck = asyncio.ensure_future(workers.ask("_data", Buffer("", "a", "")))
            assert await stuck == b"a"
        finally:
            workers.close()

    asyncio.run(ask())


def test_nobody_waits_for_work_that_is_in_vain() -> None:
    async def ask() -> None:
        workers = Workers({})
        try:
            first = asyncio.ensure_future(workers.ask("time.sleep", 3600))
            await asyncio.sleep(0)
            first.cancel()
            assert await workers.ask("_data", Buffer("", "a", "")) == b"a"
        finally:
            workers.close()

    asyncio.run(ask())


def test_without_pygls_a_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from flake8_asyncwait import cli

    for name in [name for name in sys.modules if name.startswith("flake8_asyncwait.server.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pygls", None)
    assert cli.main(["server"]) == 2
    told = "asyncwait server: needs pygls: pip install 'flake8-asyncwait[server]'\n"
    assert capfd.readouterr() == ("", told)


def test_nonsense_is_a_line_in_the_log(tmp_path: Path) -> None:
    editor = Editor(tmp_path, "flake8_asyncwait", "server")
    try:
        editor.start(tmp_path)
        with pytest.raises(EditorError):
            editor.ask("workspace/executeCommand", command="asyncwait.explain", arguments=["no"])
        editor.tell("textDocument/didOpen", textDocument={"uri": 3})
        editor.type("file:///never/opened.py", 7, "text")
        uri, found = opened(editor, tmp_path / "first.py", samples.FORGOTTEN)
        backwards = {"range": between((9, 9), (2, 3)), "text": "\ud800"}
        editor.type(uri, 2, backwards, {"range": between((999, 0), (9999, 4)), "text": ""})
        editor.type(uri, 3, samples.FORGOTTEN)
        assert editor.diagnostics(uri, 3) == found
        assert editor.leave() == 0
    finally:
        editor.kill()
    lines = editor.log.read_text().splitlines()
    assert lines
    assert [line for line in lines if not line.startswith("asyncwait server: ")] == []


# Positions, without a server


@pytest.mark.parametrize("encoding", list(types.PositionEncodingKind))
def test_places_and_positions(encoding: types.PositionEncodingKind) -> None:
    text = Text("\ufeffa😀b\r\n\té\n\f\u2028x", encoding)
    units = {UTF8: [6, 9, 7], UTF16: [3, 2, 3], UTF32: [2, 1, 3]}
    assert text.position((1, 2)).character == {UTF8: 8, UTF16: 4, UTF32: 3}[encoding]
    assert text.position((2, 2)).character == {UTF8: 3, UTF16: 2, UTF32: 2}[encoding]
    assert text.position((3, 2)).character == {UTF8: 4, UTF16: 2, UTF32: 2}[encoding]
    assert units
    for place in [(1, -1), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 2), (3, 0), (3, 3)]:
        assert text.place(text.position(place)) == place
        assert text.place_of(text.offset(place)) == place
    assert text.place(types.Position(0, 99)) == (1, 3)
    assert text.place(types.Position(99, 0)) == (3, 3)


def _document(text: str, *findings: Finding) -> Document:
    item = types.TextDocumentItem("file:///a.py", "python", 1, text)
    document = Document(item, Buffer("/a.py", "", "/"), UTF16, is_python=True)
    document.findings = findings
    return document


def test_whole_texts_and_parts_make_the_same_text_and_move_findings_alike() -> None:
    chance = random.Random(2111)
    letters = ["a", "😀", "é", "\n", "\r\n", "\t", "\f", "b = 1"]
    for _ in range(200):
        before = "".join(chance.choices(letters, k=12))
        start, end = sorted(chance.choices(range(len(before) + 1), k=2))
        new = "".join(chance.choices(letters, k=chance.randrange(3)))
        after = before[:start] + new + before[end:]
        text = Text(before, UTF16)
        where = types.Range(text.position(text.place_of(start)), text.position(text.place_of(end)))
        part, whole = _document(before), _document(before)
        part.change(2, [types.TextDocumentContentChangePartial(where, new)])
        whole.change(2, [types.TextDocumentContentChangeWholeDocument(after)])
        assert whole.text.text == after
        if "\r\n" not in before[max(start - 1, 0) : start + 1] + before[end - 1 : end + 1]:
            assert part.text.text == after


@pytest.mark.parametrize(
    ("start", "end", "new", "place"),
    [
        ((1, 0), (1, 0), "x\n", (4, 4, 4, 10)),  # lines above it
        ((3, 0), (3, 2), "", (3, 2, 3, 8)),  # its own line
        ((3, 4), (3, 4), "xy", (3, 6, 3, 12)),  # at its beginning
        ((3, 6), (3, 7), "xyz", (3, 4, 3, 12)),  # within
        ((3, 2), (3, 6), "", (3, 2, 3, 6)),  # its beginning goes
        ((3, 10), (3, 10), "\n", (3, 4, 4, 0)),  # right behind it
        ((4, 0), (4, 1), "", (3, 4, 3, 10)),  # below it
        ((3, 4), (3, 10), "pass", None),  # all of it goes
        ((1, 0), (5, 0), "", None),
    ],
)
def test_a_finding_moves_with_its_code(
    start: tuple[int, int],
    end: tuple[int, int],
    new: str,
    place: tuple[int, int, int, int] | None,
) -> None:
    steps = (Step(3, "here"), Step(3, "there", path="/b.py"))
    finding = Finding(3, 4, "AWT101", "", steps, 3, 10)
    document = _document("one\ntwo\n    found()\nfour\n", finding)
    where = types.Range(types.Position(start[0] - 1, start[1]), types.Position(end[0] - 1, end[1]))
    document.change(2, [types.TextDocumentContentChangePartial(where, new)])
    assert [(f.line, f.column, f.end_line, f.end_column) for f in document.findings] == (
        [place] if place else []
    )
    for each in document.findings:
        assert [step.line for step in each.witness] == [each.line, 3]


# A real editor, and a restless one


def test_neovim_cures_a_file(tmp_path: Path, project: Path) -> None:
    neovim = shutil.which("nvim")
    if neovim is None:
        pytest.skip("needs nvim: on Debian, apt-get install neovim")
    for name in ("edited", "fixed"):
        (project / name / "pkg").mkdir(parents=True)
        (project / name / "pyproject.toml").touch()
        (project / name / "pkg" / "__init__.py").touch()
        (project / name / "pkg" / "first.py").write_text(samples.FORGOTTEN)
    seen = tmp_path / "seen.json"
    server = [sys.executable, "-m", "flake8_asyncwait", "server"]
    import json

    script = Path(__file__).with_name("neovim.lua")
    subprocess.run(
        [neovim, "--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", f"luafile {script}"]
        + ["pkg/first.py"],
        cwd=project / "edited",
        env={**os.environ, "SERVER": json.dumps(server), "SEEN": str(seen), "HOME": str(tmp_path)},
        check=True,
        timeout=240,
        capture_output=True,
    )
    told = json.loads(seen.read_text())
    assert (told["diagnostic"]["line"], told["diagnostic"]["column"]) == (6, 20)
    fix = [sys.executable, "-m", "flake8_asyncwait", "fix", str(project / "fixed")]
    subprocess.run(fix, check=True, capture_output=True)
    for name in ("first.py", "_wait_any.py"):
        edited, fixed = (project / which / "pkg" / name for which in ("edited", "fixed"))
        assert edited.read_bytes() == fixed.read_bytes()


@pytest.mark.parametrize("steps", [20, pytest.param(500, marks=pytest.mark.generated)])
def test_random_edits_and_requests(
    editor: Editor, project: Path, asyncwait: Asyncwait, steps: int
) -> None:
    """After each edit the editor shows what the command prints, as soon as the text is Python."""
    chance = random.Random(steps)
    path = project / "first.py"
    pieces = [samples.NO_FINALLY, samples.FORGOTTEN, samples.CURED, samples.BORROWED]
    words = ["😀 = 1", "#", "\n", "    ", "(", ")", "x = 1\n", "pass", "'", "\r\n", "# noqa\n"]
    text = "\n\n".join(pieces)
    uri, _ = opened(editor, path, text)
    compared = 0
    for version in range(2, steps + 2):
        if chance.random() < 0.3:  # back to something that is Python
            chosen = chance.sample(pieces, 2)
            start, end, new = 0, len(text), "\n\n".join(chosen)
        else:
            start = chance.randrange(len(text) + 1)
            end = min(len(text), start + chance.choice([0, 0, 0, 1, 5, 40]))
            new = chance.choice(words)
        before = Text(text, UTF16)
        where = [before.position(before.place_of(each)) for each in (start, end)]
        text = text[:start] + new + text[end:]
        if "\r" in text.replace("\r\n", ""):  # half of a line end cannot be told
            text = text.replace("\r", "")
            editor.type(uri, version, text)
        else:
            first, last = (at(each.line, each.character) for each in where)
            editor.type(uri, version, {"range": {"start": first, "end": last}, "text": new})
        if chance.random() < 0.2:
            position = at(chance.randrange(40), chance.randrange(40))
            editor.request("textDocument/hover", textDocument={"uri": uri}, position=position)
        if chance.random() < 0.1:
            editor.request(
                "textDocument/codeAction",
                textDocument={"uri": uri},
                range=between((0, 0), (40, 0)),
                context={"diagnostics": []},
            )
        if chance.random() < 0.3:
            continue
        found = editor.diagnostics(uri, version)
        path.write_bytes(text.encode())
        run = asyncwait("check", "--isolated", str(path))
        if run.status != 2:
            compared += 1
            shown = [(each["range"]["start"]["line"] + 1, each["code"]) for each in found]
            told = [each.removeprefix(f"{path}:").split(":") for each in run.places]
            assert shown == [(int(line), code.strip()) for line, _, code in told]
    assert compared > steps // 4
