"""Saved pictures and tables: names, sizes, values, and what happens when the disk does not want them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging.study import Frame
from medview.imaging.window import Window
from medview.inference.analysis import Analysis, Mask, Result, ResultFiles
from medview.inference.card import Card, Label
from medview.inference.corrections import Correction, quarter_turns
from medview.inference.preprocess import Preprocess
from medview.inference.region import Region
from medview.report import saver
from medview.report.caption import LEAST_WIDTH, PAPER_RGB
from medview.report.overlay import FRAME_RGBA, burn, heatmap_rgba
from medview.report.saver import HEATMAP_OPACITY, Options, Saved, Saver, SeenPicture, Which, first_seen

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


def opened(folder: Path, *options: Any, **more: Any) -> Saver:
    made = Saver(folder, Options(*options, **more))
    assert made.folder.open() is None
    return made


def seen(image: np.ndarray, path: Path = Path("s.png"), index: int = 0, many: bool = False) -> SeenPicture:
    """A picture as it is, grey from black to white."""
    frame = Frame(path, index, *image.shape[:2], "", lambda: image)
    return SeenPicture(frame, image, Window.from_range(0, 255), many=many)


def save(to: Saver, done: Analysis, shown: SeenPicture) -> Saved:
    saved = to.save(done, shown)
    assert isinstance(saved, Saved)
    return saved


def write(
    done: Analysis,
    image: np.ndarray,
    folder: Path,
    stem: str = "s",
    which: Which = "all",
    mask_overlay: bool = False,
) -> dict[str, ResultFiles]:
    """The files written for a picture of that name, by model."""
    saved = save(opened(folder, which, mask_overlay), done, seen(image, Path(f"{stem}.png")))
    assert saved.stem == stem
    assert sorted(map(str, saved.paths)) == sorted(listed(saved.files))
    return saved.files


def listed(files: dict[str, ResultFiles]) -> list[str]:
    """Every path that the JSON of an analysis names."""
    found = [path for one in files.values() for path in (one.mask, one.overlay, *one.heatmaps.values())]
    return [path for path in found if path is not None]


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
    assert [Path(path).name for path in listed(files)] == ["stem é ж 你__cls__a.png", "stem é ж 你__seg__mask.png"]
    mask = read(files["seg"].mask)
    assert mask.shape == (30, 40)
    assert set(np.unique(mask)) == {0, 255}
    assert (mask == 255).sum() == 100
    # Full heat: 60 % of the top colour, which imread gives as BGR.
    top = burn(image, np.full((30, 40, 4), 255, np.uint8) * 0 + _top(), HEATMAP_OPACITY)
    assert (picture(files["cls"].heatmaps["a"], image) == top).all()
    assert sorted(os.listdir(folder)) == sorted(Path(path).name for path in listed(files))


def _top() -> np.ndarray:
    from medview.report.overlay import heat_colours

    return np.append(heat_colours()[255], 255).astype(np.uint8)


def test_only_findings(tmp_path: Path, image: np.ndarray) -> None:
    files = write(analysis(), image, tmp_path, "s", which="findings")
    assert set(files["cls"].heatmaps) == {"a"}
    assert files["seg"].mask is not None


def test_without_a_finding_the_most_probable_label_is_written(tmp_path: Path, image: np.ndarray) -> None:
    whole = analysis()
    calm = Analysis("f", 0, "ok", results=(Result(**{**whole.results[0].__dict__, "findings": ()}),))
    calm.results[0].heatmaps["b"][0, 0] = 0.5  # type: ignore[index]
    assert set(write(calm, image, tmp_path, "s", which="findings")["cls"].heatmaps) == {"b"}


def test_the_part_that_was_looked_at_is_framed(tmp_path: Path, image: np.ndarray) -> None:
    region = Region(0.1, 0.25, 0.9, 0.75)
    classes = analysis().results[0]
    part = Analysis("f", 0, "ok", results=(Result(**{**classes.__dict__, "region": region}),))
    files = write(part, image, tmp_path, "s")
    heat = heatmap_rgba(np.ones((2, 2), np.float32), (30, 40), region)
    assert (heat[3, 10] == FRAME_RGBA).all()
    assert (picture(files["cls"].heatmaps["a"], image) == burn(image, heat, HEATMAP_OPACITY)).all()


@pytest.mark.parametrize("which", ["all", "findings"])
def test_a_heatmap_without_evidence_is_not_written(tmp_path: Path, image: np.ndarray, which: Which) -> None:
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


def test_the_picture_of_a_mask_is_beside_it_and_named_in_the_json(tmp_path: Path, image: np.ndarray) -> None:
    files = write(analysis(), image, tmp_path, "s", which="findings", mask_overlay=True)
    assert analysis().to_dict(files)["results"][1]["mask"] == {
        "path": str(tmp_path / "s__seg__mask.png"),
        "overlay": str(tmp_path / "s__seg__mask-overlay.png"),
        "pixels": 100,
        "fraction": 1 / 12,
        "area_mm2": 5.0,
    }
    shown = picture(tmp_path / "s__seg__mask-overlay.png", image)
    assert (shown[0, 0] == 60).all()
    assert (shown[10, 10] != 60).any()


def test_overlays_of_a_large_picture_are_reduced_and_its_mask_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saver, "OVERLAY_SIDE", 20)
    pixels = np.zeros((30, 40), np.uint8)
    pixels[11, 11] = 1  # one pixel, still seen in the reduced picture
    whole = analysis()
    spot = Result(**{**whole.results[1].__dict__, "mask": Mask(pixels, 1)})
    whole = Analysis("f.png", 0, "ok", results=(whole.results[0], spot))
    files = write(whole, np.full((30, 40), 60, np.uint8), tmp_path, "s", mask_overlay=True)
    small = np.empty((15, 20))
    assert picture(files["cls"].heatmaps["a"], small).shape == (15, 20, 3)
    assert (read(files["seg"].mask) == pixels * 255).all()
    assert (picture(tmp_path / "s__seg__mask-overlay.png", small) != 60).any(axis=2).sum() == 1


def test_the_table_names_every_file_of_the_analysis(tmp_path: Path, image: np.ndarray) -> None:
    saved = save(opened(tmp_path, mask_overlay=True, table=True), analysis(), seen(image))
    *pictures, table = saved.paths
    assert table.name == "s__results.json"
    row = json.loads(table.read_text(encoding="utf-8"))
    assert row == json.loads(json.dumps(analysis().to_dict(saved.files)))
    named = [
        row["results"][0]["heatmaps"]["a"],
        row["results"][1]["mask"]["overlay"],
        row["results"][1]["mask"]["path"],
    ]
    assert named == list(map(str, pictures))
    assert sorted(os.listdir(tmp_path)) == sorted(path.name for path in saved.paths)


def test_a_folder_that_is_a_file_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    failure = Saver(tmp_path / "file").folder.open()
    assert isinstance(failure, Failure)
    assert failure.code == Code.WRITE_ERROR
    assert failure.hint


def test_nothing_that_is_there_is_replaced(tmp_path: Path, image: np.ndarray) -> None:
    """Two patients whose files have one name, as those of two CDs have, and a run of yesterday."""
    paths = [tmp_path / where / "IM000001" for where in ("s1", "s2")]
    (tmp_path / "im000001-3__SEG__mask.png").write_bytes(b"of yesterday")
    stems = []
    for path in (*paths, paths[0]):
        saved = save(opened(tmp_path, table=True), analysis(), seen(image, path))
        stems.append(saved.stem)
        assert json.loads((tmp_path / f"{saved.stem}__results.json").read_text(encoding="utf-8"))["file"] == "f.png"
    assert stems == ["IM000001", "IM000001-2", "IM000001-4"]
    assert (tmp_path / "im000001-3__SEG__mask.png").read_bytes() == b"of yesterday"


def test_a_name_that_another_run_takes_meanwhile_is_left_to_it(
    tmp_path: Path, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = opened(tmp_path)
    (tmp_path / "s__seg__mask.png").write_bytes(b"theirs")
    assert save(target, analysis(), seen(image)).stem == "s-2"
    assert sorted(os.listdir(tmp_path)) == ["s-2__cls__a.png", "s-2__seg__mask.png", "s__seg__mask.png"]
    assert (tmp_path / "s__seg__mask.png").read_bytes() == b"theirs"


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes there")
def test_results_are_their_owners_alone(tmp_path: Path, image: np.ndarray) -> None:
    write(analysis(), image, tmp_path / "out", mask_overlay=True)
    assert (tmp_path / "out").stat().st_mode & 0o77 == 0
    assert [path.name for path in (tmp_path / "out").iterdir() if path.stat().st_mode & 0o77] == []


ONE_FOR_SOME_FILE_SYSTEM = [
    # The same file twice; one name from two folders; another suffix; names that differ by case, by how an accent is
    # coded, or beyond where they are cut; frames of one file, and a file that is called like a frame.
    ("in/a.png", 0, False, "a"),
    ("in/a.png", 0, False, "a-2"),
    ("other/a.png", 0, False, "a-3"),
    ("in/a.dcm", 0, False, "a-4"),
    ("in/A.png", 0, False, "A-5"),
    ("in/a-2.png", 0, False, "a-2-2"),
    ("in/é.png", 0, False, "é"),
    ("in/e\u0301.png", 0, False, "e\u0301-2"),
    ("in/É.png", 0, False, "É-3"),
    ("in/" + "x" * 120 + "1.png", 0, False, "x" * 100),
    ("in/" + "x" * 120 + "2.png", 0, False, "x" * 100 + "-2"),
    ("in/b.tif", 0, True, "b-frame0"),
    ("in/b.tif", 1, True, "b-frame1"),
    ("in/b-frame1.png", 0, False, "b-frame1-2"),
]


@pytest.mark.parametrize("runs", [False, True])
def test_no_name_is_given_twice(tmp_path: Path, runs: bool) -> None:
    """In one run, and where every picture is saved by itself, as in the window."""
    out, one = tmp_path / "out", opened(tmp_path / "out", table=True)
    kept: dict[str, bytes] = {}
    for level, (path, index, many, stem) in enumerate(ONE_FOR_SOME_FILE_SYSTEM):
        shown = seen(np.full((30, 40), level, np.uint8), tmp_path / path, index, many)
        saved = save(opened(out, table=True) if runs else one, analysis(), shown)
        assert saved.stem == stem
        assert picture(saved.files["cls"].heatmaps["a"], shown.values).shape == (30, 40, 3)
        kept |= {path.name: path.read_bytes() for path in saved.paths}
    assert len(kept) == 3 * len(ONE_FOR_SOME_FILE_SYSTEM)
    assert len({name.casefold() for name in kept}) == len(kept)
    assert {name: (out / name).read_bytes() for name in os.listdir(out)} == kept


def test_models_and_labels_whose_names_run_together_are_kept_apart(tmp_path: Path, image: np.ndarray) -> None:
    heat = np.ones((2, 2), np.float32)
    results = tuple(
        Result(card(id, "classify", label), "CPU", 1, {label: 0.7}, (label,), heatmaps={label: heat * level})
        for id, label, level in (("a", "b__c", 1.0), ("a__b", "c", 0.8), ("d", "mask", 1.0), ("e", "mask-overlay", 1.0))
    )
    saved = save(opened(tmp_path), Analysis("f.png", 0, "ok", results=results), seen(image))
    assert [path.name for path in saved.paths] == [
        "s__a__b__c.png", "s__a__b__c-2.png", "s__d__mask.png", "s__e__mask-overlay.png",
    ]  # fmt: skip
    assert [one["heatmaps"] for one in Analysis("f", 0, "ok", results=results).to_dict(saved.files)["results"]] == [
        {"b__c": str(saved.paths[0])},
        {"c": str(saved.paths[1])},
        {"mask": str(saved.paths[2])},
        {"mask-overlay": str(saved.paths[3])},
    ]
    assert saved.paths[0].read_bytes() != saved.paths[1].read_bytes()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("a defect"), KeyboardInterrupt()])
def test_nothing_is_left_of_what_could_not_be_saved_whole(
    tmp_path: Path, image: np.ndarray, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def second_fails(picture: np.ndarray) -> bytes:
        if (tmp_path / "s__cls__a.png").exists():
            raise error
        return make(picture)

    make = saver.png
    monkeypatch.setattr(saver, "png", second_fails)
    target = opened(tmp_path)
    if isinstance(error, OSError):
        failure = target.save(analysis(), seen(image))
        assert isinstance(failure, Failure)
        assert failure.text == "s__cls__a.png could not be written: No space left on device."
    else:
        with pytest.raises(type(error)):
            target.save(analysis(), seen(image))
    assert os.listdir(tmp_path) == []


def test_the_table_is_written_when_its_pictures_are_on_the_disk(
    tmp_path: Path, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[list[str]] = []
    monkeypatch.setattr(saver, "make_durable", lambda paths: synced.append([path.name for path in paths]))
    saved = save(opened(tmp_path, table=True), analysis(), seen(image))
    assert synced == [[path.name for path in saved.paths[:-1]]]


GREY = np.arange(240, dtype=np.uint8).reshape(12, 20)
COLOUR = np.dstack([GREY, GREY // 2, 255 - GREY])


@pytest.mark.parametrize("values", [GREY, np.dstack([GREY] * 3), COLOUR], ids=["grey", "grey as colour", "colour"])
@pytest.mark.parametrize("corrections", [(), ("invert",), ("rotate_90",), ("invert", "rotate_180")])
@pytest.mark.parametrize("by_file", [False, True])
def test_the_picture_that_is_first_seen_has_its_corrections(
    values: np.ndarray, corrections: tuple[Correction, ...], by_file: bool
) -> None:
    frame = Frame(Path("a"), 0, 12, 20, "", lambda: values, by_file)
    shown = first_seen(frame, values, corrections, many=True)
    turned = np.rot90(values, -quarter_turns(corrections))
    turned = turned[..., 0] if values is not GREY and values is not COLOUR else turned
    expected = 255 - turned if by_file != ("invert" in corrections) else turned
    np.testing.assert_array_equal(shown.image(), expected)
    assert (shown.many, shown.frame.rows) == (True, expected.shape[0])


def test_padding_is_black_and_the_window_of_the_file_is_kept() -> None:
    values = np.array([[-2000, 0, 100, 201]], np.int16)
    frame = Frame(Path("a"), 0, 1, 4, "CT", lambda: values, window=Window.exact(100, 200), padding=(-2000, -2000))
    assert first_seen(frame, values).image().tolist() == [[0, 0, 127, 255]]
    assert first_seen(frame, values, ("invert",)).image().tolist() == [[0, 255, 127, 0]]


def test_deep_colour_is_seen_by_its_high_bits() -> None:
    values = np.array([[[256, 512, 65535]]], np.uint16)
    assert first_seen(Frame(Path("a"), 0, 1, 1, "", lambda: values), values).image().tolist() == [[[1, 2, 255]]]
