"""The files of a model folder, read with care: somebody else may have made them.

Only regular files inside the folder are opened, up to a size; arrays are plain numbers of the size their archive says;
a network may not name files of its own.
"""

from __future__ import annotations

import io
import math
import os
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODEL_BYTES = 512 * 1024**2
ARRAYS_BYTES = 128 * 1024**2
MOST_ARRAYS = 200
_KINDS = "fiub"


def read_inside(folder: Path, name: str, most: int) -> bytes:
    """A regular file that lies in a folder, links followed only as far as they stay in it. Raises OSError, and
    ValueError for anything else: a pipe or a device could block for ever."""
    path = folder / name
    if Path(name).name != name or not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name} does not lie in the folder")
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{name} is no file")
    # It may be another one by now.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{name} is no file")
        data = file.read(most + 1) if status.st_size <= most else b""
    if status.st_size > most or len(data) > most:
        raise ValueError(f"{name} has {max(status.st_size, len(data))} bytes, {most} are allowed")
    return data


def read_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz: numbers only, at most `ARRAYS_BYTES` of them unpacked, none larger than it says. Raises
    ValueError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MOST_ARRAYS or sum(member.file_size for member in members) > ARRAYS_BYTES:
                raise ValueError("more arrays than a model has")
            if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
                raise ValueError("arrays are packed in an unusual way")
            return {member.filename.removesuffix(".npy"): _array(archive.read(member)) for member in members}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"no archive of arrays: {error}") from error


def _array(data: bytes) -> NDArray[Any]:
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"arrays of version {version}")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read(file)
    if dtype.kind not in _KINDS or dtype.hasobject or len(shape) > 8 or any(side < 0 for side in shape):
        raise ValueError(f"an array of {dtype} is no array of numbers")
    if math.prod(shape) * dtype.itemsize != len(data) - file.tell():
        raise ValueError("an array is not as large as it says")
    return np.frombuffer(data, dtype, offset=file.tell()).reshape(shape, order="F" if by_columns else "C")


# Messages of onnx.proto by name: the fields that hold further messages. Only these can lead to a tensor.
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
# Of a tensor: `external_data` and `data_location`.
_OUTSIDE = (13, 14)
_DEEPEST_GRAPH = 60


def check_self_contained(network: bytes) -> None:
    """Raise ValueError when a serialised ONNX model keeps a tensor in another file, whichever that is, or is no model.

    ONNX Runtime would open it, from the folder the program happens to run in.
    """
    waiting = [(memoryview(network), "model", 0)]
    while waiting:
        message, kind, depth = waiting.pop()
        if depth > _DEEPEST_GRAPH:
            raise ValueError("model.onnx: graphs within graphs, deeper than any network needs")
        for field, value in _fields(message):
            if kind == "tensor" and field in _OUTSIDE and value:
                raise ValueError("model.onnx keeps weights in another file; a model of medview is one file")
            inner = _MESSAGES[kind].get(field)
            if inner is not None and isinstance(value, memoryview):
                waiting.append((value, inner, depth + 1))


def _fields(message: memoryview) -> list[tuple[int, memoryview | int]]:
    """The fields of one protobuf message: (number, bytes, or a whole number). Raises ValueError where it is none."""
    found: list[tuple[int, memoryview | int]] = []
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value: memoryview | int = 0
        if tag & 7 == 0:
            value, at = _varint(message, at)
        elif tag & 7 == 2:
            length, at = _varint(message, at)
            value = message[at : at + length]
            at += length
        elif tag & 7 in (1, 5):
            at += 8 if tag & 7 == 1 else 4
        else:
            raise ValueError("model.onnx is no ONNX model")
        if at > len(message):
            raise ValueError("model.onnx is cut short")
        found.append((tag >> 3 & 0x1FFFFFFF, value))
    return found


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise ValueError("model.onnx is no ONNX model")
