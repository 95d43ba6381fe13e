"""What is measured of a picture, when it is noted, and what the gate makes of it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.samples import samples
from medview.imaging.open import open_path
from medview.inference.gate import GATE_MODEL, judge, orientation
from medview.inference.lungs import LIKE_LUNGS, find_lungs
from medview.inference.quality import (
    LIMITS,
    SAID,
    SIDE,
    Measures,
    check_picture,
    lung_notes,
    measure,
    notes,
    orientation_notes,
    sequence_notes,
    sharpness,
    sheet_skew,
    view_notes,
)
from medview.inference.region import WHOLE, Region
from medview.inference.registry import Model, Registry

# Right in the middle of every limit of a chest film.
GOOD = Measures(256, 1.1, 0.5, 0.7, 0.0, 0.2, 0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def gate() -> Model:
    model = Registry(device="cpu").load(GATE_MODEL)
    assert isinstance(model, Model)
    return model


def chess(dark: int, bright: int, tile: int = 1, side: int = SIDE) -> NDArray[np.uint8]:
    """A chessboard of two grey values."""
    y, x = np.mgrid[0:side, 0:side] // tile
    return np.where((x + y) % 2, bright, dark).astype(np.uint8)


# ---- measures ----


def test_a_chessboard_is_measured_exactly() -> None:
    seen = measure(chess(51, 153, tile=2))
    assert (seen.side, seen.aspect, seen.chroma, seen.skew, seen.saturated) == (SIDE, 1.0, 0.0, 0.0, 0.0)
    assert seen.brightness == pytest.approx(0.4)
    assert seen.contrast == pytest.approx(0.4)
    # Every pixel has two neighbours of its own value and two of the other: the Laplacian is twice the difference.
    assert sharpness(chess(0, 1, tile=2)[2:-2, 2:-2].astype(np.float32)) == pytest.approx(4.0, rel=0.01)


def test_brightness_and_saturation_follow_the_polarity() -> None:
    values = np.full((SIDE, SIDE), 51, np.uint8)
    values[: SIDE // 4] = 255
    assert measure(values).brightness == pytest.approx(0.25 + 0.75 * 0.2)
    assert measure(values).saturated == pytest.approx(0.25)
    assert measure(values, inverted=True).brightness == pytest.approx(0.75 * 0.8)
    assert measure(values, inverted=True).saturated == 0.0


def test_deep_values_have_no_brightness_and_their_steps_are_capped() -> None:
    deep = measure(chess(0, 153).astype(np.uint16) * 100)
    assert (deep.brightness, deep.contrast) == (None, 1.0)
    assert measure(chess(0, 51).astype(np.int16) + 1000).contrast == pytest.approx(0.2)
    assert measure(chess(0, 1).astype(np.float32) / 1000).contrast == 1.0


def test_chroma_is_the_mean_spread_of_the_channels() -> None:
    values = np.zeros((SIDE, SIDE, 3), np.uint8)
    values[..., 0], values[: SIDE // 2, :, 2] = 51, 102
    assert measure(values).chroma == pytest.approx((0.4 + 0.2) / 2)
    assert measure(np.repeat(chess(0, 200)[..., None], 3, axis=2)).chroma == 0.0


def test_saturation_is_the_spread_as_a_share_of_the_strongest_channel_whatever_lies_around() -> None:
    values = np.zeros((SIDE, SIDE, 3), np.uint8)
    values[: SIDE // 2] = (200, 150, 100)
    assert measure(values).chroma == pytest.approx(50 / 255)
    assert measure(values).saturation == pytest.approx(0.5)
    assert measure(np.repeat(chess(0, 200)[..., None], 3, axis=2)).saturation == 0.0
    assert measure(np.zeros((SIDE, SIDE, 3), np.uint8)).saturation == 0.0


def test_a_constant_picture_has_no_sharpness() -> None:
    assert sharpness(np.full((9, 9), 0.3, np.float32)) == 0.0


def sheet(corners: list[tuple[int, int]], ground: int = 20) -> NDArray[np.float32]:
    """A bright four-cornered sheet on even ground."""
    picture = np.full((SIDE, SIDE), ground, np.uint8)
    cv2.fillConvexPoly(picture, np.array(corners, np.int32), (200,))
    return picture.astype(np.float32) / np.float32(255)


@pytest.mark.parametrize(
    ("corners", "degrees"),
    [
        ([(30, 30), (190, 30), (190, 190), (30, 190)], 0.0),
        ([(60, 30), (190, 30), (190, 190), (30, 190)], np.degrees(np.arctan(30 / 160))),
        ([(112, 20), (204, 112), (112, 204), (20, 112)], 0.0),
    ],
)
def test_a_sheet_is_as_skew_as_its_worst_corner(corners: list[tuple[int, int]], degrees: float) -> None:
    assert sheet_skew(sheet(corners)) == pytest.approx(degrees, abs=1.0)


def test_only_a_large_straight_sheet_on_even_ground_counts() -> None:
    skew = [(60, 30), (190, 30), (190, 190), (30, 190)]
    assert sheet_skew(sheet(skew)) > 5
    assert sheet_skew(sheet([(x // 3, y // 3) for x, y in skew])) == 0.0
    rough = np.where(np.indices((SIDE, SIDE)).sum(axis=0) % 40 < 20, sheet(skew), np.float32(0.6)).astype(np.float32)
    assert sheet_skew(rough) == 0.0
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    disc = ((y - 112) ** 2 + (x - 112) ** 2 < 90**2).astype(np.float32)
    assert sheet_skew(disc) == 0.0


# ---- notes ----


@pytest.mark.parametrize(
    ("change", "code", "severity", "limit"),
    [
        ({"side": 100}, Code.TOO_SMALL, "warn", 128),
        ({"aspect": 2.0}, Code.WRONG_SHAPE, "warn", 1.7),
        ({"brightness": 0.2}, Code.TOO_DARK, "warn", 0.25),
        ({"brightness": 0.1}, Code.TOO_DARK, "refuse", 0.12),
        ({"brightness": 0.85}, Code.TOO_BRIGHT, "warn", 0.8),
        ({"brightness": 0.9}, Code.TOO_BRIGHT, "refuse", 0.88),
        ({"contrast": 0.2}, Code.LOW_CONTRAST, "warn", 0.25),
        ({"contrast": 0.05}, Code.LOW_CONTRAST, "refuse", 0.08),
        ({"saturated": 0.2}, Code.SATURATED, "warn", 0.15),
        ({"saturated": 0.5}, Code.SATURATED, "refuse", 0.4),
        ({"sharpness": 0.05}, Code.BLURRED, "warn", 0.07),
        ({"sharpness": 0.03}, Code.BLURRED, "refuse", 0.035),
        ({"chroma": 0.03}, Code.PHOTO, "warn", 0.02),
        ({"saturation": 0.31}, Code.OTHER_KIND, "refuse", 0.3),
        ({"skew": 4.0}, Code.PHOTO, "warn", 2.5),
    ],
)
def test_each_measure_beyond_its_limit_is_noted_with_both(
    change: dict[str, float], code: Code, severity: str, limit: float
) -> None:
    (note,) = notes(replace(GOOD, **change), "chest_xray")
    (measured,) = change.values()
    assert (note.code, note.severity, note.measured, note.limit, note.correction) == (
        code,
        severity,
        measured,
        limit,
        "",
    )
    assert note.text
    assert note.hint
    assert note.failure() == Failure(code, note.text, note.hint, f"{measured:.4g}, limit {limit:.4g}")


@pytest.mark.parametrize("kind", LIMITS)
def test_only_a_photo_is_to_be_taken_again(kind: str) -> None:
    """An examination is not repeated for a program, least of all one with radiation."""
    poor = replace(GOOD, contrast=0.01, saturated=0.9, sharpness=0.001)
    found = [*notes(replace(poor, brightness=0.01), kind), *notes(replace(poor, brightness=0.99), kind)]
    codes = {Code.TOO_DARK, Code.TOO_BRIGHT, Code.LOW_CONTRAST, Code.SATURATED, Code.BLURRED}
    assert codes <= {note.code for note in found}
    again = {"ake it again" in note.hint for note in found if note.code in codes}
    assert again == {kind == "skin_lesion"}


def test_what_is_within_its_limits_is_not_noted() -> None:
    assert notes(GOOD, "chest_xray") == ()
    assert notes(replace(GOOD, brightness=None), "chest_xray") == ()
    assert notes(replace(GOOD, side=1), "other") == ()


def test_a_bright_head_may_be_a_negative() -> None:
    (note,) = notes(replace(GOOD, brightness=0.8), "brain_mr")
    assert (note.code, note.severity, note.correction) == (Code.TOO_BRIGHT, "refuse", "invert")


def test_refusals_come_first() -> None:
    found = notes(replace(GOOD, side=100, contrast=0.01, skew=5.0), "chest_xray")
    assert [note.severity for note in found] == ["refuse", "warn", "warn"]


def test_refusing_limits_lie_beyond_the_warning_ones_and_every_limit_has_its_words() -> None:
    for limits in LIMITS.values():
        for name in SAID:
            limit = getattr(limits, name)
            if limit.warn is not None and limit.refuse is not None:
                assert (limit.refuse < limit.warn) == name.startswith("low_")
        assert set(SAID) == set(asdict(limits)) - {"too_bright_correction"}


@pytest.mark.parametrize(
    ("inverted", "turned", "told"),
    [
        (0.1, (0.1, 0.1, 0.1), []),
        (0.85, (0.0, 0.0, 0.0), [(Code.INVERTED, "warn", "invert", 0.8)]),
        (0.97, (0.0, 0.0, 0.0), [(Code.INVERTED, "refuse", "invert", 0.95)]),
        (0.0, (0.9, 0.0, 0.0), [(Code.ROTATED, "warn", "rotate_90", 0.8)]),
        (0.0, (0.0, 0.99, 0.0), [(Code.ROTATED, "refuse", "rotate_180", 0.95)]),
        (0.9, (0.0, 0.1, 0.89), [(Code.INVERTED, "warn", "invert", 0.8), (Code.ROTATED, "refuse", "rotate_270", 0.95)]),
    ],
)
def test_a_film_that_lies_wrong_is_noted_with_its_fix(
    inverted: float, turned: tuple[float, float, float], told: list[tuple[object, ...]]
) -> None:
    found = orientation_notes(inverted, turned, 0.8, 0.95)
    assert [(note.code, note.severity, note.correction, note.limit) for note in found] == told


def test_only_a_chest_film_must_be_frontal() -> None:
    (note,) = view_notes("chest_xray", True)
    assert (note.code, note.severity, note.correction) == (Code.LATERAL, "refuse", "")
    assert view_notes("chest_xray", False) == view_notes("brain_mr", True) == ()


def test_a_brain_slice_that_is_not_t1_weighted_is_noted() -> None:
    (note,) = sequence_notes("brain_mr", "echo planar imaging")
    assert (note.code, note.severity) == (Code.OTHER_SEQUENCE, "warn")
    assert "(echo planar imaging)" in note.text
    assert sequence_notes("brain_mr", "") == sequence_notes("chest_xray", "echo planar imaging") == ()


def test_a_chest_film_without_anything_like_lungs_is_noted() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300)).astype(np.uint8)
    (note,) = lung_notes(find_lungs(noise))
    assert (note.code, note.severity, note.limit) == (Code.NO_LUNGS, "warn", LIKE_LUNGS)
    assert note.measured < LIKE_LUNGS
    assert lung_notes(None) == ()


def sample_values(name: str) -> NDArray[np.uint8]:
    study = open_path(next(s.path for s in samples() if name in s.path.name))
    assert not isinstance(study, Failure)
    values = study.frames[0].modality_values()
    assert not isinstance(values, Failure)
    return values


def film() -> NDArray[np.uint8]:
    return sample_values("chest-normal-adult")


def test_the_gate_tells_of_a_film_without_lungs(gate: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = replace(WHOLE, likeness=0.2)
    monkeypatch.setattr("medview.inference.gate.find_lungs", lambda *_: nowhere)
    verdict = judge(gate, film(), False)
    (note,) = [note for note in verdict.quality if note.code is Code.NO_LUNGS]
    assert (note.measured, verdict.lungs) == (0.2, nowhere)


def test_on_a_negative_the_lungs_are_not_looked_for(gate: Model) -> None:
    verdict = judge(gate, 255 - film(), False)
    assert Code.INVERTED in {note.code for note in verdict.quality}
    assert (verdict.lungs, verdict.lungs and verdict.lungs.likeness) == (WHOLE, 0.0)
    assert Code.NO_LUNGS not in {note.code for note in verdict.quality}


def test_a_film_that_its_file_calls_lateral_is_refused(gate: Model) -> None:
    verdict = judge(gate, film(), False, lateral=True)
    assert verdict.reason is not None
    assert verdict.reason.code is Code.LATERAL
    assert verdict.kind == "chest_xray"
    assert judge(gate, film(), False).reason is None


@pytest.mark.parametrize(
    ("shape", "code", "measured"),
    [((47, 100), Code.TOO_SMALL, 47), ((100, 401), Code.WRONG_SHAPE, 4.01), ((64, 64), Code.BLANK, 0.0)],
)
def test_what_is_no_picture_is_refused(shape: tuple[int, int], code: Code, measured: float) -> None:
    note = check_picture(np.zeros(shape, np.uint8))
    assert note is not None
    assert (note.code, note.severity, note.measured) == (code, "refuse", measured)


# ---- the gate ----


def test_orientation_adds_up_the_states_of_its_head() -> None:
    head = {"orientation_weights_k": np.zeros((6, 2)), "orientation_bias_k": np.log([0.4, 0.1, 0.1, 0.2, 0.15, 0.05])}
    assert orientation(np.ones(2), head, "k") == pytest.approx({"inverted": 0.4, "sideways": 0.25, "upside_down": 0.15})


def in_a_circle(values: NDArray[np.uint8], radius: float) -> NDArray[np.uint8]:
    """The picture on black but for a circle of a radius in shares of its width."""
    rows, cols = values.shape[:2]
    across, down = np.meshgrid(np.arange(cols) - cols / 2, np.arange(rows) - rows / 2)
    return np.where(np.hypot(across, down)[:, :, None] > radius * cols, 0, values).astype(np.uint8)


@pytest.mark.parametrize("name", ["skin-nevus", "skin-melanoma"])
@pytest.mark.parametrize("radius", [0.4, 0.5, 0.6])
def test_skin_in_a_round_field_is_skin(gate: Model, name: str, radius: float) -> None:
    verdict = judge(gate, in_a_circle(sample_values(name), radius), False)
    assert (verdict.kind, verdict.reason) == ("skin_lesion", None)


def test_skin_in_a_round_field_is_as_bright_as_what_lies_within_and_as_large_as_all_of_it(
    gate: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = in_a_circle(sample_values("skin-nevus"), 0.32)
    assert Code.TOO_DARK not in {note.code for note in judge(gate, values, False).quality}
    monkeypatch.setattr("medview.inference.gate.find_field", lambda _: WHOLE)
    assert Code.TOO_DARK in {note.code for note in judge(gate, values, False).quality}
    part = measure(values, region=Region(0.25, 0.25, 0.75, 0.75))
    assert (part.side, part.aspect) == (min(values.shape[:2]), max(values.shape[:2]) / min(values.shape[:2]))
    assert part.brightness == pytest.approx(measure(Region(0.25, 0.25, 0.75, 0.75).cut(values)).brightness)


def test_a_head_in_strong_colours_is_refused_once(gate: Model) -> None:
    grey = sample_values("brain-glioma")
    grey = grey if grey.ndim == 2 else grey[..., 0]
    shares = np.array([1.0, 0.8, 0.6])
    verdict = judge(gate, (grey[..., None] * shares).astype(np.uint8), False)
    assert verdict.kind == "other"
    assert verdict.reason is not None
    assert verdict.reason.code is Code.OTHER_KIND
    assert Code.PHOTO not in {note.code for note in verdict.quality}
    pale = judge(gate, (grey[..., None] * (0.5 + shares / 2)).astype(np.uint8), False)
    assert (pale.reason, [note.code for note in pale.quality]) == (None, [Code.PHOTO])


def test_the_gate_tells_of_another_sequence(gate: Model) -> None:
    verdict = judge(gate, sample_values("brain-glioma"), False, not_t1="echo planar imaging")
    assert verdict.reason is None
    assert Code.OTHER_SEQUENCE in {note.code for note in verdict.quality}


FILMS = ("chest-normal-adult", "chest-normal-child", "chest-emphysema-adult", "chest-pneumonia-child")


@pytest.mark.parametrize("name", FILMS)
def test_an_upright_film_of_a_child_an_adult_or_a_lung_alone_is_not_noted(gate: Model, name: str) -> None:
    verdict = judge(gate, sample_values(name), False)
    assert (verdict.reason, verdict.quality) == (None, ())


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_film_that_lies_wrong_is_refused_with_the_fix(gate: Model, name: str, turns: int) -> None:
    negative = 255 - sample_values(name)
    # Some negatives on their side no longer look like a film: then the user says that they are one.
    verdict = judge(gate, np.ascontiguousarray(np.rot90(negative, turns)), False, said="chest_xray")
    assert verdict.reason is not None
    wanted = {"invert"} | ({f"rotate_{turns * 90}"} if turns else set())
    assert {note.correction for note in verdict.quality if note.severity == "refuse"} == wanted
    # The same values with the polarity that makes a positive of them.
    assert not any(note.code is Code.INVERTED for note in judge(gate, negative, True).quality)


@pytest.mark.data
@pytest.mark.parametrize(("source", "label"), [("NIH ChestX-ray14", "normal"), ("Kermany paediatric CXR", "normal")])
def test_films_of_both_hospitals_are_taken_as_upright(gate: Model, data_dir: Path, source: str, label: str) -> None:
    import csv

    with (data_dir / "cxr/manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if (r["source"], r["label"], r["split"]) == (source, label, "val")]
    assert len(rows) > 30
    for row in rows[:30]:
        study = open_path(data_dir / "cxr/images" / row["file"])
        assert not isinstance(study, Failure)
        values = study.frames[0].modality_values()
        assert not isinstance(values, Failure)
        assert judge(gate, values, False).quality == ()


def test_a_grey_picture_stored_in_colour_is_no_skin(gate: Model) -> None:
    skin = sample_values("skin-nevus")
    grey = np.repeat(cv2.cvtColor(skin, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert judge(gate, skin, False).reason is None
    assert judge(gate, grey, False).reason is not None
