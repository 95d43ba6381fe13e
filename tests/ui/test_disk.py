"""Nothing on the thread of the window touches a disk: a dead network drive does not stop it."""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from medview.core.settings import Settings
from medview.ui import dialogs
from medview.ui.window import MainWindow
from medview.workspace import Workspace
from tests.imaging.segs import slices
from tests.ui.conftest import write_png
from tests.ui.fakes import FakeEngine, mri_analysis
from tests.ui.operate import drop
from tests.ui.segmentations.marked import COUNT, SIZE, two_segments
from tests.ui.watched_disk import Disk

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a series and, apart from it, a segmentation, a picture, an archive and a folder of pictures."""
    (tmp_path / "series é 你").mkdir()
    slices(tmp_path / "series é 你", COUNT, SIZE)
    (tmp_path / "marks.dcm").write_bytes(two_segments())
    write_png(tmp_path / "grey.png", np.zeros((60, 80), np.uint8))
    (tmp_path / "more").mkdir()
    for name in ("a.png", "b.png"):
        write_png(tmp_path / "more" / name, np.full((60, 80), 9, np.uint8))
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.write(tmp_path / "more" / "a.png", "a.png")
    return tmp_path


@pytest.fixture
def disk(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    watched = Disk(monkeypatch, place)
    yield watched
    watched.wake()


@pytest.fixture
def window(place: Path, qtbot: QtBot) -> Iterator[MainWindow]:
    """With settings that are saved beside the pictures."""
    settings = Settings(place / "profile" / "settings.json")
    settings["notice_accepted"] = True
    made = MainWindow(Workspace(settings, lambda: FakeEngine(mri_analysis)), [])
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()
    assert made.workspace.close()


def idle(window: MainWindow) -> bool:
    ws = window.workspace
    lanes = ("open", "scan", "series", "ahead", "analyse", "outlines", "thumbnails", "plane", "save", "tags", "folder")
    return not any(ws.busy(lane) or ws.active.busy(lane) for lane in lanes)


def opened(window: MainWindow, qtbot: QtBot, *paths: Path) -> None:
    drop(window, *paths)
    qtbot.waitUntil(lambda: idle(window))
    assert window.workspace.active.picture is not None


def test_no_file_is_touched_on_the_thread_of_the_window(
    window: MainWindow, disk: Disk, place: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws, series = window.workspace, place / "series é 你"
    for name, answer in (("getOpenFileNames", ([], "")), ("getExistingDirectory", str(place / "out"))):
        monkeypatch.setattr(QFileDialog, name, lambda *_, answer=answer: answer)
    opened(window, qtbot, series)
    opened(window, qtbot, place / "grey.png", place / "more")
    window.files.view.setCurrentIndex(window.files.model.index(2))
    for path in (place / "packed.zip", place / "gone.png", place / "grey.png", series / "slice5.dcm"):
        window.open_paths([path])
        qtbot.waitUntil(lambda: idle(window))
    assert ws.active.study is not None
    assert len(ws.active.study.frames) == COUNT
    opened(window, qtbot, place / "marks.dcm")
    assert len(ws.active.segmentations.shown) == 1
    for id in ("last_frame", "previous_frame", "tags", "plane_coronal", "plane_acquired", "privacy", "privacy", "open"):
        window.action(id).trigger()
        qtbot.waitUntil(lambda: idle(window))
    qtbot.waitUntil(lambda: ws.active.analysis is not None)
    window.context_menu().close()
    window.action("save").trigger()
    qtbot.waitUntil(lambda: window.bar.isVisible())
    window.recent_menu.actions()[0].trigger()
    window.action("cancel").trigger()
    window.action("close").trigger()
    window.close()
    assert ws.close()
    assert not disk.on_thread
    # It was all done elsewhere.
    assert (place / "profile" / "settings.json").is_file()
    assert (place / "out").is_dir()
    assert disk.on_thread


def kept_waiting() -> float:
    """Seconds that this thread was ready and had no processor, which is no fault of medview; 0 where nobody tells."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


class Pulse:
    """The longest time that the thread of the window did not answer, in seconds."""

    def __init__(self) -> None:
        self.longest, self._last = 0.0, (time.perf_counter(), kept_waiting())
        self._timer = QTimer(interval=2, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.beat)
        self._timer.start()

    def beat(self) -> None:
        """It answers now."""
        now, waited = time.perf_counter(), kept_waiting()
        self.longest = max(self.longest, now - self._last[0] - (waited - self._last[1]))
        self._last = now, waited


def test_a_disk_that_sleeps_does_not_stop_the_window(
    window: MainWindow, disk: Disk, place: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws, asked = window.workspace, []
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *args: asked.append(args[-1]) or ([], ""))
    monkeypatch.setattr(dialogs, "ANSWER_MS", 30)
    opened(window, qtbot, place / "series é 你")
    qtbot.waitUntil(lambda: ws.active.analysis is not None)
    steps: list[Callable[[], object]] = [
        lambda: window.action("tags").trigger(),
        lambda: window.action("next_frame").trigger(),
        lambda: window.action("last_frame").trigger(),
        lambda: ws.save_results(place / "out"),
        lambda: window.action("open").trigger(),
        lambda: drop(window, place / "marks.dcm"),
        lambda: window.action("cancel").trigger(),
        lambda: drop(window, place / "grey.png", place / "more"),
        lambda: window.action("next_file").trigger(),
        lambda: window.recent_menu.actions()[0].trigger(),
        lambda: ws.set_setting("panel_on", False),
    ]
    disk.sleep(3)
    pulse = Pulse()
    for step in steps:
        step()
        qtbot.wait(40)
    window.close()
    pulse.beat()
    assert pulse.longest < 0.05
    assert disk.slept > 4
    assert asked == [""]
    assert not disk.on_thread
    assert not window.isVisible()
    disk.wake()


def test_qt_reads_no_file_by_its_name() -> None:
    """Calls that the watched disk cannot see."""
    reading = re.compile(
        r"\b(QFile|QFileInfo|QDir|QDirIterator|QImageReader|QFileSystemModel)\b|Q(Image|Pixmap)\(\w*path"
    )
    sources = [path for ring in ("ui", "workspace") for path in (ROOT / "medview" / ring).rglob("*.py")]
    assert len(sources) > 50
    assert [path.name for path in sources if reading.search(path.read_text(encoding="utf-8"))] == []
