"""The exploratory report: its figures are right, it fetches nothing, and damaged files are listed, not fatal."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("plotly")
pytest.importorskip("sklearn")

from training.data.duplicates import embed, near_duplicates
from training.data.manifests import Sample
from training.explore.explore import FEATURES, association, crossed, explained, gather, shortened
from training.explore.explore_page import SHEET, explore, image


def texture(seed: int, shape: tuple[int, ...] = (64, 80)) -> np.ndarray:
    """Smooth structure, another one for each seed."""
    rng = np.random.default_rng(seed)
    x = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), 3)
    return ((x - x.min()) / (x.max() - x.min()) * 255).astype(np.uint8)


def write(path: Path, values: np.ndarray, *options: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, values, options)[1].tobytes())
    return path


def toy_set(folder: Path) -> list[Sample]:
    """Two classes, two sources; picture 0 of train is in test once more, smaller, brighter and compressed again."""
    samples = []
    for number in range(24):
        split = ("train", "val", "test")[number % 3]
        shape = (64, 80) if number % 2 else (64, 80, 3)
        path = write(folder / "pictures" / f"é <b>{number}.png", texture(number, shape))
        samples.append(Sample(path, "ab"[number % 2], split, f"p{number}", ("x", "y")[number // 12]))
    again = cv2.resize(texture(0, (64, 80, 3)), (50, 40), interpolation=cv2.INTER_AREA)
    brighter = np.clip(again * 0.8 + 50, 0, 255).astype(np.uint8)
    path = write(folder / "again.jpg", brighter, cv2.IMWRITE_JPEG_QUALITY, 60)
    return [*samples, Sample(path, "a", "test", "q", "x")]


class Page(HTMLParser):
    """Collects what a browser would fetch, and the scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        told = dict(attrs)
        if told.get("http-equiv") == "Content-Security-Policy":
            self.policy = told.get("content") or ""
        self.fetched += [v or "" for k, v in attrs if k in ("src", "srcset", "data", "action", "poster")]
        self.fetched += [v or "" for k, v in attrs if k == "href" and not (v or "").startswith("#")]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("set")
    samples = toy_set(folder)
    broken = folder / "broken.png"
    broken.write_bytes(b"nothing")
    samples.append(Sample(broken, "a", "train", "r", "x"))
    out = folder / "reports" / "toy.html"
    assert explore("toy & co", samples, folder, out) == out
    assert out.stat().st_size < 15e6
    return out.read_text(encoding="utf-8")


def test_the_report_is_one_file_that_fetches_nothing(report: str) -> None:
    page = Page(report)
    assert [v for v in page.fetched if not v.startswith("data:image/jpeg;base64,")] == []
    assert page.policy.startswith("default-src 'none'")
    assert "http" not in page.policy
    assert "link" not in page.tags
    assert "Plotly.newPlot" in report


def test_the_report_escapes_what_the_set_says(report: str) -> None:
    assert "<h1>toy &amp; co</h1>" in report
    assert "<b>" not in report.split("<body>")[1]


def test_the_report_names_duplicates_and_unreadable_files(report: str) -> None:
    assert "1 pairs across splits are nearly the same" in report
    assert "pictures/é &lt;b&gt;0.png" in report
    assert "again.jpg" in report
    assert "<li>broken.png: " in report


def test_the_report_shows_pictures_of_every_class_and_source(report: str) -> None:
    for head in ("a, x (7)", "a, y (6)", "b, x (6)", "b, y (6)"):
        assert f"<h3>{head}</h3>" in report
    # Two for the pair; of seven and six pictures in the four cells all are shown, since a sheet takes eight.
    assert SHEET == 8
    assert Page(report).tags.count("img") == 2 + 7 + 6 + 6 + 6


def test_a_set_without_one_readable_picture_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"none of the pictures can be read:\nx.png: "):
        gather([Sample(tmp_path / "x.png", "a", "train", "p", "s")], tmp_path)


def test_features_of_a_known_picture(tmp_path: Path) -> None:
    values = np.zeros((40, 80), np.uint8)
    values[:, 40:] = 255
    sample = Sample(write(tmp_path / "x.png", values), "", "train", "p", "s", allowed=("a", "b"))
    facts = gather([sample], tmp_path)
    found = dict(zip(FEATURES, facts.features[0].tolist(), strict=True))
    assert facts.classes == ["a | b"]
    assert (found["rows"], found["cols"], found["aspect"]) == (40, 80, 2)
    assert found["mean"] == 0.5
    assert (found["dark share"], found["bright share"], found["entropy (bits)"]) == (0.5, 0.5, 1)
    assert found["left-right difference"] == pytest.approx(1, abs=0.02)
    assert found["file size (kB)"] == pytest.approx(sample.path.stat().st_size / 1000)
    assert facts.histograms[0][[0, 31]].tolist() == [0.5, 0.5]


def test_duplicates_within_a_split_are_none() -> None:
    pictures = np.stack([cv2.resize(texture(i), (32, 32)) for i in (1, 1, 2, 2)])
    assert near_duplicates(pictures, ["train"] * 4, 0.9) == []
    found = near_duplicates(pictures, ["train", "test", "train", "train"], 0.9)
    assert [(p.first, p.second) for p in found] == [(0, 1)]
    assert found[0].similarity == pytest.approx(1, abs=1e-5)


def test_the_list_of_duplicates_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.data.duplicates.MOST", 5)
    monkeypatch.setattr("training.data.duplicates.BLOCK", 3)
    pictures = np.stack([cv2.resize(texture(1), (32, 32))] * 8)
    found = near_duplicates(pictures, ["train", "test"] * 4, 0.9)
    assert len(found) == 5
    assert all((p.first + p.second) % 2 == 1 for p in found)


def test_empty_pictures_are_no_duplicates() -> None:
    pictures = np.zeros((2, 32, 32), np.uint8)
    assert near_duplicates(pictures, ["train", "test"], 0.5) == []


def test_the_embedding_ignores_exposure() -> None:
    x = cv2.resize(texture(3), (32, 32))
    darker = (x * 0.6 + 30).astype(np.uint8)
    first, second = embed(np.stack([x, darker]))
    assert first @ second > 0.999


def test_explained_variance_of_a_feature_that_is_the_class_and_of_one_that_is_not() -> None:
    values = np.array([[0, 1, 5], [0, 2, 5], [1, 1, 5], [1, 2, 5]], np.float32)
    assert explained(values, ["a", "a", "b", "b"]).tolist() == [1, 0, 0]


def test_association() -> None:
    assert association(["a", "a", "b", "b"], ["x", "x", "y", "y"]) == pytest.approx(1)
    assert association(["a", "a", "b", "b"], ["x", "y", "x", "y"]) == 0
    assert association(["a", "a"], ["x", "y"]) == 0


NAMES = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("xyz")), min_size=1, max_size=40)


@given(NAMES)
def test_crossing_counts_every_picture_once(pairs: list[tuple[str, str]]) -> None:
    first, second = [p[0] for p in pairs], [p[1] for p in pairs]
    rows, cols, counts = crossed(first, second)
    assert counts.sum() == len(pairs)
    assert all(counts[rows.index(a), cols.index(b)] == pairs.count((a, b)) for a, b in pairs)
    assert 0 <= association(first, second) <= 1 + 1e-9


def test_rare_names_are_put_together() -> None:
    assert shortened(["a", "a", "b", "b", "c", "d"], 3) == ["a", "a", "b", "b", "(further)", "(further)"]
    assert shortened(["a", "b", "c"], 3) == ["a", "b", "c"]


def test_an_image_holds_its_own_bytes() -> None:
    text = image(np.zeros((4, 6, 3), np.uint8), 'a "name"')
    assert text.startswith('<img width="6" height="4" title="a &quot;name&quot;" src="data:image/jpeg;base64,/9j/')
