"""`asyncwait server`: what an editor is told, and what it can do about it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import samples
from command import Asyncwait
from editor import ABLE, Editor, EditorError, Message, at, between

pytest.importorskip("pygls", reason="needs the extra `server`")

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified

from flake8_asyncwait.commands.parser import parse
from flake8_asyncwait.server import serve
from flake8_asyncwait.server.client import Client
from flake8_asyncwait.server.document import Document
from flake8_asyncwait.server.work import Buffer, Found
from flake8_asyncwait.server.workers import WorkError, Workers

pytestmark = pytest.mark.lowest


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    editor = Editor(tmp_path_factory.mktemp("editor"), "flake8_asyncwait", "server")
    try:
        editor.start(tmp_path_factory.getbasetemp(), **ABLE)
        yield editor
        assert editor.leave() == 0
        assert editor.log.read_text().splitlines() == []
    finally:
        editor.kill()


@pytest.fixture
def editor(shared: Editor) -> Iterator[Editor]:
    """An editor that all tests share: each has a folder of its own, and nothing else is open."""
    yield shared
    shared.close_all()


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
        start: int = starts[min(position["line"], len(starts) - 1)]
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
    first, *_ = shifted["relatedInformation"]
    assert first["location"]["range"]["start"] == at(8, 4)
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


@pytest.mark.parametrize(
    "uri", ["file:///tmp/%00.txt", "file:///tmp/\ud800.txt", "untitled:%00", "untitled:\udfff"]
)
def test_a_document_that_can_have_no_file_is_one_without(
    editor: Editor, project: Path, uri: str
) -> None:
    editor.open(uri, samples.FORGOTTEN)
    assert codes(editor.diagnostics(uri, 1)) == ["AWT101"]
    assert actions(editor, uri, between((6, 20), (6, 20)))
    assert codes(opened(editor, project / "race.py", samples.FORGOTTEN)[1]) == ["AWT101"]


def test_a_document_whose_codec_is_none_of_text_is_told_of(editor: Editor, project: Path) -> None:
    uri, found = opened(editor, project / "race.py", f"# coding: rot13\n{samples.FORGOTTEN}")
    assert codes(found) == ["AWT101"]  # what an editor shows is text all the same
    editor.type(uri, 2, samples.FORGOTTEN)
    assert codes(editor.diagnostics(uri, 2)) == ["AWT101"]


def test_cells_of_notebooks_and_other_languages_are_let_alone(editor: Editor) -> None:
    cell = "vscode-notebook-cell:/notebook.ipynb#W0sZmlsZQ"
    editor.open(cell, samples.FORGOTTEN)
    editor.type(cell, 2, "%matplotlib")
    assert editor.ask("textDocument/diagnostic", textDocument={"uri": "file:///no"})["items"] == []
    assert actions(editor, cell, between((0, 0), (9, 0))) == {}
    editor.close(cell)


# Pull diagnostics: an editor that asks for them gets no others


def test_an_editor_that_asks_is_not_told_unasked(tmp_path: Path) -> None:
    editor = Editor(tmp_path, "flake8_asyncwait", "server")
    try:
        (tmp_path / "clean.py").write_text(samples.CURED)
        (tmp_path / "other.py").write_text("\ufeff" + samples.FORGOTTEN)
        other = (tmp_path / "other.py").as_uri()
        asks = {**ABLE, "textDocument": {**ABLE["textDocument"], "diagnostic": {}}}
        editor.start(tmp_path, general={"positionEncodings": ["utf-8"]}, **asks)
        assert editor.capabilities["positionEncoding"] == "utf-8"
        first = tmp_path / "first.py"
        first.write_text(samples.NO_FINALLY)
        uri = first.as_uri()
        editor.open(uri, samples.NO_FINALLY)
        report = editor.ask("textDocument/diagnostic", textDocument={"uri": uri})
        assert (report["kind"], codes(report["items"])) == ("full", ["AWT102"])
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
        assert not editor.was_told("textDocument/publishDiagnostics")
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


def document_of(server: serve.Server, path: str) -> Document:
    """An open document, of which nothing has been asked yet."""
    item = types.TextDocumentItem(f"file://{path}", "python", 1, "a\n")
    encoding = types.PositionEncodingKind.Utf16
    document = Document(item, Buffer(path, "", "/"), encoding, is_python=True)
    server.session.documents[document.uri] = document
    return document


def change(server: serve.Server, document: Document) -> None:
    changed = types.VersionedTextDocumentIdentifier(document.version + 1, document.uri)
    whole = types.TextDocumentContentChangeWholeDocument(document.text.text + "b\n")
    server.checks.did_change(changed, [whole])


def test_what_is_asked_of_an_older_text_is_given_up() -> None:
    server = serve.Server(parse(["server"]))
    document = document_of(server, "/a.py")
    document.is_python = False  # nothing is checked here

    async def change_while_somebody_waits() -> None:
        waiting = asyncio.ensure_future(server.session.about(document, asyncio.Event().wait()))
        await asyncio.sleep(0)
        change(server, document)
        with pytest.raises(JsonRpcContentModified):
            await waiting

    asyncio.run(change_while_somebody_waits())


def test_what_changes_during_a_check_of_another_file_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve.Server(parse(["server"]))
    asks = types.TextDocumentClientCapabilities(diagnostic=types.DiagnosticClientCapabilities())
    server.session._client = Client(types.ClientCapabilities(text_document=asks))
    looker, other = document_of(server, "/looker.py"), document_of(server, "/other.py")
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def check(_: str, document: Document, *__: object) -> Found:
        if document is looker:
            seen.put_nowait(other.text.text)
            await asyncio.sleep(0.01)
        return Found()

    monkeypatch.setattr(server.session, "work", check)

    async def change_while_it_is_checked() -> None:
        change(server, looker)
        assert await seen.get() == "a\n"
        change(server, other)
        assert await seen.get() == "a\nb\n"
        server.session.stop()

    asyncio.run(change_while_it_is_checked())


def test_a_worker_that_dies_is_replaced() -> None:
    async def ask() -> None:
        workers = Workers({"\0": b"", "/\ud800": b""})  # what can be no path does no harm
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


def test_without_pygls_a_line_says_so() -> None:
    program = (
        "import sys; sys.modules['pygls'] = None\n"
        "from flake8_asyncwait.cli import main; sys.exit(main(['server']))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    told = "asyncwait server: needs pygls: pip install 'flake8-asyncwait[server]'\n"
    assert (run.returncode, run.stdout, run.stderr) == (2, "", told)


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
