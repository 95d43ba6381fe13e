"""The user's language is found where the program keeps its languages, and put in front of English."""

from __future__ import annotations

import subprocess
from pathlib import Path

import PySide6
import pytest
from PySide6.QtCore import QCoreApplication, QLocale, QObject

from medview.core import resources
from medview.ui.languages import Language, own_file, translators

DRAFT = """<?xml version="1.0" encoding="utf-8"?><!DOCTYPE TS><TS version="2.1" language="de">
<context><name>Actions</name><message>
<source>Invert</source><translation>Umkehren ä 你</translation>
</message></context></TS>"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of languages with German in it, in the place of the program's."""
    folder = tmp_path / "é ж 你"
    folder.mkdir()
    (tmp_path / "draft.ts").write_text(DRAFT, encoding="utf-8")
    release = next(path for path in Path(PySide6.__file__).parent.glob("lrelease*") if path.suffix in ("", ".exe"))
    subprocess.run([release, "-silent", "draft.ts", "-qm", "made.qm"], cwd=tmp_path, check=True)
    (tmp_path / "made.qm").rename(folder / "medview_de.qm")
    monkeypatch.setattr(resources, "find", lambda resource: {"languages": folder}[resource])
    return folder


def own(locale: str) -> list[Language]:
    parent = QCoreApplication.instance()
    assert isinstance(parent, QObject)
    return [found for found in translators(QLocale(locale), parent) if isinstance(found, Language)]


@pytest.mark.parametrize("locale", ["de_DE", "de_CH"])
def test_it_is_found_and_read(qapp: QCoreApplication, folder: Path, locale: str) -> None:
    (found,) = own(locale)
    assert found.translate("Actions", "Invert") == "Umkehren ä 你"
    qapp.installTranslator(found)
    try:
        assert QCoreApplication.translate("Actions", "Invert") == "Umkehren ä 你"
    finally:
        qapp.removeTranslator(found)
    assert QCoreApplication.translate("Actions", "Invert") == "Invert"


@pytest.mark.parametrize("locale", ["en_GB", "fr_FR", "C"])
def test_a_language_that_is_not_there_is_english(qapp: QCoreApplication, folder: Path, locale: str) -> None:
    assert own(locale) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["pt-BR", "pt"], "medview_pt_BR.qm"), (["pt-PT", "pt"], "medview_pt.qm"), (["en-US", "en", "pt"], None),
        (["cs-CZ", "cs", "pt-PT", "pt"], "medview_pt.qm"), (["cs"], None), ([], None),
    ],
)  # fmt: skip
def test_the_first_language_that_is_there(tmp_path: Path, wanted: list[str], found: str | None) -> None:
    for name in ("medview_pt.qm", "medview_pt_BR.qm", "medview_en.qm"):
        (tmp_path / name).write_bytes(b"")
    assert own_file(wanted, tmp_path) == (tmp_path / found if found else None)


def test_a_damaged_one_is_left_out(qapp: QCoreApplication, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "medview_de.qm").write_bytes(b"no language")
    assert own("de_DE") == []
    assert "is damaged: medview_de.qm" in caplog.text
