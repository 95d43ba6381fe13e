"""From the start to the end: the notice, the display, the process of its own, closing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from medview.core.settings import Settings
from medview.ui import app
from medview.ui.window import MainWindow
from medview.workspace import Workspace
from tests.ui.conftest import MakeWindow, Opened
from tests.ui.fakes import FakeEngine

# ---- the notice ----


def test_nothing_opens_before_the_notice_is_accepted(qtbot: QtBot, make_window: MakeWindow, grey: Path) -> None:
    window = make_window(notice_accepted=False)
    assert window.stack.currentWidget() is window.notice
    window.open_paths([grey])
    assert not window.action("open").isEnabled()
    assert window.workspace.listing.entries == []
    window.notice.accept.click()
    assert window.stack.currentWidget() is window.splitter
    qtbot.waitUntil(lambda: window.workspace.active.picture is not None)
    assert [entry.path for entry in window.workspace.listing.entries] == [grey]


def test_the_notice_is_shown_once(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    window = MainWindow(Workspace(Settings(path), FakeEngine), [])
    qtbot.addWidget(window)
    window.notice.accept.click()
    window.close()
    assert window.workspace.close()
    again = MainWindow(Workspace(Settings(path), FakeEngine), [])
    qtbot.addWidget(again)
    assert again.stack.currentWidget() is again.splitter
    again.close()


def test_the_permanent_line_is_always_there(make_window: MakeWindow) -> None:
    window = make_window()
    assert window.status.motto.isVisible()
    assert window.status.motto.text() == "Second look, not a diagnosis. Not a medical device."


# ---- the display ----


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
@pytest.mark.parametrize("name", ["", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"])
def test_without_a_display_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    class Made(Exception):
        pass

    def make() -> None:
        raise Made

    monkeypatch.setattr(app, "make_app", make)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(variable, raising=False)
    if name:
        monkeypatch.setenv(name, "x")
        monkeypatch.setattr(app, "_wayland_answers", lambda: name == "WAYLAND_DISPLAY")
        with pytest.raises(Made):
            app.run([])
        return
    assert app.run([]) == 1
    expected = "There is no display here. `medview analyze` and `medview demo` work without one.\n"
    assert capsys.readouterr().err == expected


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
@pytest.mark.parametrize("platform", [None, "", "xcb"])
@pytest.mark.parametrize("wayland", ["", "nobody-listens"])
def test_a_display_that_leads_nowhere_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str | None, wayland: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("WAYLAND_DISPLAY", wayland)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    if platform is not None:
        monkeypatch.setenv("QT_QPA_PLATFORM", platform)
    monkeypatch.setenv("DISPLAY", ":4077\x1b")
    assert app.display_problem() in ("", r"The display :4077\x1b cannot be reached.")

    class Xcb:
        """Stands in for libxcb and libwayland, which a bare machine may lack."""

        def __init__(self, _: str) -> None:
            self.xcb_connect = lambda *_: 1
            self.xcb_connection_has_error = lambda _: self.error
            self.xcb_disconnect = lambda _: None
            self.wl_display_connect = lambda _: None
            self.wl_display_disconnect = lambda _: None

        error = 1

    monkeypatch.setattr(app.ctypes, "CDLL", Xcb)
    assert app.display_problem() == r"The display :4077\x1b cannot be reached."
    Xcb.error = 0
    assert app.display_problem() == ""


# ---- the program ----


def test_it_closes_while_a_job_runs(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    engine = FakeEngine(delay_s=30)
    window = opened(grey, engine, auto_analyse=False)
    window.workspace.active.analyse()
    qtbot.waitUntil(lambda: bool(engine.requests))
    started = time.monotonic()
    window.close()
    assert time.monotonic() - started < 2
    assert not window.isVisible()


RUN = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from medview.ui import app, window

def when_open():
    (shown,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, window.MainWindow)]
    if shown.stack.currentWidget() is shown.notice:
        shown.accept_notice()
    elif shown.workspace.active.picture is not None:
        print(shown.workspace.active.study.path.name, flush=True)
        shown.close()
        return
    QTimer.singleShot(10, when_open)

app.make_app()
QTimer.singleShot(10, when_open)
sys.exit(app.run(sys.argv[1:]))
"""


@pytest.mark.slow
def test_the_program_starts_opens_closes_and_leaves_its_settings(grey: Path, own_home: Path, tmp_path: Path) -> None:
    """The whole program, in a process of its own, closed while the models are still being loaded."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(grey)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "MEDVIEW_MODELS": str(tmp_path / "none")},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == grey.name
    settings = json.loads((own_home / "config" / "settings.json").read_text(encoding="utf-8"))
    assert settings["notice_accepted"] is True
    assert settings["recent_files"] == [str(grey)]
    assert (own_home / "state" / "log" / "medview.log").exists()


def test_the_window_shows_before_heavy_libraries_are_loaded() -> None:
    code = (
        "import sys\n"
        "from medview.ui.app import make_app\n"
        "from medview.ui.window import MainWindow\n"
        "from medview.workspace import Workspace\n"
        "app = make_app(); window = MainWindow(Workspace(), []); window.show(); app.sendPostedEvents()\n"
        "print([m for m in ('onnxruntime', 'cv2', 'pydicom', 'imagecodecs') if m in sys.modules])\n"
        "window.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
