"""What `medview inspect` does. It imports no library: files are read in a child process (`medview.imaging.child`)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medview.cli.console import OK, UNREADABLE, USAGE, say
from medview.core.failures import Code, Failure
from medview.core.texts import printable, to_json
from medview.imaging.child import ChildReader, serve
from medview.imaging.walk import walk

if TYPE_CHECKING:
    from medview.imaging.study import Series

# Reasons that lie outside the file: there was nothing to inspect.
_UNREADABLE = (
    Code.NOT_FOUND, Code.NO_PERMISSION, Code.READ_ERROR, Code.NO_ROOM, Code.READER_FAILED, Code.INTERNAL,
)  # fmt: skip


def inspect(options: argparse.Namespace) -> int:
    """`medview inspect`."""
    if options.worker:
        serve()
        return OK
    if not options.paths:
        say("medview inspect: name at least one file or folder.")
        return USAGE
    if options.series:
        return _series(options)
    code = None
    with ChildReader() as reader:
        for path in walk(map(Path, options.paths)):
            for row in _facts(reader, path):
                print(to_json(row) if options.json else "\n".join(map(printable, _lines(row))), flush=True)
                code = UNREADABLE if row["code"] in _UNREADABLE else code or OK
    if code is None:
        say("No file was found.")
    return UNREADABLE if code is None else code


def _facts(reader: ChildReader, path: Path) -> list[dict[str, Any]]:
    found = reader.inspect(path)
    if isinstance(found, Failure):
        from medview.imaging.facts import refusal

        return [refusal(str(path), found).to_dict()]
    return found


def _lines(row: dict[str, Any]) -> Iterator[str]:
    """The readable rows of one file."""
    yield f"{row['file']}  {row['outcome']}"
    yield "    " + " ".join(filter(None, (row["text"], row["hint"])))
    size = f"{row['cols']} x {row['rows']}" if row["rows"] and row["cols"] else None
    view = f"view {row['view']}" if row["view"] else None
    parts = [row["modality"], view, size, row["photometric"], _frames(row["frames"])]
    if row["transfer_syntax"]:
        parts.append(f"transfer syntax {row['transfer_syntax']}")
    if any(parts[:4]):
        yield "    " + ", ".join(filter(None, parts))
    if row["stored"]:
        stored = row["stored"]
        yield f"    stored values {stored['min']:g} to {stored['max']:g}, mean {stored['mean']:.6g}"
    yield from (f"    {note}" for note in row["notes"])
    yield from (f"    {_region(number, region)}" for number, region in enumerate(row["regions"], 1))
    if row["patient_name"]:
        yield f"    patient {row['patient_name']}"
    if row["series"]:
        where = f", at {row['position_mm']:g} mm along the normal" if row["position_mm"] is not None else ""
        yield f"    series {row['series']}{where}"


def _region(number: int, region: dict[str, Any]) -> str:
    """A calibrated region of an ultrasound picture in a line."""
    (top, bottom), (left, right) = region["rows"], region["cols"]
    where = f"region {number}, {region['kind'] or 'other'}: columns {left} to {right}, rows {top} to {bottom}"
    if not region["steps"]:
        return f"{where}, not calibrated"
    (down, across), (down_unit, across_unit) = region["steps"], region["units"]
    return f"{where}, a pixel is {across:g} {across_unit} across and {down:g} {down_unit} down".replace("  ", " ")


def _frames(count: int | None) -> str:
    return "1 frame" if count == 1 else f"{count} frames" if count else ""


def _series(options: argparse.Namespace) -> int:
    """The series below the paths, each with its files in display order."""
    from medview.imaging.facts import NOT_READ, refusal
    from medview.imaging.scan import read_header, scan
    from medview.imaging.series import Contents

    contents = Contents()
    for found in scan(list(map(Path, options.paths)), read_header):
        contents.add(found.path, found.what)
    listed, refused = contents.series(), contents.refused
    for series in listed:
        row = _series_row(series)
        print(to_json(row) if options.json else "\n".join(map(printable, _series_lines(row))), flush=True)
    if not listed:
        say("No picture was found.")
    unread = [refusal(str(path), why) for path, why in refused.items()]
    unread = [facts for facts in unread if facts.outcome == NOT_READ]
    for facts in unread:
        say(f"{facts.file}: {facts.text} {facts.hint}")
    if listed and refused and not options.json:
        what = "1 file is no picture" if len(refused) == 1 else f"{len(refused)} files are no pictures"
        say(f"{what} or cannot be read: see medview inspect without --series.")
    return OK if listed and not unread else UNREADABLE


def _series_row(series: Series) -> dict[str, Any]:
    from medview.imaging.geometry import dot

    origin = series.origin
    first = series.frames[0]
    planes = [frame.place.plane for frame in series.frames if frame.place and frame.place.plane]
    return {
        "series": origin and origin.series_uid,
        "study": origin and origin.study_uid,
        "patient_name": origin and origin.patient_name,
        "patient_id": origin and origin.patient_id,
        "study_date": origin and origin.study_date,
        "modality": origin and origin.modality,
        "number": origin and origin.series_number,
        "title": series.title,
        "frames": len(series.frames),
        "rows": first.rows,
        "cols": first.cols,
        "spacing_mm": first.spacing_mm,
        "step_mm": series.step_mm and round(series.step_mm, 6),
        "time_points": series.time_points,
        "positions_mm": [round(dot(plane.position, planes[0].normal), 6) for plane in planes],
        "notes": list(series.notes),
        "files": [str(path) for path in series.paths],
    }


def _series_lines(row: dict[str, Any]) -> Iterator[str]:
    from medview.imaging.dates import date_text

    what = ", ".join(filter(None, (row["modality"], row["patient_name"], date_text(row["study_date"] or ""))))
    times = f", {row['time_points']} times" if row["time_points"] > 1 else ""
    step = f", {row['step_mm']:g} mm apart" if row["step_mm"] else ""
    yield f"{row['title']}  {row['cols']} x {row['rows']}, {_frames(row['frames'])}{times}{step}"
    if what:
        yield f"    {what}"
    yield from (f"    {note}" for note in row["notes"])
    yield from (f"      {file}" for file in row["files"])
