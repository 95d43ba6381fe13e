"""The command line as a user and as a script see it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from medview import __version__
from medview.cli import bench
from medview.cli.main import main
from medview.core import resources
from medview.core.samples import samples
from medview.imaging import scan
from medview.report.caption import LEAST_WIDTH
from tests.cli.operate import analyze, sample

pytestmark = pytest.mark.usefixtures("one_engine")
FIELDS = {"schema", "file", "frame", "status", "reason", "kind", "kind_scores", "results", "quality", "corrected"}
FIELDS |= {"kind_by_user", "validity", "forced"}
RESULT_FIELDS = {
    "model",
    "version",
    "sha256",
    "provider",
    "ms",
    "task",
    "probabilities",
    "findings",
    "prediction_set",
    "stability",
    "unstable",
    "not_judged",
    "mask",
    "heatmaps",
}


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"medview {__version__}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(command in out for command in ("analyze", "models", "demo", "not a medical device"))


def test_one_object_a_line_with_exactly_the_promised_fields(capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = analyze(capsys, sample("chest_xray").path, sample("skin_lesion").path)
    assert code == 0
    assert len(rows) == 2
    for row in rows:
        assert set(row) >= FIELDS
        assert row["schema"] == 1
        assert (row["status"], row["reason"], row["frame"]) == ("ok", None, 0)
        assert sum(row["kind_scores"].values()) == pytest.approx(1, abs=1e-4)
        for result in row["results"]:
            assert set(result) >= RESULT_FIELDS
            assert len(result["sha256"]) == 64
            assert result["ms"] > 0
    assert "chest-six" in [result["model"] for result in rows[0]["results"]]
    assert "skin-lesion" in [result["model"] for result in rows[1]["results"]]


def test_out_writes_masks_of_the_source_size_overlays_and_the_same_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source = sample("brain_mr").path
    image = cv2.imdecode(np.frombuffer(source.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    code, rows = analyze(capsys, source, "--out", tmp_path / "é ж 你")
    assert code == 0
    assert json.loads((tmp_path / "é ж 你" / "results.json").read_text(encoding="utf-8")) == rows
    results = {r["model"]: r for r in rows[0]["results"]}
    mask_file = Path(results["brain-tumour-mask"]["mask"]["path"])
    mask = cv2.imdecode(np.frombuffer(mask_file.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert mask.shape == image.shape
    assert set(np.unique(mask)) <= {0, 255}
    assert int((mask == 255).sum()) == results["brain-tumour-mask"]["mask"]["pixels"]
    heatmaps = results["brain-tumour"]["heatmaps"]
    # A label without any evidence has none.
    assert {"glioma"} <= set(heatmaps) <= set(results["brain-tumour"]["probabilities"])
    assert {str(path) for path in (tmp_path / "é ж 你").glob("*__brain-tumour__*")} == set(heatmaps.values())
    for path in heatmaps.values():
        overlay = cv2.imdecode(np.frombuffer(Path(path).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        # Beside and below it is the caption.
        assert overlay.shape[0] > image.shape[0]
        assert overlay.shape[1] == max(image.shape[1], LEAST_WIDTH)


def test_a_file_that_cannot_be_read_stops_no_other_and_gives_exit_code_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    code, rows = analyze(capsys, empty, tmp_path / "missing.png", text, sample("chest_xray").path)
    assert code == 1
    assert [r["status"] for r in rows] == ["error", "error", "error", "ok"]
    assert [r["reason"]["code"] for r in rows[:3]] == ["empty-file", "not-found", "unknown-format"]
    for row in rows[:3]:
        assert row["reason"]["text"]
        assert row["reason"]["hint"]
        assert row["results"] == []


def test_a_refused_picture_is_an_answer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    path = tmp_path / "noise.png"
    path.write_bytes(cv2.imencode(".png", noise)[1].tobytes())
    code, rows = analyze(capsys, path)
    assert code == 0
    assert rows[0]["status"] == "refused"
    assert rows[0]["reason"]["code"] == "other-kind"
    code, rows = analyze(capsys, path, "--model", "chest-six")
    assert rows[0]["status"] == "refused"
    code, rows = analyze(capsys, path, "--model", "chest-six", "--force")
    assert (code, rows[0]["status"], rows[0]["forced"]) == (0, "ok", True)
    assert [r["model"] for r in rows[0]["results"]] == ["chest-six"]


def test_a_folder_is_searched_and_only_pictures_are_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    shutil.copy(sample("chest_xray").path, deep / "chest ж.webp")
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "list.csv").write_text("a,b\n1,2\n")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    code, rows = analyze(capsys, tmp_path)
    assert code == 1
    assert {Path(r["file"]).name: r["status"] for r in rows} == {"chest ж.webp": "ok", "broken.png": "error"}


def test_a_folder_without_pictures_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, rows = analyze(capsys, tmp_path)
    assert code == 1
    assert rows[0]["reason"]["code"] == "no-images"


def test_files_of_one_name_do_not_overwrite_each_other(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        shutil.copy(sample("brain_mr").path, tmp_path / "in" / folder / "slice.webp")
    _, rows = analyze(capsys, tmp_path / "in", "--out", tmp_path / "out")
    masks = [r["mask"]["path"] for row in rows for r in row["results"] if r["mask"]]
    assert len(set(masks)) == 2


def test_results_inside_the_analysed_folder_are_not_analysed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copy(sample("chest_xray").path, tmp_path / "chest.webp")
    for _ in range(2):
        _, rows = analyze(capsys, tmp_path, "--out", tmp_path / "out")
        assert [Path(r["file"]).name for r in rows] == ["chest.webp"]
    assert len(list((tmp_path / "out").iterdir())) > 3


def test_a_mistyped_command_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "x.png"]) == 2
    assert "did you mean `medview analyze`?" in capsys.readouterr().err


def write_pages(path: Path, count: int) -> None:
    pages = [np.random.default_rng(i).integers(0, 256, (80, 90)).astype(np.uint8) for i in range(count)]
    ok, data = cv2.imencodemulti(".tiff", pages)
    assert ok
    path.write_bytes(data.tobytes())


@pytest.mark.parametrize(("option", "frames"), [("2", [2]), ("all", [0, 1, 2, 3]), ("middle", [1])])
def test_frames_of_a_file_with_several(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str, frames: list[int]
) -> None:
    write_pages(tmp_path / "pages.tif", 4)
    code, rows = analyze(capsys, tmp_path / "pages.tif", "--frame", option)
    assert code == 0
    assert [r["frame"] for r in rows] == frames


def test_a_frame_that_does_not_exist_is_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_pages(tmp_path / "pages.tif", 2)
    code, rows = analyze(capsys, tmp_path / "pages.tif", "--frame", "7")
    assert code == 1
    assert (rows[0]["reason"]["code"], rows[0]["frame"]) == ("no-such-frame", 7)


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze"],
        ["analyze", "x.png", "--model", "heart"],
        ["analyze", "x.png", "--device", "tpu"],
        ["analyze", "x.png", "--frame", "-1"],
        ["analyze", "x.png", "--frame", "first"],
        ["analyze", ""],
        [""],
        ["analyse", "x.png"],
        ["modles"],
        ["models", "--fast"],
        ["--no-such-option"],
    ],
)
def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err


def test_the_table_reads_like_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(sample("skin_lesion").path)]) == 0
    out = capsys.readouterr().out
    assert "Melanoma" in out
    assert "skin-lesion" in out
    assert "* finding: at or above its operating point" in out
    assert " ms)" in out


def test_out_into_a_file_is_wrong_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert main(["analyze", str(sample("chest_xray").path), "--out", str(tmp_path / "file")]) == 2
    assert "file" in capsys.readouterr().err


@pytest.fixture(scope="module")
def listed() -> list[dict[str, Any]]:
    """What `medview models --json` prints, with an engine of its own."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["models", "--json", "--device", "cpu"]) == 0
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_models_are_listed_with_their_hashes(listed: list[dict[str, Any]]) -> None:
    assert {r["id"] for r in listed} == {path.parent.name for path in resources.find("models").glob("*/card.toml")}
    assert len(listed) == 7
    assert all(r["self_test"] == "ok" and len(r["sha256"]) == 64 for r in listed)


def test_demo_analyses_every_sample(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["demo", "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert len(rows) == len(samples())
    for row, expected in zip(rows, samples(), strict=True):
        assert row["kind"] == expected.kind
        assert row["status"] == ("refused" if expected.kind == "other" else "ok"), row


@pytest.mark.parametrize("flags", [[], ["-P"]])
def test_as_a_module_nothing_is_imported_from_the_current_folder(tmp_path: Path, flags: list[str]) -> None:
    for name in ("argparse", "json", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('code of a stranger ran')", encoding="utf-8")
    (tmp_path / "x.txt").touch()
    done = subprocess.run(
        [sys.executable, *flags, "-m", "medview", "inspect", "x.txt", "--json"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["code"] == "empty-file"


def test_stdout_holds_nothing_but_json_when_run_as_a_program() -> None:
    command = [sys.executable, "-m", "medview", "analyze", str(sample("chest_xray").path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "ok"
    assert done.stderr == ""


@pytest.mark.slow
def test_bench_prints_one_json_object_with_a_figure_per_model(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "COLD_RUNS", 1)
    few = [sample("chest_xray"), sample("brain_mr"), sample("other")]
    monkeypatch.setattr(bench, "samples", lambda: few)
    assert main(["bench", "--runs", "1", "--device", "cpu"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["models"]) == 7
    assert all(m["network"]["median_ms"] > 0 for m in report["models"].values())
    assert set(report["file_to_answer_warm"]) == {s.path.name for s in few}
    assert report["analyze_cold"]["median_ms"] > report["version_cold"]["median_ms"]


def test_models_tell_what_they_do_not_judge(listed: list[dict[str, Any]]) -> None:
    six = next(row for row in listed if row["id"] == "chest-six")
    assert "normal" in six["labels"]
    assert isinstance(six["not_judged"], list)


@pytest.mark.expected_logs
def test_a_file_on_which_medview_fails_does_not_end_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sample("skin_lesion").path
    for name in ("a", "b", "c"):
        shutil.copy(path, tmp_path / f"{name}{path.suffix}")
    opened = scan.open_path

    def defect(file: Path, **options: Any) -> Any:
        if file.stem == "b":
            raise KeyError("a defect of medview")
        return opened(file, **options)

    monkeypatch.setattr(scan, "open_path", defect)
    code, rows = analyze(capsys, tmp_path)
    assert code == 1
    assert [row["status"] for row in rows] == ["ok", "error", "ok"]
    assert rows[1]["reason"]["code"] == "internal"
