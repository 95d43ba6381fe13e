"""Several panes in one workspace: each owns what it shows, and none is in the way of another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from medview.core.failures import Failure
from medview.core.settings import Settings
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from medview.ui.panel import FindingsPanel
from medview.ui.viewer import Viewer
from medview.workspace import Workspace, browser, mpr, opening
from medview.workspace.runner import Job, Lanes
from medview.workspace.view import Picture
from medview.workspace.viewport import Viewport
from tests.imaging.make import dicom
from tests.ui.fakes import FakeEngine, skin_analysis
from tests.ui.finders import Halting

SLICES = 9


def slice_of(series: int, z: int) -> bytes:
    """A slice whose values are a hundred times its series plus its position."""
    return dicom(
        np.full((20, 30), 100 * series + z, np.uint8), SeriesInstanceUID=f"1.{series}", SeriesNumber=series,
        SOPInstanceUID=f"1.{series}.{z + 1}", PixelSpacing=[1, 1], InstanceNumber=z,
        ImagePositionPatient=[0, 0, 2 * z], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two series of one study."""
    made = tmp_path / "study"
    made.mkdir()
    for series in (1, 2):
        for z in range(SLICES):
            (made / f"{series}-{z}.dcm").write_bytes(slice_of(series, z))
    return made


class Meeting:
    """Where two threads have to arrive: each waits for the other. Without the other nobody goes on."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2)
        self.waits = False
        self.met = 0

    @property
    def waiting(self) -> bool:
        """Whether one is here and the other is not."""
        return self._barrier.n_waiting == 1

    def __call__(self) -> None:
        if self.waits:
            self._barrier.wait(timeout=10)
            self.met += 1


@pytest.fixture
def answering() -> Meeting:
    """Where two analyses meet."""
    return Meeting()


MakeWorkspace = Callable[..., Workspace]


@pytest.fixture
def make_workspace(qtbot: QtBot, answering: Meeting, folder: Path) -> Iterator[MakeWorkspace]:
    """Workspaces with the folder open in the first of two panes; closed afterwards."""
    made: list[Workspace] = []

    def answer(frame: Frame, force: bool) -> Analysis:
        answering()
        return skin_analysis(frame, force)

    def make(**values: Any) -> Workspace:
        settings = Settings()
        for key, value in values.items():
            settings[key] = value
        workspace = Workspace(settings, lambda: FakeEngine(answer))
        made.append(workspace)
        workspace.add_viewport()
        workspace.open_paths([folder])
        qtbot.waitUntil(lambda: value_in(workspace.viewports[0]) == 104 and not workspace.busy("scan"))
        return workspace

    yield make
    assert all(workspace.close() for workspace in made)


def value_in(viewport: Viewport) -> int:
    """The value of the picture that is shown; -1 for none."""
    return int(viewport.picture.values[0, 0]) if viewport.picture else -1


def rested(viewport: Viewport) -> bool:
    return viewport.analysis is not None and not any(map(viewport.busy, ("open", "analyse", "ahead", "stability")))


def test_two_viewports_open_scroll_and_analyse_at_once_and_neither_cancels_the_other(
    make_workspace: MakeWorkspace, qtbot: QtBot, answering: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace()
    first, second = workspace.viewports
    qtbot.waitUntil(lambda: rested(first))
    decoding, decode, started = Meeting(), opening.decode, list[Job]()

    def together(frame: Frame) -> Picture | Failure:
        if frame.path.stem[2:] in ("0", "4", "8"):
            decoding()
        return decode(frame)

    def start(lanes: Lanes, job: Job, run: Callable[[Lanes, Job], Job] = Lanes.start) -> Job:
        started.extend([job] if job.purpose in ("open", "analyse") else ())
        return run(lanes, job)

    monkeypatch.setattr(opening, "decode", together)
    monkeypatch.setattr(Lanes, "start", start)
    decoding.waits = answering.waits = True

    # Opening: a job that waits for the other pane would wait in vain if either had cancelled it.
    workspace.select_entry(0, first)
    workspace.select_entry(1, second)
    qtbot.waitUntil(lambda: (value_in(first), value_in(second)) == (104, 204))
    assert decoding.met == 2
    # Looking: the models answer both at once (what was said of the first series is known already).
    first.analyse()
    qtbot.waitUntil(lambda: rested(first) and rested(second))
    assert answering.met == 2
    # Scrolling.
    first.select_frame(0)
    second.select_frame(8)
    qtbot.waitUntil(lambda: (value_in(first), value_in(second)) == (100, 208))
    assert decoding.met == 4
    qtbot.waitUntil(lambda: rested(first) and rested(second))
    assert answering.met == 4
    assert [job for job in started if job.token.cancelled] == []
    for viewport, series, place in ((first, 1, 0), (second, 2, 8)):
        assert viewport.study is not None
        assert viewport.study.series[0].frames[0].path.name.startswith(f"{series}-")
        assert viewport.frame_index == place
        assert viewport.answer is not None
        assert viewport.answer.frame is viewport.study.frames[place]


def test_what_is_done_in_one_pane_is_not_done_in_the_other(make_workspace: MakeWorkspace, qtbot: QtBot) -> None:
    workspace = make_workspace(auto_analyse=False)
    first, second = workspace.viewports
    # The same series twice: even the same picture has its own view, corrections and layers in each pane.
    workspace.select_entry(0, second)
    qtbot.waitUntil(lambda: value_in(second) == 104)
    second.set_corrections(("rotate_90",))
    second.set_view(inverted=True, scale=3.0)
    second.set_layers(heatmap_opacity=0.25)
    second.set_kind("skin")
    qtbot.waitUntil(lambda: rested(second))
    assert second.picture is not None
    assert second.picture.shown.shape == (30, 20)
    assert first.picture is not None
    assert first.picture.shown.shape == (20, 30)
    assert (first.view.inverted, first.view.scale) == (False, None)
    assert (first.corrections, first.kind, first.analysis) == ((), "", None)
    assert (first.layers.heatmap_opacity, second.layers.heatmap_opacity) == (0.6, 0.25)
    # A pane made later begins with what was chosen last.
    assert workspace.add_viewport().layers.heatmap_opacity == 0.25


def test_the_signals_of_the_workspace_are_those_of_the_active_pane(make_workspace: MakeWorkspace, qtbot: QtBot) -> None:
    workspace = make_workspace(auto_analyse=False)
    first, second = workspace.viewports
    heard: list[str] = []
    selected: list[int] = []
    workspace.pictureChanged.connect(lambda: heard.append("picture"))
    workspace.viewChanged.connect(lambda: heard.append("view"))
    workspace.entrySelected.connect(selected.append)
    workspace.select_entry(1, second)
    qtbot.waitUntil(lambda: value_in(second) == 204)
    second.set_view(inverted=True)
    assert (heard, selected) == ([], [])
    workspace.activate(second)
    assert heard == ["picture", "view"]
    assert selected == [1]
    assert workspace.active is second
    heard.clear()
    second.set_view(inverted=False)
    first.set_view(inverted=True)
    assert heard == ["view"]
    workspace.remove_viewport(second)
    assert workspace.active is first
    assert workspace.viewports == [first]
    workspace.remove_viewport(first)
    assert workspace.viewports == [first]


def test_another_list_closes_the_panes_of_the_old_one(
    make_workspace: MakeWorkspace, qtbot: QtBot, tmp_path: Path
) -> None:
    """A picture of another patient must not stay beside the new one."""
    workspace = make_workspace(auto_analyse=False)
    first, second = workspace.viewports
    workspace.select_entry(1, second)
    qtbot.waitUntil(lambda: value_in(second) == 204)
    other = tmp_path / "other.dcm"
    other.write_bytes(slice_of(0, 7))
    workspace.open_paths([other])
    qtbot.waitUntil(lambda: value_in(first) == 7)
    assert (second.study, second.picture, second.asked) == (None, None, None)


def test_a_pane_of_widgets_shows_the_viewport_it_is_given(make_workspace: MakeWorkspace, qtbot: QtBot) -> None:
    workspace = make_workspace()
    panes = []
    for viewport in workspace.viewports:
        viewer, panel = Viewer(workspace, viewport, lambda: None), FindingsPanel(workspace, viewport)
        for widget in (viewer, panel):
            qtbot.addWidget(widget)
            widget.resize(400, 500)
            widget.show()
        panes.append((viewer, panel))
    workspace.select_entry(1, workspace.viewports[1])
    qtbot.waitUntil(lambda: all(map(rested, workspace.viewports)))
    for (viewer, panel), value in zip(panes, (104, 204), strict=True):
        middle = viewer.canvas.grab().toImage().pixelColor(viewer.canvas.rect().center())
        assert viewer.frames.position.text.text() == "Slice 5 of 9"
        assert value_in(viewer.viewport) == value
        assert middle.red() == middle.green() == middle.blue()
        assert len(panel.widgets) > 0
    workspace.viewports[0].step_frame(1)
    qtbot.waitUntil(lambda: value_in(workspace.viewports[0]) == 105)
    assert [viewer.frames.position.text.text() for viewer, _ in panes] == ["Slice 6 of 9", "Slice 5 of 9"]


def test_what_was_read_for_a_pane_that_is_gone_opens_in_the_active_one(
    qtbot: QtBot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "PATIENCE_S", 60.0)
    finder = Halting([folder / f"1-{z}.dcm" for z in range(SLICES)], after=1)
    workspace = Workspace(Settings(), FakeEngine, finder=finder)
    first, second = workspace.active, workspace.add_viewport()
    workspace.open_paths([folder])
    qtbot.waitUntil(lambda: len(workspace.listing.entries) == 1)
    workspace.remove_viewport(first)
    finder.go.set()
    qtbot.waitUntil(lambda: value_in(second) == 104 and workspace.busy("scan") is None)
    assert (workspace.viewports, workspace.active) == ([second], second)
    assert workspace.close()


def test_a_pane_keeps_what_was_asked_for_there_when_another_one_goes(
    qtbot: QtBot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "PATIENCE_S", 60.0)
    rest = threading.Event()

    def slow(path: Path) -> Iterator[Path]:
        yield path / "2-0.dcm"
        assert rest.wait(10)
        yield path / "1-0.dcm"

    workspace = Workspace(Settings(), FakeEngine, finder=slow)
    first, second = workspace.active, workspace.add_viewport()
    workspace.open_paths([folder])
    qtbot.waitUntil(lambda: len(workspace.listing.entries) == 1)
    workspace.select_entry(0, second)
    qtbot.waitUntil(lambda: value_in(second) == 200)
    workspace.remove_viewport(first)
    rest.set()
    qtbot.waitUntil(lambda: len(workspace.listing.entries) == 2 and not workspace.busy("scan"))
    qtbot.waitUntil(lambda: rested(second))
    assert value_in(second) == 200
    assert workspace.close()


def test_a_pane_that_is_gone_hears_nothing_of_its_work(
    make_workspace: MakeWorkspace, qtbot: QtBot, answering: Meeting
) -> None:
    workspace = make_workspace(auto_analyse=False)
    second = workspace.viewports[1]
    workspace.select_entry(1, second)
    qtbot.waitUntil(lambda: value_in(second) == 204)
    answering.waits = True
    second.analyse()
    job = second.busy("analyse")
    assert job is not None
    qtbot.waitUntil(lambda: answering.waiting)
    workspace.remove_viewport(second)
    assert job.token.cancelled
    answering()
    # What the thread still hands back comes before this.
    workspace.select_entry(1)
    qtbot.waitUntil(lambda: value_in(workspace.active) == 204)


def test_an_analysis_never_comes_beside_another_picture(
    make_workspace: MakeWorkspace, qtbot: QtBot, answering: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked for while that other one, perhaps of another patient, was being opened."""
    workspace = make_workspace(auto_analyse=False)
    first = workspace.active
    engine = workspace.engine.get()
    assert isinstance(engine, FakeEngine)
    qtbot.waitUntil(lambda: not first.busy("ahead"))
    decoding, decode = Meeting(), opening.decode

    def late(frame: Frame) -> Picture | Failure:
        if frame.path.stem == "2-4":
            decoding()
        return decode(frame)

    monkeypatch.setattr(opening, "decode", late)
    decoding.waits = answering.waits = True
    workspace.select_entry(1, first)
    first.analyse()
    qtbot.waitUntil(lambda: len(engine.requests) == 1)
    decoding()
    qtbot.waitUntil(lambda: value_in(first) == 204)
    assert first.busy("analyse") is None
    answering()
    assert (first.analysis, first.answer) == (None, None)


def test_who_cancels_in_an_empty_pane_leaves_the_other_one_open(
    make_workspace: MakeWorkspace, qtbot: QtBot, tmp_path: Path
) -> None:
    workspace = make_workspace(auto_analyse=False)
    first, second = workspace.viewports
    alone = tmp_path / "alone.dcm"
    alone.write_bytes(slice_of(0, 7))
    workspace.open_paths([alone])
    qtbot.waitUntil(lambda: value_in(first) == 7)
    workspace.select_entry(0, second)
    workspace.cancel_opening(second)
    assert value_in(first) == 7
    assert len(workspace.listing.entries) == 1
    assert (second.busy("open"), second.picture) == (None, None)


def test_a_plane_that_is_ready_late_does_not_stop_the_next_entry(
    make_workspace: MakeWorkspace, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(auto_analyse=False)
    first, reading, read = workspace.active, Meeting(), mpr.read_volume
    reading.waits = True

    def late(*args: Any) -> Any:
        reading()
        return read(*args)

    monkeypatch.setattr(mpr, "read_volume", late)
    first.show_plane("coronal")
    qtbot.waitUntil(lambda: reading.waiting)
    workspace.select_entry(1, first)
    assert first.busy("plane") is None
    reading()
    qtbot.waitUntil(lambda: value_in(first) == 204)
    assert first.plane is None


def test_try_again_means_the_same_file_when_the_list_has_grown(qtbot: QtBot, folder: Path) -> None:
    rest, bad = threading.Event(), folder / "bad.dcm"
    bad.write_bytes(b"")

    def slow(path: Path) -> Iterator[Path]:
        yield bad
        assert rest.wait(10)
        yield path / "1-0.dcm"

    workspace = Workspace(Settings(), FakeEngine, finder=slow)
    viewport = workspace.active
    viewer = Viewer(workspace, viewport, lambda: None)
    qtbot.addWidget(viewer)
    workspace.open_paths([folder])
    qtbot.waitUntil(lambda: len(workspace.listing.entries) == 1)
    workspace.select_entry(0)
    qtbot.waitUntil(lambda: viewport.failure is not None)
    rest.set()
    qtbot.waitUntil(lambda: len(workspace.listing.entries) == 2 and not workspace.busy("scan"))
    assert viewer.failure.message is not None
    (again,) = (one for one in viewer.failure.message.buttons if one.text() == "Try again")
    again.click()
    assert viewport.asked is not None
    assert viewport.asked.path == bad
    qtbot.waitUntil(lambda: not viewport.busy("open"))
    assert workspace.close()
