"""One film in other files: size, compression and depth are the file's, not the patient's, so the answer stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.core.samples import samples
from medview.imaging.open import open_path
from medview.inference.engine import Engine
from medview.inference.request import AnalysisRequest
from tests.imaging.make import dicom

FILMS = {s.path.stem: s.path for s in samples() if s.kind == "chest_xray"}
CR = "1.2.840.10008.5.1.4.1.1.1"


def told(engine: Engine, path: Path) -> dict[str, float]:
    """What the six-class model says of a file, through everything that the program does."""
    study = open_path(path)
    assert not isinstance(study, Failure)
    analysis = engine.analyse(AnalysisRequest(study.frames[0], path.name, model="chest-six", force=True))
    return analysis.results[0].probabilities or {}


def sized(side: int) -> Callable[[NDArray[np.uint8]], bytes]:
    def write(film: NDArray[np.uint8]) -> bytes:
        rows, cols = film.shape
        factor = side / min(rows, cols)
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        return bytes(
            cv2.imencode(".png", cv2.resize(film, (round(cols * factor), round(rows * factor)), interpolation=how))[1]
        )

    return write


def compressed(film: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, 60])[1])


def twelve_bits(film: NDArray[np.uint8]) -> bytes:
    deep = film.astype(np.uint16) * 16
    return dicom(deep, SOPClassUID=CR, Modality="CR", BodyPartExamined="CHEST", BitsStored=12, HighBit=11)


# The largest move of a probability seen with chest-six 1.3.0 is 0.05; JPEG at 60 costs a film of 224 pixels 0.21.
FILES = {
    "224.png": (sized(224), 0.1),
    "256.png": (sized(256), 0.1),
    "512.png": (sized(512), 0.1),
    "1024.png": (sized(1024), 0.1),
    "60.jpg": (compressed, 0.25),
    "12.dcm": (twelve_bits, 0.1),
}


@pytest.mark.parametrize("film", sorted(FILMS))
def test_the_answer_is_that_of_the_film_not_of_its_file(engine: Engine, film: str, tmp_path: Path) -> None:
    plain = told(engine, FILMS[film])
    pixels = cv2.imread(str(FILMS[film]), cv2.IMREAD_GRAYSCALE)
    for name, (write, most) in FILES.items():
        (tmp_path / name).write_bytes(write(pixels))
        again = told(engine, tmp_path / name)
        moved = {label: abs(again[label] - p) for label, p in plain.items()}
        assert max(moved.values()) <= most, (name, plain, again)
