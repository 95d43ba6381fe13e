"""One automatic window for a series whose files name none: for which series, over what, and that it stays."""

from __future__ import annotations

import gzip
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.imaging import series_window
from medview.imaging.open import open_path
from medview.imaging.series import read_folder
from medview.imaging.series_window import SAMPLES, SeriesWindow
from medview.imaging.study import Frame, Series
from medview.imaging.walk import find_files
from medview.imaging.window import Window, render, usual_window
from tests.imaging.make import dicom

AXIAL = [1, 0, 0, 0, 1, 0]


def brightness(level: int, kind: type = np.int16) -> np.ndarray[Any, Any]:
    """A slice from 0 to `level`."""
    return np.linspace(0, level, 400).reshape(20, 20).astype(kind)


def stack(folder: Path, levels: list[int], kind: type = np.int16, **elements: Any) -> Series:
    """A series whose slices reach `levels`."""
    for n, level in enumerate(levels):
        common = {"SeriesInstanceUID": "1.2", "SOPInstanceUID": f"1.2.{n}", "PixelSpacing": [1, 1], "InstanceNumber": n}
        place = {"ImagePositionPatient": [0, 0, n], "ImageOrientationPatient": AXIAL}
        own = {name: value[n] if isinstance(value, list) else value for name, value in elements.items()}
        (folder / f"{n:03}").write_bytes(dicom(brightness(level, kind), **{**common, **place, **own}))
    series = read_folder(find_files(folder)).series
    assert len(series) == 1
    return series[0]


def windows_of(series: Series) -> list[Window]:
    """The window that each frame is first shown with."""
    found = []
    for frame in series.frames:
        values = frame.modality_values()
        assert not isinstance(values, Failure)
        found.append(frame.first_window(values))
    return found


def test_slices_of_a_series_compare(tmp_path: Path) -> None:
    series = stack(tmp_path, [100, 200, 300, 400, 500, 600])
    windows = windows_of(series)
    assert len(set(windows)) == 1
    every = np.concatenate([brightness(level).ravel() for level in range(100, 700, 100)])
    low, high = np.percentile(every, (0.5, 99.5))
    assert windows[0].low == pytest.approx(low, abs=0.01)
    assert windows[0].high == pytest.approx(high, abs=0.01)
    shown = [int(render(brightness(level), windows[0])[-1, -1]) for level in (100, 600)]
    assert shown[0] < 60
    assert shown[1] == 255


def test_few_frames_are_decoded_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series = stack(tmp_path, list(range(100, 2100, 50)))
    shared = series.frames[0].shared
    assert shared is not None
    assert len(shared.frames) == SAMPLES
    decoded = [0]

    def counted(decode: Any) -> Any:
        def one() -> Any:
            decoded[0] += 1
            return decode()

        return one

    shared.frames = [(counted(decode), padding) for decode, padding in shared.frames]
    first = series.frames[3].first_window(brightness(1))
    assert series.frames[30].first_window(brightness(9)) == first
    assert decoded == [SAMPLES]


def test_a_window_of_the_file_is_kept_slice_by_slice(tmp_path: Path) -> None:
    series = stack(tmp_path, [100, 200, 300], WindowCenter=["10", "20", "30"], WindowWidth="40", Modality="PT")
    assert windows_of(series) == [Window(10, 40), Window(20, 40), Window(30, 40)]


def test_those_whose_files_name_none_share_one(tmp_path: Path) -> None:
    series = stack(tmp_path, [100, 200, 300, 400], WindowCenter=["10", None, None, None], WindowWidth="40")
    first, *others = windows_of(series)
    assert first == Window(10, 40)
    every = np.concatenate([brightness(level).ravel() for level in (200, 300, 400)])
    assert set(others) == {Window.from_range(*(float(end) for end in np.percentile(every, (0.5, 99.5))))}


def test_rare_values_share_one(tmp_path: Path) -> None:
    """Labels of a few pixels: the percentiles are background."""
    import nibabel

    labels = np.zeros((40, 40, 5), np.int16)
    labels[3, 3, 1], labels[3, 4, 3] = 1, 4
    path = tmp_path / "labels.nii"
    path.write_bytes(nibabel.Nifti1Image(labels, np.eye(4)).to_bytes())
    study = open_path(path)
    assert not isinstance(study, Failure)
    assert set(windows_of(study.series[0])) == {Window.from_range(0, 4)}


@pytest.mark.parametrize(
    ("kind", "elements"),
    [
        (np.uint8, {}),
        # Films of one series are exposed one by one.
        (np.int16, {"Modality": "DX", "ImageOrientationPatient": None, "ImagePositionPatient": None}),
        (np.int16, {"Modality": "CR", "ImageOrientationPatient": None, "ImagePositionPatient": None}),
    ],
)
def test_others_have_windows_of_their_own(tmp_path: Path, kind: type, elements: dict[str, Any]) -> None:
    series = stack(tmp_path, [100, 200, 250], kind, **elements)
    for frame, window in zip(series.frames, windows_of(series), strict=True):
        values = frame.modality_values()
        assert not isinstance(values, Failure)
        assert window == usual_window(values)


def test_padding_of_each_frame_does_not_count(tmp_path: Path) -> None:
    series = stack(tmp_path, [100, 200, 300], PixelPaddingValue=0, PixelPaddingRangeLimit=50)
    (window,) = set(windows_of(series))
    assert window.low > 50


def test_damaged_and_constant_slices_leave_the_rest(tmp_path: Path) -> None:
    stack(tmp_path, [100, 0, 300])
    whole = tmp_path / "000"
    series = read_folder(find_files(tmp_path)).series[0]
    whole.write_bytes(whole.read_bytes()[:-100])
    values = brightness(300)
    window = series.frames[2].first_window(values)
    left = np.concatenate([brightness(0).ravel(), values.ravel()])
    assert window.high == pytest.approx(float(np.percentile(left, 99.5)), abs=0.01)
    flat = tmp_path / "flat"
    flat.mkdir()
    assert set(windows_of(stack(flat, [0, 0, 0]))) == {usual_window(brightness(0))}


def test_the_frames_of_one_file_share_one(tmp_path: Path) -> None:
    frames = np.stack([brightness(level) for level in (100, 200, 900)])
    path = tmp_path / "cine.dcm"
    path.write_bytes(dicom(frames, Modality="XA"))
    study = open_path(path)
    assert not isinstance(study, Failure)
    assert len(set(windows_of(study.series[0]))) == 1


@pytest.mark.parametrize("ending", ["nii", "hdr", "nhdr", "mhd"])
def test_a_volume_that_lies_nowhere_shares_one(tmp_path: Path, ending: str) -> None:
    """Neither sform nor qform, Analyze, no space, no matrix: slices compare all the same."""
    import nibabel

    volume = np.stack([brightness(level) for level in (100, 300, 600)], axis=-1)
    (tmp_path / "vol.raw").write_bytes(volume.tobytes(order="F"))
    path = tmp_path / f"vol.{ending}"
    if ending == "nii":
        image = nibabel.Nifti1Image(volume, None)
        path.write_bytes(image.to_bytes())
    elif ending == "hdr":
        header = nibabel.AnalyzeHeader(endianness="<")
        header.set_data_shape(volume.shape)
        header.set_data_dtype(volume.dtype)
        path.write_bytes(header.binaryblock)
        (tmp_path / "vol.img").write_bytes(volume.tobytes(order="F"))
    elif ending == "nhdr":
        fields = "type: short\ndimension: 3\nsizes: 20 20 3\nendian: little\nencoding: raw\ndata file: vol.raw"
        path.write_text(f"NRRD0004\n{fields}\n\n")
    else:
        path.write_bytes(b"NDims = 3\nDimSize = 20 20 3\nElementType = MET_SHORT\nElementDataFile = vol.raw\n")
    study = open_path(path)
    assert not isinstance(study, Failure)
    assert len(study.frames) == 3
    (window,) = set(windows_of(study.series[0]))
    assert window.high > 500


def test_nifti_slices_share_one(tmp_path: Path) -> None:
    import nibabel

    volume = np.stack([brightness(level).astype(np.float32) for level in (100, 300, 600)], axis=-1)
    path = tmp_path / "vol.nii.gz"
    path.write_bytes(gzip.compress(nibabel.Nifti1Image(volume, np.eye(4)).to_bytes()))
    study = open_path(path)
    assert not isinstance(study, Failure)
    assert len(set(windows_of(study.series[0]))) == 1


def test_what_was_measured_is_kept_when_the_series_grows(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.mkdir()
    large.mkdir()
    before, after = stack(small, [100, 200]), stack(large, [100, 200, 5000])
    (window,) = set(windows_of(before))
    old, new = before.frames[0].shared, after.frames[0].shared
    assert old is not None
    assert new is not None
    new.adopt(old)
    assert set(windows_of(after)) == {window}


def test_a_window_is_taken_over_without_waiting_for_one_that_is_being_measured() -> None:
    """The Qt thread takes it over while another one may hang in a file on a drive that is gone."""
    reading, go_on = threading.Event(), threading.Event()

    def slow() -> NDArray[np.int16]:
        reading.set()
        assert go_on.wait(60)
        return brightness(5000)

    old = SeriesWindow([(lambda: brightness(100), None)])
    known = old.window()
    new = SeriesWindow([(slow, None)])
    found: list[Window | None] = []
    measuring = threading.Thread(target=lambda: found.append(new.window()))
    measuring.start()
    assert reading.wait(60)
    new.adopt(old)
    go_on.set()
    measuring.join(60)
    assert known is not None
    assert found == [known]
    assert new.window() == known


def test_models_get_what_they_got(tmp_path: Path) -> None:
    """The window is in no way part of the values."""
    series = stack(tmp_path, [100, 600])
    alone = open_path(tmp_path / "000")
    assert not isinstance(alone, Failure)

    def values(frame: Frame) -> Any:
        return frame.modality_values()

    windows_of(series)
    assert np.array_equal(values(series.frames[0]), values(alone.frames[0]))


def test_of_large_frames_fewer_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_window, "PIXELS", 1300)
    shared = stack(tmp_path, list(range(100, 1100, 100))).frames[0].shared
    assert shared is not None
    assert len(shared.frames) == 3
