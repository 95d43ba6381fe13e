"""Settings on their way to the disk."""

from __future__ import annotations

from PySide6.QtCore import QObject, QThreadPool, QTimer

from medview.core.settings import Settings

SAVE_AFTER_MS = 1000


class SettingsSaver(QObject):
    """Writes the settings in a thread of its own, one after the other: a user's profile may lie on a network drive."""

    def __init__(self, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._settings = settings
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._later = QTimer(self, singleShot=True, interval=SAVE_AFTER_MS)
        self._later.timeout.connect(self.save)

    def save_later(self) -> None:
        """Begin in a second, with what else has changed by then."""
        self._later.start()

    def save(self) -> None:
        """Begin now, with the settings as they are."""
        self._later.stop()
        self._pool.start(self._settings.writing())

    def wait(self, ms: int) -> bool:
        """Wait until all is written; False when it is not by then."""
        return bool(self._pool.waitForDone(ms))
