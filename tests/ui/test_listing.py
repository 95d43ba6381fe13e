"""The list of what was opened: what it holds and in which order, and that it keeps its place while it grows."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QTranslator

from medview.core.failures import Code, Failure
from medview.core.jobs import Cancelled, Step, Token
from medview.imaging import scan as scanner
from medview.imaging.study import Frame, Origin, Place, Series, Study
from medview.imaging.walk import find_files
from medview.ui import browser_rows, words
from medview.workspace import listing
from medview.workspace.listing import Entry, Group, Heading, Listing, Row, rows_of, scan
from tests.imaging.make import dicom
from tests.ui.conftest import write_png

BAD = Failure(Code.CORRUPT, "It is damaged.", "Copy it again.")


def frame(name: str, patient: str, date: str, series: str, number: int = 1) -> Frame:
    origin = Origin(patient, patient, f"{patient}{date}", date, "Thorax", series, number, f"Title {series}", "CT")
    return Frame(Path(name), 0, 4, 4, "CT", lambda: BAD, place=Place(origin, uid=name))


def short(found: tuple[Row, ...]) -> list[str]:
    """A line for each row."""
    return [
        f"{row.group}: {browser_rows.title(row)}" if isinstance(row, Heading) else browser_rows.title(row)
        for row in found
    ]


def test_series_stand_by_patient_and_study_then_files_then_the_rest() -> None:
    frames = [
        frame("b1", "Weiß", "20240102", "s2", 2),
        frame("a1", "Adam", "20240101", "s3"),
        frame("b2", "Weiß", "20240102", "s2", 2),
        frame("b3", "Weiß", "20230101", "s4"),
        frame("b4", "Weiß", "20240102", "s1", 1),
    ]
    found = rows_of(frames, [Path("z.png"), Path("a.png")], {Path("x.txt"): BAD})
    assert short(found) == [
        "study: Adam", "Title s3", "study: Weiß", "Title s4", "study: Weiß", "Title s1", "Title s2",
        "files: Files", "z.png", "a.png", "refused: Cannot be shown", "x.txt",
    ]  # fmt: skip
    two = found[6]
    assert isinstance(two, Entry)
    assert two.series is not None
    assert two.series.paths == (Path("b1"), Path("b2"))
    keys = [row.key for row in found if isinstance(row, Entry)]
    assert len(keys) == len(set(keys)) == 7


def test_a_list_of_nothing_but_files_has_no_heading() -> None:
    assert short(rows_of([], [Path("a.png"), Path("b.png")], {})) == ["a.png", "b.png"]
    assert short(rows_of([], [], {Path("b.txt"): BAD})) == ["b.txt"]


def test_the_list_keeps_its_place_while_it_grows() -> None:
    made = Listing()
    made.take(rows_of([frame("b1", "B", "2", "s1")], [], {}))
    first = made.entries[0].key
    made.tried[made.entries[0].key] = BAD
    made.take(rows_of([frame("a1", "A", "1", "s0"), frame("b1", "B", "2", "s1"), frame("b2", "B", "2", "s1")], [], {}))
    assert made.place(first) == 1
    assert made.failure(made.entries[1]) is BAD
    assert made.failure(made.entries[0]) is None
    assert made.place("nobody") is None
    made.take(())
    assert made.place(first) is None


def test_a_file_of_several_series_is_replaced_by_them_for_good() -> None:
    made = Listing()
    files = rows_of([], [Path("a.png"), Path("disc.zip")], {})
    made.take(files)
    series = tuple(Series(f"s{n}", (frame(f"f{n}", "A", "1", f"uid{n}"),)) for n in range(2))
    first = made.expand(made.entries[1], Study(Path("disc.zip"), "", series))
    assert first is made.entries[1]
    for _ in range(2):
        assert short(made.rows) == ["a.png", "archive: disc.zip", "s0", "s1"]
        assert [entry.path for entry in made.entries] == [Path("a.png"), Path("disc.zip"), Path("disc.zip")]
        made.take(files)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for z in range(3):
        pixels = np.full((4, 4), z, np.uint8)
        (tmp_path / f"{z}.dcm").write_bytes(dicom(pixels, SeriesInstanceUID="1.2", SOPInstanceUID=f"1.2.{z}"))
    write_png(tmp_path / "b é ж 你.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (tmp_path / "notes.txt").write_text("hello")
    return tmp_path


def test_a_scan_reads_headers_and_delivers_what_it_has(folder: Path) -> None:
    token, parts = Token(), []
    token.take = parts.append
    found = scan([folder, folder / "0.dcm"], find_files, token)
    # Of a picture file only the kind is looked at: that it is broken is found when somebody looks at it.
    assert [browser_rows.title(row) for row in found if isinstance(row, Entry)] == [
        "MR",
        "b é ж 你.png",
        "broken.png",
        "notes.txt",
    ]
    series = next(row.series for row in found if isinstance(row, Entry))
    assert series is not None
    assert len(series.frames) == 3
    # The first file is handed over at once, so that it can be shown while the rest is looked for.
    assert sum(len(row.series.frames) for row in parts[0] if isinstance(row, Entry) and row.series) == 1


@pytest.mark.expected_logs
def test_a_file_on_which_medview_fails_costs_only_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = scanner.read_kind

    def defect(path: Path, follow: bool, step: Step) -> object:
        if path.name == "1.dcm":
            raise KeyError("a defect of medview")
        return read(path, follow, step)

    monkeypatch.setattr(scanner, "read_kind", defect)
    entries = [row for row in scan([folder], find_files, Token()) if isinstance(row, Entry)]
    assert len(entries[0].series.frames) == 2  # type: ignore[union-attr]
    assert [(row.path.name, row.failure.code) for row in entries if row.failure] == [
        ("1.dcm", Code.INTERNAL), ("notes.txt", Code.UNKNOWN_FORMAT),
    ]  # fmt: skip


def test_a_closed_folder_is_in_the_list_with_its_reason(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, scandir = folder / "closed", os.scandir
    closed.mkdir()

    def guarded(path: Path) -> object:
        if Path(path) == closed:
            raise PermissionError(13, "closed")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    entries = [row for row in scan([folder], find_files, Token()) if isinstance(row, Entry)]
    (entry,) = [row for row in entries if row.path == closed]
    assert entry.failure is not None
    assert entry.failure.code is Code.NO_PERMISSION


def test_a_list_that_ends_too_early_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_FILES", 4)
    *listed, last = [row for row in scan([folder], find_files, Token()) if isinstance(row, Entry)]
    assert len(listed) == 2  # the series and a picture
    assert last.failure is not None
    assert last.failure.text == "The list ends after 4 files; what comes after them was left out."


def test_packed_slices_are_a_series_and_packed_pictures_files(tmp_path: Path) -> None:
    for z in range(3):
        data = dicom(np.full((4, 4), z, np.uint8), SeriesInstanceUID="1.2", SOPInstanceUID=f"1.2.{z}")
        (tmp_path / f"{z}.dcm.gz").write_bytes(gzip.compress(data))
    write_png(tmp_path / "a.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "b.png.gz").write_bytes(gzip.compress((tmp_path / "a.png").read_bytes()))
    first, *others = [row for row in scan([tmp_path], find_files, Token()) if isinstance(row, Entry)]
    assert len(first.series.frames) == 3  # type: ignore[union-attr]
    assert [(row.path.name, row.failure) for row in others] == [("a.png", None), ("b.png.gz", None)]


def test_a_scan_stops_when_cancelled(folder: Path) -> None:
    token = Token()

    def walk(path: Path) -> Iterator[Path]:
        yield folder / "0.dcm"
        token.cancel()
        yield folder / "1.dcm"

    with pytest.raises(Cancelled):
        scan([folder], walk, token)


def test_what_a_row_says() -> None:
    (_, entry) = rows_of([frame("a1", "A", "20240229", "s1", 4), frame("a2", "A", "20240229", "s1", 4)], [], {})
    assert isinstance(entry, Entry)
    assert entry.series is not None
    assert browser_rows.subtitle(entry) == "CT · 2 pictures · no. 4"
    odd = replace(entry, series=replace(entry.series, notes=("A slice is missing.",), step_mm=1.25, time_points=3))
    for told in ("Title s1", "4 x 4 pixels", "1.25 mm from slice to slice", "3 points in time", "A slice is missing."):
        assert told in browser_rows.tip(odd)
    assert browser_rows.subtitle(entry, BAD) == "The file is damaged"
    assert (
        browser_rows.tip(Entry("x", Path("dir/x.png")), BAD) == f"{Path('dir/x.png')}\nIt is damaged.\nCopy it again."
    )


def test_what_a_heading_says() -> None:
    origin = Origin("Yamada^Tarou=山田^太郎", "0042", "u", "20240229", "<b>Thorax", birth_date="19700716", sex="M")
    heading = Heading(Group.STUDY, 1, origin)
    assert (browser_rows.title(heading), browser_rows.subtitle(heading)) == (
        "Yamada, Tarou (山田 太郎)",
        "29 Feb 2024 · <b>Thorax",
    )
    assert browser_rows.patient(heading) == "ID 0042 · male · 53 years"
    assert browser_rows.tip(heading).split("\n") == [
        "Yamada, Tarou (山田 太郎)", "ID 0042", "born 16 Jul 1970", "male", "53 years", "29 Feb 2024", "<b>Thorax",
    ]  # fmt: skip
    nameless = Heading(Group.STUDY, 1, Origin(patient_id="0042"))
    assert (browser_rows.title(nameless), browser_rows.patient(nameless)) == ("No patient name", "ID 0042")
    assert browser_rows.title(Heading(Group.STUDY, 1, None)) == "No patient name"
    assert browser_rows.subtitle(Heading(Group.STUDY, 1, Origin())) == "No study date"
    assert browser_rows.subtitle(Heading(Group.ARCHIVE, 2, name="a.zip")) == "2 series"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", ""),
        ("Doe^John^^Dr.", "Doe, John, Dr."),
        ("^^=", ""),
        ("=山田^太郎", "山田, 太郎"),
        ("a\nb^\x1b", "a\\nb, \\x1b"),
    ],
)
def test_names_of_people(name: str, shown: str) -> None:
    assert words.person(name) == shown


@pytest.mark.parametrize("written", ["2024.02.31", "20240231", "16/07/2017"])
def test_a_date_that_is_none_is_unknown(written: str) -> None:
    assert words.date(written) == "unknown date"
    assert words.date("2017.07.16") == "16 Jul 2017"
    assert words.date("") == ""


@pytest.mark.parametrize(
    ("count", "files", "series", "pictures"),
    [
        (1, "1 file", "1 series", "1 picture"),
        (2, "2 files", "2 series", "2 pictures"),
        (1000, "1000 files", "1000 series", "1000 pictures"),
    ],
)
def test_one_and_many(count: int, files: str, series: str, pictures: str) -> None:
    assert (words.files(count), words.series(count), words.pictures(count)) == (files, series, pictures)


def test_a_translation_has_as_many_forms_as_its_language(qapp: QCoreApplication) -> None:
    class Polish(QTranslator):
        def isEmpty(self) -> bool:
            return False

        def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> str:
            forms = {1: "%n plik", 3: "%n pliki", 5: "%n plików"}
            return {"1 file": "1 plik", "%n files": forms.get(n, "")}.get(text, "")

    polish = Polish()
    qapp.installTranslator(polish)
    try:
        assert [words.files(count) for count in (1, 3, 5)] == ["1 plik", "3 pliki", "5 plików"]
    finally:
        qapp.removeTranslator(polish)
