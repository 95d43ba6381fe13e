"""Result images and tables: names, sizes, values, and what happens when the disk does not want them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis, Mask, Result
from medview.inference.card import Card, Label
from medview.inference.preprocess import Preprocess
from medview.inference.region import Region
from medview.report import export
from medview.report.caption import LEAST_WIDTH, PAPER_RGB
from medview.report.folder import ResultFolder
from medview.report.overlay import FRAME_RGBA, heatmap_rgba

RULE = Preprocess((4, 4), "grey", "stretch")


def card(id: str, task: str, *labels: str) -> Card:
    return Card(id, "1", id, task, "k", "0" * 64, tuple(Label(name, name.upper()) for name in labels), RULE)


def analysis() -> Analysis:
    pixels = np.zeros((30, 40), np.uint8)
    pixels[10:20, 10:20] = 1
    heat = {"a": np.ones((2, 2), np.float32), "b": np.zeros((2, 2), np.float32)}
    classes = Result(card("cls", "classify", "a", "b"), "CPUExecutionProvider", 1, {"a": 0.3, "b": 0.7}, ("a",))
    classes = Result(**{**classes.__dict__, "heatmaps": heat})
    marks = Result(card("seg", "segment", "t"), "CPUExecutionProvider", 1, None, ("t",), Mask(pixels, 100, 1 / 12, 5.0))
    return Analysis("f.png", 0, "ok", results=(classes, marks))


def write(
    done: Analysis,
    image: np.ndarray,
    folder: Path,
    stem: str = "s",
    which: export.Which = "all",
    mask_overlay: bool = False,
) -> dict[tuple[str, str], str]:
    """The files written for a picture of that name, by model and label."""
    target = ResultFolder(folder)
    assert target.open() is None
    frame = Frame(Path(f"{stem}.png"), 0, *image.shape[:2], "", lambda: image)
    saved = export.save(done, image, frame, target, options=export.Options(which, mask_overlay))
    assert isinstance(saved, export.Saved)
    assert saved.stem == stem
    assert set(map(str, saved.paths)) >= set(saved.files.values())
    return saved.files


def picture(path: str | Path, image: np.ndarray) -> np.ndarray:
    """The part of a saved overlay that is the picture, RGB; below and beside it is the caption's colour alone."""
    whole = read(path)[..., ::-1]
    rows, cols = image.shape[:2]
    assert (whole[:rows, cols:] == PAPER_RGB).all()
    assert whole.shape[0] > rows
    assert whole.shape[1] == max(cols, LEAST_WIDTH)
    return whole[:rows, :cols]


def read(path: str | Path) -> np.ndarray:
    return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.fixture
def image() -> np.ndarray:
    return np.full((30, 40), 60, np.uint8)


def test_names_and_contents(tmp_path: Path, image: np.ndarray) -> None:
    folder = tmp_path / "out é ж 你"
    files = write(analysis(), image, folder, "stem é ж 你")
    assert {key: Path(path).name for key, path in files.items()} == {
        ("cls", "a"): "stem é ж 你__cls__a.png",
        ("seg", "mask"): "stem é ж 你__seg__mask.png",
    }
    mask = read(files["seg", "mask"])
    assert mask.shape == (30, 40)
    assert set(np.unique(mask)) == {0, 255}
    assert (mask == 255).sum() == 100
    # Full heat: 60 % of the top colour, which imread gives as BGR.
    top = export.burn(image, np.full((30, 40, 4), 255, np.uint8) * 0 + _top(), export.HEATMAP_OPACITY)
    assert (picture(files["cls", "a"], image) == top).all()
    assert sorted(os.listdir(folder)) == sorted(Path(path).name for path in files.values())


def _top() -> np.ndarray:
    from medview.report.overlay import heat_colours

    return np.append(heat_colours()[255], 255).astype(np.uint8)


def test_only_findings(tmp_path: Path, image: np.ndarray) -> None:
    files = write(analysis(), image, tmp_path, "s", which="findings")
    assert set(files) == {("cls", "a"), ("seg", "mask")}


def test_without_a_finding_the_most_probable_label_is_written(tmp_path: Path, image: np.ndarray) -> None:
    whole = analysis()
    calm = Analysis("f", 0, "ok", results=(Result(**{**whole.results[0].__dict__, "findings": ()}),))
    calm.results[0].heatmaps["b"][0, 0] = 0.5  # type: ignore[index]
    assert set(write(calm, image, tmp_path, "s", which="findings")) == {("cls", "b")}


def test_the_part_that_was_looked_at_is_framed(tmp_path: Path, image: np.ndarray) -> None:
    region = Region(0.1, 0.25, 0.9, 0.75)
    classes = analysis().results[0]
    part = Analysis("f", 0, "ok", results=(Result(**{**classes.__dict__, "region": region}),))
    files = write(part, image, tmp_path, "s")
    heat = heatmap_rgba(np.ones((2, 2), np.float32), (30, 40), region)
    assert (heat[3, 10] == FRAME_RGBA).all()
    assert (picture(files["cls", "a"], image) == export.burn(image, heat, export.HEATMAP_OPACITY)).all()


@pytest.mark.parametrize("which", ["all", "findings"])
def test_a_heatmap_without_evidence_is_not_written(tmp_path: Path, image: np.ndarray, which: export.Which) -> None:
    classes = analysis().results[0]
    empty = {label: np.zeros((2, 2), np.float32) for label in "ab"}
    whole = Analysis("f", 0, "ok", results=(Result(**{**classes.__dict__, "heatmaps": empty}),))
    files = write(whole, image, tmp_path, "s", which)
    assert files == {}
    assert os.listdir(tmp_path) == []
    assert whole.to_dict(files)["results"][0]["heatmaps"] is None
    one = analysis()
    files = write(one, image, tmp_path, "s", which)
    assert one.to_dict(files)["results"][0]["heatmaps"] == {"a": str(tmp_path / "s__cls__a.png")}


def test_the_picture_of_a_mask_is_beside_it_and_not_listed(tmp_path: Path, image: np.ndarray) -> None:
    files = write(analysis(), image, tmp_path, "s", which="findings", mask_overlay=True)
    assert not any("overlay" in label for _, label in files)
    shown = picture(tmp_path / "s__seg__mask-overlay.png", image)
    assert (shown[0, 0] == 60).all()
    assert (shown[10, 10] != 60).any()


def test_overlays_of_a_large_picture_are_reduced_and_its_mask_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "OVERLAY_SIDE", 20)
    pixels = np.zeros((30, 40), np.uint8)
    pixels[11, 11] = 1  # one pixel, still seen in the reduced picture
    whole = analysis()
    spot = Result(**{**whole.results[1].__dict__, "mask": Mask(pixels, 1)})
    whole = Analysis("f.png", 0, "ok", results=(whole.results[0], spot))
    files = write(whole, np.full((30, 40), 60, np.uint8), tmp_path, "s", mask_overlay=True)
    small = np.empty((15, 20))
    assert picture(files["cls", "a"], small).shape == (15, 20, 3)
    assert (read(files["seg", "mask"]) == pixels * 255).all()
    assert (picture(tmp_path / "s__seg__mask-overlay.png", small) != 60).any(axis=2).sum() == 1


def test_files_are_what_to_dict_wants(tmp_path: Path, image: np.ndarray) -> None:
    done = analysis()
    files = write(done, image, tmp_path, "s")
    table = tmp_path / "deep" / "results.json"
    assert export.write_json(table, done.to_dict(files)) is None
    row = json.loads(table.read_text(encoding="utf-8"))
    assert row["results"][1]["mask"]["path"] == files["seg", "mask"]
    assert row["results"][0]["heatmaps"] == {"a": files["cls", "a"]}


def test_a_folder_that_is_a_file_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    failure = ResultFolder(tmp_path / "file").open()
    assert isinstance(failure, Failure)
    assert failure.code == Code.WRITE_ERROR
    assert failure.hint
    assert isinstance(export.write_json(tmp_path / "file" / "x.json", {}), Failure)


def test_nothing_that_is_there_is_replaced(tmp_path: Path, image: np.ndarray) -> None:
    """Two patients whose files have one name, as those of two CDs have, and a run of yesterday."""
    frames = [Frame(tmp_path / where / "IM000001", 0, 30, 40, "", lambda: image) for where in ("s1", "s2")]
    (tmp_path / "im000001-3__SEG__mask.png").write_bytes(b"of yesterday")
    stems = []
    for frame in (*frames, frames[0]):
        target = ResultFolder(tmp_path)
        assert target.open() is None
        saved = export.save(analysis(), image, frame, target, options=export.Options(table=True))
        assert isinstance(saved, export.Saved)
        stems.append(saved.stem)
        assert json.loads((tmp_path / f"{saved.stem}__results.json").read_text(encoding="utf-8"))["file"] == "f.png"
    assert stems == ["IM000001", "IM000001-2", "IM000001-4"]
    assert (tmp_path / "im000001-3__SEG__mask.png").read_bytes() == b"of yesterday"


def test_a_name_that_another_run_takes_meanwhile_is_left_to_it(
    tmp_path: Path, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = ResultFolder(tmp_path)
    assert target.open() is None
    (tmp_path / "s__seg__mask.png").write_bytes(b"theirs")
    frame = Frame(Path("s.png"), 0, 30, 40, "", lambda: image)
    saved = export.save(analysis(), image, frame, target)
    assert isinstance(saved, export.Saved)
    assert saved.stem == "s-2"
    assert sorted(os.listdir(tmp_path)) == ["s-2__cls__a.png", "s-2__seg__mask.png", "s__seg__mask.png"]
    assert (tmp_path / "s__seg__mask.png").read_bytes() == b"theirs"


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes there")
def test_results_are_their_owners_alone(tmp_path: Path, image: np.ndarray) -> None:
    write(analysis(), image, tmp_path / "out", mask_overlay=True)
    assert (tmp_path / "out").stat().st_mode & 0o77 == 0
    assert [path.name for path in (tmp_path / "out").iterdir() if path.stat().st_mode & 0o77] == []


def test_what_is_no_number_is_null_in_the_table(tmp_path: Path) -> None:
    assert export.write_json(tmp_path / "a.json", [float("nan")]) is None
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == [None]
