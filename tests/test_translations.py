"""The extractor sees every text, lupdate sees what it writes, and no text is put together where nobody could translate
it: the lint of texts."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from medview.core import texts
from tests.ui.pseudo import extractor

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(ROOT.glob("medview/**/*.py"))
translations = extractor()


def messages(source: str) -> list[tuple[str, str, bool]]:
    return [(one.context, one.source, one.plural) for one in translations.messages(source)]


@cache
def every() -> frozenset[tuple[str, str, bool]]:
    """The texts of the program."""
    return frozenset(one for path in SOURCES for one in messages(path.read_text(encoding="utf-8")))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('Text("{name} is empty.", name=path.name)', [("medview", "{name} is empty.", False)]),
        ('Text("one " "and more")', [("medview", "one and more", False)]),
        (
            'counted("1 of {n}", "%n of {n}", len(found), n=3)',
            [("medview", "1 of {n}", False), ("medview", "%n of {n}", True)],
        ),
        ('class A(B):\n def f(self):\n  self.tr("Open")', [("A", "Open", False)]),
        ('class A:\n def f(self):\n  self.tr("%n rows", "", n)', [("A", "%n rows", True)]),
        ('translate("words", "%n files", None, count)', [("words", "%n files", True)]),
        ('words.translate("words", "Axial")', [("words", "Axial", False)]),
        ("translate(TEXTS, text.template, None, number)", []),
        ('name.translate(TABLE)\nself.text.tr("x")', []),
    ],
)
def test_what_is_a_text(source: str, found: list[tuple[str, str, bool]]) -> None:
    assert messages(source) == found


@pytest.mark.parametrize(
    "source",
    [
        'Text(f"{name} is empty.")',
        "Text(template)",
        'Text("a" + "b")',
        'Text("%s" % name)',
        'counted("1 file", many, 3)',
        'class A:\n def f(self):\n  self.tr(f"{n} files")',
        "class A:\n def f(self, text):\n  self.tr(text)",
        'translate("words", "a" if b else "c")',
        'translate("words", "{0}".format(b))',
        'translate(context, "Axial")',
        'def tr(text):\n return QCoreApplication.translate("Actions", text)',
    ],
)
def test_a_text_that_nobody_could_translate_is_refused(source: str) -> None:
    with pytest.raises(translations.Unreadable):
        messages(source)


def test_lupdate_finds_them_all(tmp_path: Path) -> None:
    """With their plurals."""
    target = tmp_path / "medview_de.ts"
    count = translations.write(target)
    made = ET.parse(target)
    assert {
        (context.findtext("name"), message.findtext("source"), message.get("numerus") == "yes")
        for context in made.iter("context")
        for message in context.iter("message")
    } == every()
    assert len(every()) == count > 900


def test_what_was_translated_stays(tmp_path: Path) -> None:
    (tmp_path / "medview").mkdir()
    source = tmp_path / "medview" / "a.py"
    source.write_text('Text("Open it again.")', encoding="utf-8")
    target = tmp_path / "medview_de.ts"
    assert translations.write(target, tmp_path) == 1
    made = ET.parse(target)
    (translation,) = made.iter("translation")
    translation.attrib.clear()
    translation.text = "Übersetzt"
    made.write(target, encoding="utf-8")
    source.write_text('Text("Open it again.")\nText("New.")', encoding="utf-8")
    assert translations.write(target, tmp_path) == 2
    told = {one.findtext("source"): one.findtext("translation") for one in ET.parse(target).iter("message")}
    assert told == {"Open it again.": "Übersetzt", "New.": ""}


def test_the_file_without_a_language_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "medview").mkdir()
    source, target = tmp_path / "medview" / "a.py", tmp_path / "medview.ts"
    for text in ("Open it again.", "New."):
        source.write_text(f"Text({text!r})", encoding="utf-8")
        assert translations.write(target, tmp_path) == 1
        assert translations.written(target) == {("medview", text)}


def test_what_lupdate_leaves_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "medview").mkdir()
    (tmp_path / "medview" / "a.py").write_text('Text("Open it again.")', encoding="utf-8")
    monkeypatch.setattr(translations, "readable", lambda found: 'translate("medview", "Other")')
    with pytest.raises(translations.Incomplete, match="Open it again"):
        translations.write(tmp_path / "a.ts", tmp_path)


# ---- the lint ----


def test_places_of_templates_have_short_names_and_formats() -> None:
    """So that a text that crosses to another process is taken for one."""
    for context, source, _ in every():
        assert context != translations.TEXTS or texts._TEMPLATE.fullmatch(source), source


def calls(module: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(module) if isinstance(node, ast.Call))


def test_every_place_of_a_text_is_filled() -> None:
    """By its arguments, in both forms of a plural; none is given for nothing."""
    for path in SOURCES:
        for node in calls(tree(path)):
            name = translations.called(node)
            given = {word.arg for word in node.keywords}
            if name not in translations.OF_TEXT or not given or None in given:
                continue
            for text in node.args[: translations.OF_TEXT[name]]:
                places = set(re.findall(r"\{(\w+)", ast.literal_eval(text)))
                assert places <= given, f"{path.name}:{node.lineno}"
            used = set(re.findall(r"\{(\w+)", ast.unparse(node)))
            assert given <= used, f"{path.name}:{node.lineno}"


# What an f-string of the window may hold beside its values: markup, signs, ends of lines. Words, brackets and colons
# are for a translator: see `named`, `beside`, `listed` of medview/ui/words.py.
MARKUP = re.compile(r"<[^<>]*>|&\w+;")
WORDS = re.compile(r"[A-Za-z:;,()]")


def _no_text(node: ast.AST, path: Path) -> bool:
    """Style sheets, patterns, keys, names of files and topics, and what goes to stderr where there is no window."""
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) in ("STYLE", "SHEET")
    if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re."):
        return True
    return isinstance(node, ast.Subscript) or (
        isinstance(node, ast.Module) and path.name in ("app.py", "languages.py", "when.py")
    )


def glued(path: Path, source: str) -> list[str]:
    """The f-strings of a module of the window that put words together."""
    module = ast.parse(source)
    apart = {id(inner) for node in ast.walk(module) if _no_text(node, path) for inner in ast.walk(node)}
    formats = {id(node.format_spec) for node in ast.walk(module) if isinstance(node, ast.FormattedValue)}
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.JoinedStr) and id(node) not in apart | formats:
            fixed = "\0".join(part.value for part in node.values if isinstance(part, ast.Constant))
            if WORDS.search(MARKUP.sub("", fixed)):
                found.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
    return found


def test_the_window_glues_no_words_together() -> None:
    found = [one for path in sorted(ROOT.glob("medview/ui/**/*.py")) for one in glued(path, path.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    ("source", "bad"),
    [
        ('label(f"{count} files")', True),
        ('label(f"{name}: {value}")', True),
        ('label(f"{name} ({value})")', True),
        ('label(f"{text} {hint}")', False),
        ("html = f\"<p class='a'>{text}</p>\"", False),
        ('shown = f"{value:.4g}"', False),
        ('STYLE = f"* {{ color: {TEXT}; }}"', False),
    ],
)
def test_the_lint_sees_words_in_an_f_string(source: str, bad: bool) -> None:
    assert bool(glued(Path("a.py"), source)) is bad


# Calls whose text a person reads, with the places of such arguments: a literal there is one that no translator sees.
SHOWS = {
    "label": (0,), "button": (0,), "Elided": (0,), "Check": (0,), "Choice": (0,), "set_text": (0, 1), "set_tip": (1,),
    "setText": (0,), "setWindowTitle": (0,), "setAccessibleName": (0,), "setAccessibleDescription": (0,),
    "setPlaceholderText": (0,), "addAction": (0, 1), "addMenu": (0,), "MessageBox": (1, 2, 3), "say": (0, 1),
    "show_page": (0,), "explain": (1, 2, 3),
}  # fmt: skip


def bare(path: Path, source: str) -> list[str]:
    """Literals of a module of the window that are shown as they stand; the name of the program is none."""
    found = []
    for node in calls(ast.parse(source)):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for part in (node.args[place] for place in SHOWS.get(name, ()) if place < len(node.args)):
            text = part.value if isinstance(part, ast.Constant) else ""
            if isinstance(text, str) and re.search("[A-Za-z]", text) and text != "medview":
                found.append(f"{path.name}:{node.lineno}: {ast.unparse(node)[:80]}")
    return found


def test_the_window_shows_no_text_that_is_not_translated() -> None:
    found = [one for path in sorted(ROOT.glob("medview/ui/**/*.py")) for one in bare(path, path.read_text("utf-8"))]
    assert found == []


def test_the_lint_sees_a_text_without_tr() -> None:
    assert bare(Path("a.py"), 'label("Open", "muted")') == ["a.py:1: label('Open', 'muted')"]
    assert bare(Path("a.py"), 'label(self.tr("Open"), "muted")') == []


def test_what_a_job_says_it_does_is_a_text() -> None:
    for path in SOURCES:
        for node in calls(tree(path)):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("Job", "progress") and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                assert not node.args[1].value, f"{path.name}:{node.lineno}: {ast.unparse(node)[:80]}"
