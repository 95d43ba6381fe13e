"""NRRD and MetaImage: every way to write a volume shows the same picture at the same place, and lies are refused.

What other programs write was compared once with SimpleITK and pynrrd (docs/adr/0017); here the bytes are made by hand.
"""

from __future__ import annotations

import bz2
import gzip
import itertools
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medview.core.failures import Code, Failure
from medview.imaging import voxels
from medview.imaging.open import open_path
from medview.imaging.study import Study
from medview.imaging.voxels import SIDES_UNKNOWN

NAME = "é ж 你 "
# (x, y, z), values that tell the place.
BODY = np.fromfunction(lambda x, y, z: 100 * x + 10 * y + z, (4, 5, 6)).astype(np.int16)
RAW = BODY.tobytes(order="F")
Fields = dict[str, Any]


def nrrd(data: bytes = RAW, **changes: Any) -> bytes:
    """An NRRD file; a field of None is left away."""
    fields: Fields = {
        "type": "short", "dimension": 3, "space": "left-posterior-superior", "sizes": "4 5 6",
        "space directions": "(2,0,0) (0,3,0) (0,0,4)", "kinds": "domain domain domain", "endian": "little",
        "encoding": "raw", "space origin": "(-5,-7,-9)",
        **{name.replace("_", " "): value for name, value in changes.items()},
    }  # fmt: skip
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\n".join(("NRRD0005", "# a comment", "a key:=a value", *lines, "", "")).encode() + data


def mha(data: bytes = RAW, **changes: Any) -> bytes:
    """A MetaImage file; a field of None is left away."""
    fields: Fields = {
        "ObjectType": "Image", "NDims": 3, "BinaryData": True, "BinaryDataByteOrderMSB": False,
        "CompressedData": False, "TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "-5 -7 -9",
        "ElementSpacing": "2 3 4", "DimSize": "4 5 6", "ElementType": "MET_SHORT", **changes,
    }  # fmt: skip
    fields["ElementDataFile"] = fields.pop("ElementDataFile", "LOCAL")
    return "".join(f"{name} = {value}\n" for name, value in fields.items() if value is not None).encode() + data


def opened(path: Path, data: bytes) -> Study:
    path.write_bytes(data)
    study = open_path(path)
    assert isinstance(study, Study), study
    return study


def refused(path: Path, data: bytes) -> Failure:
    """Why a file does not open, or its first picture cannot be decoded."""
    path.write_bytes(data)
    failure = open_path(path)
    if isinstance(failure, Study):
        failure = failure.frames[0].stored_values()  # type: ignore[assignment]
    assert isinstance(failure, Failure), failure
    assert failure.text
    assert failure.hint
    return failure


def check(study: Study, body: np.ndarray = BODY) -> None:
    """The study shows `body` in LPS, spaced by (2, 3, 4) mm from (-5, -7, -9)."""
    assert len(study.frames) == body.shape[2]
    for number, frame in enumerate(study.frames):
        assert np.array_equal(frame.stored_values(), body[:, :, number].T)  # type: ignore[arg-type]
        assert frame.place is not None
        assert frame.place.plane is not None
        assert frame.place.plane.to_patient(1, 2) == pytest.approx((-5 + 2 * 2, -7 + 3, -9 + 4 * number))
        assert frame.notes == ()


def check_boxes(study: Study, spacing: tuple[float, float], body: np.ndarray = BODY) -> None:
    """The study shows `body` as it is stored, at no known place."""
    for number, frame in enumerate(study.frames):
        assert np.array_equal(frame.stored_values(), body[:, :, number].T)  # type: ignore[arg-type]
        assert (frame.place, frame.notes, frame.spacing_mm) == (None, (SIDES_UNKNOWN,), spacing)


TEXT = " ".join(map(str, BODY.ravel(order="F"))).encode()
BIG = BODY.astype(">i2").tobytes(order="F")
SAME = {
    "nrrd": nrrd(), "gzip": nrrd(gzip.compress(RAW), encoding="gzip"), "gz": nrrd(gzip.compress(RAW), encoding="gz"),
    "bzip2": nrrd(bz2.compress(RAW), encoding="bzip2"), "text": nrrd(TEXT, encoding="ascii", endian=None),
    "big": nrrd(BIG, endian="big"), "carriage returns": nrrd(b"").replace(b"\n", b"\r\n") + RAW,
    "junk behind": nrrd(RAW + b"junk"), "skipped": nrrd(b"a\nb\nxx" + RAW, line_skip=2, byte_skip=2),
    "from the end": nrrd(b"anything" + RAW, byte_skip=-1),
    "skipped when unpacked": nrrd(gzip.compress(b"xxx" + RAW), encoding="gzip", byte_skip=3),
    "RAS": nrrd(space="RAS", space_directions="(-2,0,0) (0,-3,0) (0,0,4)", space_origin="(5,7,-9)"),
    "RAST": nrrd(space="RAST", space_directions="(-2,0,0) (0,-3,0) (0,0,4)", space_origin="(5,7,-9)"),
    "LAS": nrrd(space="left-anterior-superior", space_directions="(2,0,0) (0,-3,0) (0,0,4)", space_origin="(-5,7,-9)"),
    "metres": nrrd(space_units='"m" "m" "m"', space_directions="(.002,0,0) (0,.003,0) (0,0,.004)",
                   space_origin="(-.005,-.007,-.009)"),
    "mha": mha(), "mha zlib": mha(zlib.compress(RAW), CompressedData="True", CompressedDataSize=99),
    "mha gzip": mha(gzip.compress(RAW), CompressedData="True"), "mha text": mha(TEXT, BinaryData="False"),
    "mha big": mha(BIG, BinaryDataByteOrderMSB="True"), "mha order": mha(BIG, BinaryDataByteOrderMSB=None,
                                                                          ElementByteOrderMSB="True"),
    "mha names": mha(TransformMatrix=None, Rotation="1 0 0 0 1 0 0 0 1", Offset=None, Position="-5 -7 -9"),
    "mha from the end": mha(b"anything" + RAW, HeaderSize=-1), "mha skipped": mha(b"xx" + RAW, HeaderSize=2),
    "mha comment first": b"Comment = of a program\n" + mha(),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_every_way_to_write_a_volume_gives_the_same_pictures(tmp_path: Path, name: str):
    check(opened(tmp_path / f"{NAME}.dat", SAME[name]))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1)])
def test_storage_does_not_matter(tmp_path: Path, order: tuple[int, int, int], flips: tuple[int, int, int]):
    """The same body, its axes stored in another order and direction."""
    stored = BODY.transpose(order)[tuple(slice(None, None, flip) for flip in flips)]
    vectors, origin = np.zeros((3, 3)), np.array([-5.0, -7, -9])
    for axis, (world, flip) in enumerate(zip(order, flips, strict=True)):
        vectors[axis, world] = flip * (2, 3, 4)[world]
        origin[world] += (2, 3, 4)[world] * (BODY.shape[world] - 1) if flip < 0 else 0
    sizes = " ".join(map(str, stored.shape))
    raw = stored.tobytes(order="F")
    written = " ".join(f"({','.join(map(str, vector))})" for vector in vectors)
    place = f"({','.join(map(str, origin))})"
    check(opened(tmp_path / "a.nrrd", nrrd(raw, sizes=sizes, space_directions=written, space_origin=place)))
    lengths = np.linalg.norm(vectors, axis=1)
    matrix = " ".join(map(str, (vectors / lengths[:, None]).ravel()))
    sides, offset = " ".join(map(str, lengths)), " ".join(map(str, origin))
    changes = {"DimSize": sizes, "TransformMatrix": matrix, "ElementSpacing": sides, "Offset": offset}
    check(opened(tmp_path / "a.mha", mha(raw, **changes)))


@pytest.mark.parametrize(
    ("code", "nrrd_type", "met_type"),
    [
        ("i1", "signed char", "MET_CHAR"), ("u1", "uint8_t", "MET_UCHAR"), ("i2", "int16", "MET_SHORT"),
        ("u2", "unsigned short", "MET_USHORT"), ("i4", "int", "MET_INT"), ("u4", "uint32", "MET_UINT"),
        ("i4", "signed int", "MET_LONG"), ("i8", "long long", "MET_LONG_LONG"), ("u8", "uint64", "MET_ULONG_LONG"),
        ("f4", "float", "MET_FLOAT"), ("f8", "double", "MET_DOUBLE"),
    ],
)  # fmt: skip
def test_every_type_of_number(tmp_path: Path, code: str, nrrd_type: str, met_type: str):
    body = (BODY % 100).astype(code)
    raw = body.astype("<" + code).tobytes(order="F")
    check(opened(tmp_path / "a.nrrd", nrrd(raw, type=nrrd_type)), body)
    study = opened(tmp_path / "a.mha", mha(raw, ElementType=met_type))
    check(study, body)
    values = study.frames[3].modality_values()
    assert not isinstance(values, Failure)
    assert np.array_equal(values, body[:, :, 3].T)


def test_colours_and_times(tmp_path: Path):
    rgb = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 6), np.uint8)
    fields: Fields = {"type": "uchar", "dimension": 4, "space_directions": "none (2,0,0) (0,3,0) (0,0,4)"}
    for kind in ("RGB-color", "3-color", "vector"):
        kinds = f"{kind} domain domain domain"
        study = opened(tmp_path / "a.nrrd", nrrd(rgb.tobytes(order="F"), sizes="3 4 5 6", kinds=kinds, **fields))
        assert np.array_equal(study.frames[2].modality_values(), rgb[:, :, :, 2].T)  # type: ignore[arg-type]
    study = opened(
        tmp_path / "a.mha", mha(rgb.tobytes(order="F"), ElementNumberOfChannels=3, ElementType="MET_UCHAR_ARRAY")
    )
    assert np.array_equal(study.frames[2].modality_values(), rgb[:, :, :, 2].T)  # type: ignore[arg-type]
    times = np.stack([BODY, BODY + 1000, BODY + 2000], axis=-1)
    last = nrrd(times.tobytes(order="F"), dimension=4, sizes="4 5 6 3", kinds="domain domain domain list",
                space_directions="(2,0,0) (0,3,0) (0,0,4) none")  # fmt: skip
    first = nrrd(np.moveaxis(times, -1, 0).tobytes(order="F"), dimension=4, sizes="3 4 5 6",
                 kinds="list domain domain domain", space_directions="none (2,0,0) (0,3,0) (0,0,4)")  # fmt: skip
    four = nrrd(times.tobytes(order="F"), dimension=4, sizes="4 5 6 3", space="left-posterior-superior-time",
                kinds=None, space_directions="(2,0,0,0) (0,3,0,0) (0,0,4,0) (0,0,0,1)",
                space_origin="(-5,-7,-9,0)")  # fmt: skip
    meta = mha(times.tobytes(order="F"), NDims=4, DimSize="4 5 6 3", ElementSpacing="2 3 4 1", Offset="-5 -7 -9 0",
               TransformMatrix="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1")  # fmt: skip
    for data in (last, first, four, meta):
        study = opened(tmp_path / "t", data)
        assert study.series[0].time_points == 3
        assert [int(frame.stored_values()[1, 2]) for frame in study.frames[:4]] == [210, 1210, 2210, 211]  # type: ignore[index]
        assert study.frames[4].place is not None


def test_without_a_place_the_picture_is_as_it_is_stored(tmp_path: Path):
    none: Fields = {"space": None, "space_directions": None, "space_origin": None}
    check_boxes(opened(tmp_path / "a", nrrd(**none, spacings="2 3 4")), (3, 2))
    check_boxes(opened(tmp_path / "a", nrrd(**none)), (1, 1))
    check_boxes(opened(tmp_path / "a", nrrd(space=None)), (3, 2))
    check_boxes(opened(tmp_path / "a", nrrd(space="scanner-xyz")), (3, 2))
    check_boxes(opened(tmp_path / "a", nrrd(space_directions="(0,0,0) (0,3,0) (0,0,4)")), (3, 1))
    check_boxes(opened(tmp_path / "a", nrrd(space_directions="(nan,0,0) (0,3,0) (0,0,4)")), (3, 1))
    check_boxes(opened(tmp_path / "a", mha(TransformMatrix=None)), (3, 2))
    check_boxes(opened(tmp_path / "a", mha(TransformMatrix="0 0 0 0 0 0 0 0 0")), (3, 2))
    check_boxes(opened(tmp_path / "a", mha(TransformMatrix=None, ElementSpacing="0 nan 4")), (1, 1))
    flat = BODY[:, :, :1]
    raw = flat.tobytes(order="F")
    check_boxes(opened(tmp_path / "a", mha(raw, NDims=2, DimSize="4 5", TransformMatrix="1 0 0 1")), (3, 2), flat)
    plain = nrrd(raw, dimension=2, sizes="4 5", kinds=None, **none)
    check_boxes(opened(tmp_path / "a", plain), (1, 1), flat)


def test_one_slice_in_space_lies_where_it_says(tmp_path: Path):
    raw = BODY[:, :, :1].tobytes(order="F")
    data = nrrd(raw, dimension=2, sizes="4 5", kinds=None, space_directions="(2,0,0) (0,3,0)")
    check(opened(tmp_path / "a.nrrd", data), BODY[:, :, :1])


@pytest.mark.parametrize("name", ["a.raw", "é ж 你 .raw", "sub/a.raw", "sub\\a.raw"])
def test_the_voxels_may_lie_beside_the_header(tmp_path: Path, name: str):
    (tmp_path / "sub").mkdir()
    tmp_path.joinpath(*name.replace("\\", "/").split("/")).write_bytes(RAW)
    study = opened(tmp_path / "a.nhdr", nrrd(b"", data_file=name))
    check(study)
    assert study.frames[0].path == tmp_path / "a.nhdr"
    check(opened(tmp_path / "a.mhd", mha(b"", ElementDataFile=name)))
    (tmp_path / "z").write_bytes(zlib.compress(RAW))
    check(opened(tmp_path / "b.mhd", mha(b"", CompressedData="True", ElementDataFile="z")))
    (tmp_path / "z").write_bytes(b"line\n" + RAW)
    check(opened(tmp_path / "b.nhdr", nrrd(b"", data_file="z", line_skip=1)))


@pytest.mark.parametrize(
    "name", ["../a.raw", "/etc/passwd", "C:\\a.raw", "sub/../../a.raw", "\\\\server\\a.raw", "..\\a"]
)
def test_a_header_leads_nowhere_else(tmp_path: Path, name: str):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "a.raw").write_bytes(RAW)
    for data in (nrrd(b"", data_file=name), mha(b"", ElementDataFile=name)):
        assert refused(folder / "a", data).code is Code.UNSUPPORTED


def test_a_missing_or_changed_file_of_voxels_is_named(tmp_path: Path):
    assert "which is not beside it" in refused(tmp_path / "a.mhd", mha(b"", ElementDataFile="a.raw")).text
    assert refused(tmp_path / "a.nhdr", nrrd(b"", data_file="a.raw")).code is Code.UNSUPPORTED
    assert refused(tmp_path / "a.nhdr", nrrd(b"", data_file=".")).code is not Code.CORRUPT
    (tmp_path / "a.raw").write_bytes(RAW)
    study = opened(tmp_path / "a.mhd", mha(b"", ElementDataFile="a.raw"))
    (tmp_path / "a.raw").write_bytes(RAW[:-2])
    values = study.frames[0].stored_values()
    assert isinstance(values, Failure)
    assert values.text == "a.raw has changed since it was opened."


SEVERAL = [
    nrrd(b"", data_file="LIST\na.raw"), nrrd(b"", data_file="a%03d.raw 1 6 1"), nrrd(encoding="hex"),
    nrrd(type="block"), nrrd(b"", dimension=4, sizes="9 4 5 6", kinds="vector domain domain domain",
                            space_directions="none (2,0,0) (0,3,0) (0,0,4)"),
    mha(b"", ElementDataFile="LIST"), mha(b"", ElementDataFile="a%03d.raw 1 6 1"), mha(ElementType="MET_STRING"),
    mha(ElementNumberOfChannels=9), mha(NDims=5, DimSize="4 5 6 1 2"),
]  # fmt: skip


@pytest.mark.parametrize("data", SEVERAL, ids=range(len(SEVERAL)))
def test_what_is_not_read_is_no_damage(tmp_path: Path, data: bytes):
    assert refused(tmp_path / "a", data).code is Code.UNSUPPORTED


LIES = [
    (nrrd(RAW[:-1]), Code.TRUNCATED), (nrrd(sizes="4 5 6 7"), Code.CORRUPT), (nrrd(sizes="4 5 0"), Code.CORRUPT),
    (nrrd(sizes="4 5 -6"), Code.CORRUPT), (nrrd(sizes="4 5 six"), Code.CORRUPT), (nrrd(sizes=None), Code.CORRUPT),
    (nrrd(sizes=f"{2**62} 5 6"), Code.TRUNCATED), (nrrd(dimension=0, sizes=""), Code.CORRUPT),
    (nrrd(space_directions="(2,0,0)"), Code.CORRUPT), (nrrd(byte_skip=-2), Code.CORRUPT),
    (nrrd(byte_skip=10**30), Code.TRUNCATED), (nrrd(line_skip=10**30), Code.CORRUPT),
    (nrrd(gzip.compress(RAW)[:-20], encoding="gzip"), Code.TRUNCATED),
    (nrrd(gzip.compress(RAW)[:-8] + bytes(8), encoding="gzip"), Code.CORRUPT),
    (nrrd(RAW, encoding="gzip"), Code.CORRUPT), (nrrd(RAW, encoding="bzip2"), Code.CORRUPT),
    (nrrd(b"1 2 3", encoding="text"), Code.CORRUPT), (nrrd(TEXT[:-9], encoding="text"), Code.TRUNCATED),
    (nrrd(TEXT.replace(b"310", b"a10"), encoding="text"), Code.CORRUPT),
    (nrrd(gzip.compress(RAW), encoding="gzip", sizes="40000 40000 9"), Code.CORRUPT),
    (nrrd(gzip.compress(RAW), encoding="gzip", byte_skip=10**30), Code.TOO_LARGE),
    (nrrd(gzip.compress(RAW), encoding="gzip", byte_skip=2 * 10**9), Code.TOO_LARGE),
    (nrrd(gzip.compress(RAW), encoding="gzip", byte_skip=999), Code.TRUNCATED),
    (mha(zlib.compress(RAW), CompressedData="True", HeaderSize=10**30), Code.TRUNCATED),
    (mha(RAW[:-1]), Code.TRUNCATED), (mha(DimSize="4 5"), Code.CORRUPT), (mha(DimSize=None), Code.CORRUPT),
    (mha(DimSize=f"{2**62} {2**62} 6"), Code.TRUNCATED), (mha(HeaderSize=-2), Code.CORRUPT),
    (mha(zlib.compress(RAW)[:-9], CompressedData="True"), Code.TRUNCATED),
    (mha(RAW, CompressedData="True"), Code.CORRUPT),
    (mha(zlib.compress(RAW)[:-4] + bytes(4), CompressedData="True"), Code.CORRUPT),
    (mha().replace(b"ElementDataFile", b"ElementDataFiles"), Code.CORRUPT),
]  # fmt: skip


@pytest.mark.parametrize(("data", "code"), LIES, ids=range(len(LIES)))
def test_headers_that_lie_are_refused(tmp_path: Path, data: bytes, code: Code):
    assert refused(tmp_path / "a", data).code is code


def test_what_packs_too_well_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(voxels, "MAX_UNPACKED", 1_000_000)
    zeros = bytes(200 * 200 * 30)
    fields: Fields = {"type": "uchar", "sizes": "200 200 30"}
    for data in (
        nrrd(gzip.compress(zeros), encoding="gzip", **fields), nrrd(bz2.compress(zeros), encoding="bz2", **fields),
        mha(zlib.compress(zeros), DimSize="200 200 30", ElementType="MET_UCHAR", CompressedData="True"),
    ):  # fmt: skip
        assert refused(tmp_path / "a", data).code in (Code.TOO_LARGE, Code.CORRUPT)


WORDS = [
    "0",
    "-1",
    "nan",
    "inf",
    "1e999",
    str(2**64),
    "9" * 5000,
    "",
    "(",
    "(1,2)",
    "none",
    "LIST",
    "LOCAL",
    "True",
    "%d",
]


def test_an_endless_side_leaves_the_place_unknown(tmp_path: Path):
    check_boxes(opened(tmp_path / "a", mha(ElementSpacing="inf 3 4")), (3, 1))


@given(st.data())
@settings(max_examples=200, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_header_is_answered(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    """Words of a header replaced, lines lost or doubled, bytes changed: a picture or a Failure, nothing else."""
    seed = data.draw(st.sampled_from(sorted(SAME)))
    lines = SAME[seed].split(b"\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(lines) - 1, 14)))
        what = data.draw(st.integers(0, 3))
        if what == 0:
            words = lines[at].split(b" ")
            words[data.draw(st.integers(0, len(words) - 1))] = data.draw(st.sampled_from(WORDS)).encode()
            lines[at] = b" ".join(words)
        elif what == 1:
            del lines[at]
        elif what == 2:
            lines.insert(at, lines[data.draw(st.integers(0, len(lines) - 1))])
        else:
            lines[at] += data.draw(st.binary(max_size=8))
        lines = lines or [b""]
    path = Path(tmp_path_factory.getbasetemp()) / "header"
    path.write_bytes(b"\n".join(lines))
    study = open_path(path)
    if isinstance(study, Study):
        for frame in study.frames[:3]:
            values = frame.modality_values()
            assert isinstance(values, Failure) or values.shape[:2] == (frame.rows, frame.cols)
    else:
        assert study.text
        assert study.hint
