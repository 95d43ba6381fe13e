"""NIfTI files made here, and what is read from them."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np

from medview.core.failures import Failure
from medview.imaging.study import Study

NAME = "é ж 你 "
# Values 0 to 220, of which the first slice has 0 to 205 (as in the file of the issue).
BODY = np.fromfunction(lambda x, y, z: 10 * x + y + 3 * z, (20, 16, 6)).astype(np.int16)
SIDES = (2.0, 3.0, 6.0)


def header(**fields: object) -> nibabel.Nifti1Header:
    made = nibabel.Nifti1Header()
    made.set_data_dtype(BODY.dtype)
    made.set_data_shape(BODY.shape)
    made["pixdim"][:4] = [1, *SIDES]
    made["qform_code"], made["qoffset_x"], made["qoffset_y"], made["qoffset_z"] = 1, -5, -7, -9
    made["magic"], made["vox_offset"] = b"n+1", 352
    for name, value in fields.items():
        made[name] = value
    return made


def write(path: Path, made: nibabel.Nifti1Header, values: np.ndarray = BODY) -> Path:
    data = made.binaryblock + bytes(4) + values.tobytes(order="F")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def position(study: Study, number: int = 0) -> tuple[float, ...]:
    place = study.frames[number].place
    assert place is not None
    assert place.plane is not None
    return tuple(round(v, 6) for v in place.plane.position)


def body_of(study: Study) -> np.ndarray:
    """(x, y, z) as stored, for a study that is shown with the right on the left and the front on top."""
    values = [frame.stored_values() for frame in study.frames]
    assert not any(isinstance(one, Failure) for one in values)
    return np.stack(values, axis=-1)[::-1, ::-1].transpose(1, 0, 2)  # type: ignore[arg-type]


def analyze(order: str = "<", **fields: object) -> nibabel.analyze.AnalyzeHeader:
    made = nibabel.AnalyzeHeader(endianness=order)
    made.set_data_dtype(BODY.dtype)
    made.set_data_shape(BODY.shape)
    made["pixdim"][1:4] = SIDES
    for name, value in fields.items():
        made[name] = value
    return made
