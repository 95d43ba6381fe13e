"""A language that nobody speaks: every text of the program with other letters, made by lupdate and lrelease.

Whatever is still in plain English letters, the extractor has not found, or nobody translates.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import PySide6
from PySide6.QtCore import QTranslator

ROOT = Path(__file__).resolve().parents[2]
PLAIN = "abcdefghijklmnopqrstuvwxyz"
OTHER = "åƀçđéƒğħîĵķłɱñöþɋřšŧûṽŵẋýž"
LETTERS = str.maketrans(PLAIN + PLAIN.upper(), OTHER + OTHER.upper())
# What a translator leaves alone: places, the number, markup and entities.
KEPT = re.compile(r"\{[^{}]*\}|%n|<[^<>]*>|&\w+;")


def pseudo(text: str) -> str:
    """`text` in the other letters."""
    parts, at = [], 0
    for kept in KEPT.finditer(text):
        parts += [text[at : kept.start()].translate(LETTERS), kept.group()]
        at = kept.end()
    return "".join((*parts, text[at:].translate(LETTERS)))


def extractor() -> ModuleType:
    """packaging/translations.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("translations", ROOT / "packaging" / "translations.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["translations"] = module  # its dataclass looks there for its names
    spec.loader.exec_module(module)
    return module


def translator(folder: Path) -> QTranslator:
    """The language, by the way that a real one goes: the extractor's .ts, translated, and released as a .qm."""
    draft = folder / "pseudo.ts"
    extractor().write(draft)
    tree = ET.parse(draft)
    tree.getroot().set("language", "en")
    for message in tree.iter("message"):
        said = pseudo(message.findtext("source") or "")
        made = message.find("translation")
        assert made is not None
        made.attrib.clear()
        forms = made.findall("numerusform")
        if message.get("numerus"):
            for form in forms:
                made.remove(form)
            for _ in range(2):
                ET.SubElement(made, "numerusform").text = said
        else:
            made.text = said
    tree.write(draft, encoding="utf-8")
    release = next(path for path in Path(PySide6.__file__).parent.glob("lrelease*") if path.suffix in ("", ".exe"))
    subprocess.run([release, "-silent", draft, "-qm", folder / "pseudo.qm"], check=True)
    made_of = QTranslator()
    assert made_of.load(str(folder / "pseudo.qm"))
    return made_of
