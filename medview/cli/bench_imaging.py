"""How fast files become pictures here, against bare pydicom in the same run. The files are made for the occasion."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.cli.bench_peers import first_frame, first_frame_by_pydicom, measure_peers
from medview.core.failures import Failure
from medview.imaging.series import read_folder
from medview.imaging.study import Frame
from medview.imaging.walk import find_files
from medview.imaging.window import Window, render

SIDE = 2048
SLICES, SLICE_SIDE = 500, 512
MIXED = 1000
_CT = "1.2.840.10008.5.1.4.1.1.2"


def measure(
    runs: int, folder: Path | None, slices: int = SLICES, mixed: int = MIXED, many: bool = False
) -> dict[str, Any]:
    """All figures: medians of times in ms, or times in s, as their names say.

    `folder`: also decode the compressed DICOM files in it, each against its peers. `many`: also index a folder of ten
    times as many files, to see how it grows.
    """
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="medview-bench-") as name:
        root = Path(name)
        report["first_pixel_2048x2048_16bit"] = _first_pixel(root, runs)
        report["window_2048x2048"] = _window(SIDE, runs)
        report["scroll_cached_512x512"] = _window(SLICE_SIDE, runs)
        report[f"ct_series_{slices}_slices"] = _series(root / "series", slices)
        report["mixed_folder"] = [
            _mixed(root / f"mixed{count}", count) for count in (mixed // 4, mixed, *((10 * mixed,) if many else ()))
        ]
    if folder is not None:
        report["compressed_files"] = measure_peers(folder, min(runs, 7))
    return report


def _median_ms(run: Callable[[], object], runs: int) -> float:
    """Processor time in ms."""
    run()
    taken = []
    for _ in range(runs):
        started = time.process_time()
        run()
        taken.append((time.process_time() - started) * 1e3)
    return float(np.median(taken))


def _pair(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> dict[str, float]:
    """Medians of processor time in ms, measured in turns: on a busy machine the clock on the wall says little."""
    ours(), theirs()
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for run, times in zip((ours, theirs), taken, strict=True):
            started = time.process_time()
            run()
            times.append((time.process_time() - started) * 1e3)
    mine, peer = (float(np.median(times)) for times in taken)
    return {"medview_cpu_ms": round(mine, 2), "pydicom_cpu_ms": round(peer, 2), "ratio": round(mine / peer, 2)}


def _decode(path: Path) -> NDArray[Any]:
    values = first_frame(path)
    if isinstance(values, Failure):
        raise RuntimeError(f"{path.name}: {values.text} {values.detail}")
    return values


def _write(path: Path, pixels: NDArray[np.int16], **elements: Any) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = UID(_CT), UID("1.2.840.10008.1.2.1")
    meta.MediaStorageSOPInstanceUID = elements.get("SOPInstanceUID", "1.2.3")
    ds = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    ds.SOPClassUID, ds.Modality, ds.PatientName, ds.PatientID = _CT, "CT", "Bench^Mark", "1"
    ds.Rows, ds.Columns = pixels.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 1
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    ds.RescaleSlope, ds.RescaleIntercept, ds.WindowCenter, ds.WindowWidth = 1, -1024, 40, 400
    ds.PixelSpacing, ds.ImageOrientationPatient = [0.7, 0.7], [1, 0, 0, 0, 1, 0]
    for name, value in elements.items():
        setattr(ds, name, value)
    ds.PixelData = pixels.tobytes()
    ds.save_as(path, enforce_file_format=True)


def _noise(rows: int, cols: int) -> NDArray[np.int16]:
    return np.random.default_rng(0).integers(0, 4096, (rows, cols), np.int16)


def _first_pixel(root: Path, runs: int) -> dict[str, float]:
    path = root / "large.dcm"
    _write(path, _noise(SIDE, SIDE))
    return _pair(lambda: _decode(path), lambda: first_frame_by_pydicom(path), runs)


def _window(side: int, runs: int) -> dict[str, float]:
    """One change of the window of a picture in memory, into a kept buffer."""
    values, buffer = _noise(side, side), np.empty((side, side), np.uint8)
    widths = iter(np.linspace(100, 4000, 10 * runs + 10))
    ms = _median_ms(lambda: render(values, Window(2000, next(widths)), out=buffer), runs)
    return {"cpu_ms": round(ms, 2), "per_s": round(1e3 / ms)}


def _series(folder: Path, slices: int) -> dict[str, Any]:
    """A CT series under shuffled names: list, first picture, all pictures, memory."""
    folder.mkdir()
    names = list(range(slices))
    random.Random(0).shuffle(names)
    pixels = _noise(SLICE_SIDE, SLICE_SIDE)
    for number, name in enumerate(names):
        place = {"ImagePositionPatient": [-180, -180, number * 1.25 - 300], "SOPInstanceUID": f"1.2.{number + 1}"}
        _write(folder / f"{name:05}.dcm", pixels, SeriesInstanceUID="1.2", InstanceNumber=number, **place)
    with _Stopwatch() as listing:
        (series,) = read_folder(find_files(folder)).series
    with _Stopwatch() as first:
        _modality(series.frames[0])
    before = _resident_bytes()
    with _Stopwatch() as whole:
        decoded = [_modality(frame) for frame in series.frames]
    held, size = _resident_bytes(), sum(values.nbytes for values in decoded)
    del decoded
    with _Stopwatch() as peer:
        theirs = [first_frame_by_pydicom(path) for path in series.paths]
    del theirs
    return {
        "list": listing.figures(),
        "first_picture": first.figures(),
        "whole_series": whole.figures(),
        "whole_series_pydicom": peer.figures(),
        "cpu_ratio": round(whole.cpu / peer.cpu, 2),
        "memory_per_pixel_byte": round((held - before) / size, 2) if held else None,
        "in_order": [frame.place.number if frame.place else None for frame in series.frames] == list(range(slices)),
    }


class _Stopwatch:
    """Wall and processor time of a block."""

    def __enter__(self) -> _Stopwatch:
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu

    def figures(self) -> dict[str, float]:
        """Seconds, as printed."""
        return {"wall_s": round(self.wall, 4), "cpu_s": round(self.cpu, 4)}


def _modality(frame: Frame) -> NDArray[Any]:
    values = frame.modality_values()
    if isinstance(values, Failure):
        raise RuntimeError(values.text)
    return values


def _resident_bytes() -> int:
    """Resident memory of this process, 0 where the system does not tell (outside Linux)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")), 0)


def _mixed(folder: Path, count: int) -> dict[str, Any]:
    """A folder of slices, pictures and other files: how long until everything is listed."""
    import cv2

    folder.mkdir()
    grey = (_noise(256, 256) // 16).astype(np.uint8)
    pictures = {kind: cv2.imencode("." + kind, grey)[1].tobytes() for kind in ("png", "jpg")}
    for number in range(count):
        kind = number % 10
        if kind < 6:
            place = {"ImagePositionPatient": [0, 0, number], "SOPInstanceUID": f"1.3.{number + 1}"}
            _write(folder / f"{number}", _noise(64, 64), SeriesInstanceUID=f"1.3.{number % 20}", **place)
        elif kind < 9:
            suffix = "png" if kind < 8 else "jpg"
            (folder / f"{number}.{suffix}").write_bytes(pictures[suffix])
        else:
            (folder / f"{number}.txt").write_text("no picture\n" * 20)
    before = _resident_bytes()
    with _Stopwatch() as listing:
        found = read_folder(find_files(folder))
    held = _resident_bytes()
    return {
        "files": count,
        **listing.figures(),
        "cpu_ms_per_file": round(listing.cpu / count * 1e3, 3),
        "memory_kib_per_file": round((held - before) / count / 1024, 1) if held else None,
        "series": len(found.series),
        "refused": len(found.refused),
    }
