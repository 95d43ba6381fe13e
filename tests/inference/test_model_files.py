"""The files of a model folder: what is opened, how much of it, and what a network may bring along."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.core import resources
from medview.inference.model_files import check_self_contained, read_arrays, read_inside
from tests.inference.hostile import archive, message, npz

needs_links = pytest.mark.skipif(os.name == "nt", reason="links and pipes are made by administrators there")


def test_a_file_of_the_folder_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_bytes(b"12345")
    assert read_inside(tmp_path, "card.toml", 5) == b"12345"
    with pytest.raises(ValueError, match="5 bytes, 4 are allowed"):
        read_inside(tmp_path, "card.toml", 4)


@pytest.mark.parametrize("name", ["../secret", "sub/../../secret", "sub/file", "..", ".", "", "secret\0"])
def test_nothing_outside_is_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "model" / "sub").mkdir(parents=True)
    (tmp_path / "model" / "sub" / "file").write_text("x")
    with pytest.raises((ValueError, OSError)):
        read_inside(tmp_path / "model", name, 100)
    with pytest.raises(ValueError, match="does not lie in the folder"):
        read_inside(tmp_path / "model", str(tmp_path / "secret"), 100)


@needs_links
def test_a_link_is_followed_within_the_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "real").write_bytes(b"y")
    (folder / "in").symlink_to("real")
    (folder / "out").symlink_to("../secret")
    assert read_inside(folder, "in", 9) == b"y"
    with pytest.raises(ValueError, match="does not lie in the folder"):
        read_inside(folder, "out", 9)
    (tmp_path / "elsewhere").symlink_to(folder)
    assert read_inside(tmp_path / "elsewhere", "in", 9) == b"y"


@needs_links
def test_a_pipe_a_folder_or_a_device_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(ValueError, match="is no file"):
            read_inside(tmp_path, name, 9)


def test_arrays_are_read_as_they_were_written() -> None:
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.uint8(7), "c": np.asfortranarray(np.eye(3))}
    read = read_arrays(npz(arrays))
    assert read.keys() == arrays.keys()
    for name, value in arrays.items():
        np.testing.assert_array_equal(read[name], value)
        assert read[name].dtype == value.dtype


def header(shape: str, dtype: str = "|u1") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        npz({"a": np.array([{"b": 1}], dtype=object)}),
        npz({"a": np.array(["text"])}),
        archive({"a.npy": b"\x93NUMPY\x03\x00"}),
        archive({"a.npy": header("(1000000000000,)") + b"1"}),
        archive({"a.npy": header("(-1,)") + b"1"}),
        archive({"a.npy": header("(1,)", "|O") + b"1"}),
        archive({"a.npy": header("(" + "1," * 40 + ")") + b"1"}),
        archive({f"{i}.npy": header("(1,)") + b"1" for i in range(300)}),
        npz({"a": np.ones(9)})[:-30],
    ],
)
def test_other_arrays_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_arrays(data)


def test_an_archive_that_unpacks_to_much_is_not_unpacked() -> None:
    bomb = archive({"a.npy": header("(140000000,)") + bytes(140_000_000)})
    assert len(bomb) < 1_000_000
    with pytest.raises(ValueError, match="more arrays than a model has"):
        read_arrays(bomb)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_damaged_arrays_give_arrays_or_a_value_error(junk: bytes, at: int) -> None:
    sound = npz({"a": np.arange(30), "b": np.zeros((2, 2), np.float16)})
    at = min(at, len(sound))
    with contextlib.suppress(ValueError):
        read = read_arrays(sound[:at] + junk + sound[at + len(junk) :])
        assert all(isinstance(value, np.ndarray) for value in read.values())


TENSOR_OUTSIDE = message((8, b"w"), (14, 1), (13, message((1, b"location"), (2, b"../../x"))))
PLAIN = message((1, 3), (8, b"w"), (9, b"\0\0\0\0"))


@pytest.mark.parametrize(
    "graph",
    [
        message((5, TENSOR_OUTSIDE)),
        message((5, PLAIN), (5, message((8, b"w"), (13, message((1, b"location"), (2, b"x")))))),
        message((5, message((14, 1)))),
        message((15, message((1, TENSOR_OUTSIDE)))),
        message((1, message((5, message((5, TENSOR_OUTSIDE)))))),
        message((1, message((5, message((11, message((5, TENSOR_OUTSIDE)))))))),
    ],
)
def test_a_network_with_weights_elsewhere_is_refused(graph: bytes) -> None:
    with pytest.raises(ValueError, match="keeps weights in another file"):
        check_self_contained(message((1, 8), (7, graph)))
    with pytest.raises(ValueError, match="keeps weights in another file"):
        check_self_contained(message((25, message((7, message((5, message((6, graph)))))))))


def test_a_network_in_one_file_passes() -> None:
    check_self_contained(message((1, 8), (7, message((5, PLAIN), (2, b"location"))), (14, message((1, b"location")))))
    for path in resources.shipped("models").glob("*/model.onnx"):
        check_self_contained(path.read_bytes())


def test_graphs_within_graphs_without_end_are_refused() -> None:
    graph = b""
    for _ in range(100):
        graph = message((1, message((5, message((6, graph))))))
    with pytest.raises(ValueError, match="deeper than any network"):
        check_self_contained(message((7, graph)))


@given(st.binary(max_size=300))
def test_any_bytes_as_a_network_raise_a_value_error_at_most(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        check_self_contained(data)
