"""Collect every text that a person sees, for translators: what `make translations` calls.

    python packaging/translations.py [FILE.ts]     write or update FILE.ts (build/medview.ts)

Qt's lupdate reads and updates the file, so that what was translated stays. It would miss much of the source by itself:
it knows no `Text(...)` (medview/core/texts.py), takes no call with more arguments than its own functions have, and sees
no plural where the number is a variable behind None. So it gets a copy of the source in which every text stands, in its
line, as a call that lupdate understands.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The context of texts that know none: `TEXTS` of medview/ui/words.py.
TEXTS = "medview"
# Which arguments of a function are texts.
OF_TEXT = {"Text": 1, "counted": 2}
WITH_CONTEXT = ("translate", "words.translate", "QCoreApplication.translate")
# What `shown` of medview/ui/words.py looks up: a text that stands elsewhere.
LOOKED_UP = "text.template"


@dataclass(frozen=True)
class Message:
    """A text as lupdate sees it: where it stands, its context, the English, and whether a number decides its form."""

    line: int
    context: str
    source: str
    plural: bool = False


class Unreadable(ValueError):
    """A text that is no literal: nobody could translate it."""


class Incomplete(RuntimeError):
    """A text that lupdate did not take."""


def messages(source: str) -> Iterator[Message]:
    """Every text of a module. Raises Unreadable for one that is no literal."""
    yield from _walk(ast.parse(source), "")


def _walk(node: ast.AST, owner: str) -> Iterator[Message]:
    """`owner`: the class around, which is the context of its `tr`."""
    if isinstance(node, ast.ClassDef):
        owner = node.name
    elif isinstance(node, ast.Call):
        yield from _call(node, owner)
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, owner)


def _call(node: ast.Call, owner: str) -> Iterator[Message]:
    name = called(node)
    if name in OF_TEXT:
        for place in range(OF_TEXT[name]):
            yield Message(node.lineno, TEXTS, _literal(node.args[place]), name == "counted" and place == 1)
    elif name == "self.tr":
        yield Message(node.lineno, owner, _literal(node.args[0]), len(node.args) > 2)
    elif name in WITH_CONTEXT and ast.unparse(node.args[1]) != LOOKED_UP:
        yield Message(node.lineno, _literal(node.args[0]), _literal(node.args[1]), len(node.args) > 3)


def called(node: ast.Call) -> str:
    """What is called: `name` or `owner.name`; empty for anything longer."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        return f"{node.func.value.id}.{node.func.attr}"
    return ""


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise Unreadable(f"line {node.lineno}: {ast.unparse(node)} is no literal")


def readable(found: list[Message]) -> str:
    """A module for lupdate, each text in its line."""
    lines = defaultdict(list)
    for message in found:
        context, source = (json.dumps(text, ensure_ascii=False) for text in (message.context, message.source))
        plural = ", None, 0" if message.plural else ""
        lines[message.line].append(f"translate({context}, {source}{plural})")
    return "\n".join("; ".join(lines[line]) for line in range(1, max(lines, default=0) + 1)) + "\n"


def write(target: Path, root: Path = ROOT) -> int:
    """Write the texts of `root`/medview into a .ts file, or update that of a language; how many there are.

    Raises Unreadable, OSError, CalledProcessError where lupdate fails, and Incomplete where it left a text out.
    """
    found: set[tuple[str, str]] = set()
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for path in sorted(root.glob("medview/**/*.py")):
            texts = list(messages(path.read_text(encoding="utf-8")))
            found.update((text.context, text.source) for text in texts)
            if texts:
                copy = Path(folder) / path.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(readable(texts), encoding="utf-8")
                names.append(copy.relative_to(folder).as_posix())
        draft = Path(folder) / target.name
        # lupdate does not touch a file again that names no language.
        if target.exists() and ET.parse(target).getroot().get("language"):
            draft.write_bytes(target.read_bytes())
        command = [str(lupdate()), "-silent", "-locations", "relative", *names, "-ts", draft.name]
        subprocess.run(command, cwd=folder, check=True)
        if left_out := found - written(draft):
            raise Incomplete(f"lupdate left out {len(left_out)} texts of {target.name}, such as {min(left_out)}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(draft.read_bytes())
    return len(found)


def written(path: Path) -> set[tuple[str, str]]:
    """Contexts and texts of a .ts file."""
    contexts = ET.parse(path).iter("context")
    return {
        (context.findtext("name", ""), message.findtext("source", ""))
        for context in contexts
        for message in context.iter("message")
    }


def lupdate() -> Path:
    """Qt's own program, which comes with PySide6."""
    import PySide6

    return Path(PySide6.__file__).parent / ("lupdate.exe" if sys.platform == "win32" else "lupdate")


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "medview.ts"
    print(f"{path}: {write(path)} texts")  # noqa: T201
