"""The program's start: application, look, workspace, window."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QApplication

from medview import __version__
from medview.core import log as logs
from medview.core import paths as places
from medview.core.settings import Settings
from medview.core.texts import printable
from medview.ui import theme
from medview.ui.languages import translators
from medview.ui.window import MainWindow
from medview.workspace import Workspace

log = logging.getLogger(__name__)

# Allocations after which the collector looks at the youngest objects, and how often at older ones. As Python has it
# (700, 10, 10), reading the headers of 10,000 slices takes twice as long and the window can stand still for 0.3 s.
COLLECT_AFTER = (20_000, 20, 50)


def make_app() -> QApplication:
    """The application object, dressed, in the user's language."""
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication([sys.argv[0]])
    app.setApplicationName("medview")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("medview")
    for translator in translators(QLocale(), app):
        app.installTranslator(translator)
    theme.dress(app)
    return app


def _log_uncaught(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    """PySide6 prints an exception that leaves a slot and goes on; the log must have it as well."""
    log.critical("uncaught in a slot", exc_info=(kind, value, trace))


NO_DISPLAY = "There is no display here."


def display_problem() -> str:
    """Why no window can be shown, or empty. Qt would abort the process, with a core dump, where none can."""
    platform = os.environ.get("QT_QPA_PLATFORM")  # Qt takes an empty one for none
    if not sys.platform.startswith("linux") or (platform or "xcb") != "xcb":
        return ""
    if not platform and _wayland_answers():
        return ""
    display = os.environ.get("DISPLAY")
    if not display:
        return NO_DISPLAY
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return ""  # Qt names the libraries it misses
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return f"The display {printable(display)} cannot be reached." if failed else ""


def _wayland_answers() -> bool:
    """Whether a Wayland compositor is where the environment says; Qt tries X where none is."""
    if not os.environ.get("WAYLAND_DISPLAY"):
        return False
    try:
        wayland = ctypes.CDLL("libwayland-client.so.0")
    except OSError:
        return False  # nor can Qt use it
    wayland.wl_display_connect.restype = ctypes.c_void_p
    wayland.wl_display_disconnect.argtypes = [ctypes.c_void_p]
    connection = wayland.wl_display_connect(None)
    if connection:
        wayland.wl_display_disconnect(connection)
    return bool(connection)


def run(paths: list[str]) -> int:
    """Show the window, open `paths` (files or folders) and stay until it is closed. The exit status."""
    if problem := display_problem():
        sys.stderr.write(f"{problem} `medview analyze` and `medview demo` work without one.\n")
        return 1
    # Ctrl+C in the terminal ends the program: while Qt waits, Python's own handler would never run.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    log_path = logs.set_up()
    sys.excepthook = _log_uncaught
    gc.set_threshold(*COLLECT_AFTER)
    app = make_app()
    workspace = Workspace(Settings(places.config_dir() / "settings.json"))
    window = MainWindow(workspace, log_path=str(log_path or ""))
    window.show()
    if paths:
        window.open_paths([Path(path).absolute() for path in paths])
    status = app.exec()
    if not workspace.close():
        # A thread hangs (a dead network drive): Python or Qt would wait for it for ever, or crash on the way out.
        logging.shutdown()
        os._exit(status)
    return status
