"""What every test gets: a home of its own, no window on anybody's screen, no unnoticed warning in the log.

Fixtures: `data_dir` (the shared images, or a skip), `engine` (with the models of medview). Markers: `data`, `slow`,
`expected_logs`.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code: what hypothesis finds slow is not told. In CI its own profile counts as well:
# the same examples every time.
settings.register_profile("medview", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("medview")

if TYPE_CHECKING:
    from medview.inference.engine import Engine

# Before anything imports Qt.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

ROOT = Path(__file__).resolve().parent.parent
OWN_LOGGERS = ("medview", "training")


def shared_data() -> Path:
    """Where the shared images are expected: `$MEDVIEW_DATA`, or `shared/data` beside the repository."""
    return Path(os.environ.get("MEDVIEW_DATA") or ROOT.parent / "shared" / "data")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `data` where there are no images; the reason says how to get them to run."""
    if shared_data().is_dir():
        return
    reason = "the shared images are not here: set MEDVIEW_DATA to their folder"
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_finish() -> None:
    """Modules and tests live to the end: the garbage collector need not go through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def engine() -> Engine:
    """With the models that come with medview, on the CPU; for all tests that do not change it."""
    from medview.core import resources
    from medview.inference.engine import Engine

    return Engine(resources.shipped("models"), "cpu")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the shared images. Tests that use it carry the marker `data`."""
    if not shared_data().is_dir():
        pytest.skip("the shared images are not here: set MEDVIEW_DATA to their folder")
    return shared_data()


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Paths for the homes of all tests, none of which is there yet: to make and remove thousands takes seconds."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / f"medview-home{number}" for number in count())


@pytest.fixture(autouse=True)
def home_to_be(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, marks and logs of medview go into a folder of this test, made when the first is written; a user's own
    choices have no say."""
    home = next(homes)
    monkeypatch.setenv("MEDVIEW_HOME", str(home))
    for name in ("MEDVIEW_MODELS", "MEDVIEW_VARIANT"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def own_home(home_to_be: Path) -> Path:
    """The home of this test, made already."""
    home_to_be.mkdir(exist_ok=True)
    return home_to_be


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.split(".")[0] in OWN_LOGGERS:
            self.records.append(record)


@pytest.fixture(autouse=True)
def no_unexpected_logs(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test fails when medview logs a warning or worse in it, unless it reads the log (`caplog`) or is marked
    `expected_logs`."""
    # On our own loggers, not on the root: a program under test may set up the root anew.
    collector = _Collector()
    loggers = [logging.getLogger(name) for name in OWN_LOGGERS]
    for logger in loggers:
        logger.addHandler(collector)
    yield
    for logger in loggers:
        logger.removeHandler(collector)
    expected = "caplog" in request.fixturenames or request.node.get_closest_marker("expected_logs")
    if collector.records and not expected:
        lines = "\n".join(f"{r.levelname} {r.name}: {r.getMessage()}" for r in collector.records)
        pytest.fail(f"unexpected log (mark the test `expected_logs` if it is about that):\n{lines}", pytrace=False)


@pytest.fixture(autouse=True)
def restored_root_logger() -> Iterator[None]:
    """A program under test may give the root logger handlers on files of a test that is over by now."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers and not type(handler).__module__.startswith(("_pytest", "pytestqt")):
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """medview is offline: a test that connects to anything but this machine fails."""
    import socket

    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        local = self.family == getattr(socket, "AF_UNIX", None)
        if not local and not (isinstance(address, tuple) and address[0] in ("127.0.0.1", "::1", "localhost")):
            raise AssertionError(f"a test tried to connect to {address!r}; medview is an offline program")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
