"""The line at the lower edge of the window: which models ran and how long, and what medview is not."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStatusBar, QWidget

from medview.ui import theme, words
from medview.ui.widgets import Elided, label
from medview.workspace import Workspace


class StatusLine(QStatusBar):
    """Follows the answer of the active pane."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.setSizeGripEnabled(False)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(theme.STEP, 2, theme.STEP, 2)
        row.setSpacing(theme.DOUBLE)
        self.ran = Elided("", "muted", Qt.TextElideMode.ElideRight)
        self.motto = label(self.tr("Second look, not a diagnosis. Not a medical device."))
        row.addWidget(self.ran, 1)
        row.addWidget(self.motto)
        self.addWidget(holder, 1)
        # An answer of the frame before stays only while that of the shown one is on its way.
        for signal in (workspace.analysisChanged, workspace.pictureChanged, workspace.busyChanged):
            signal.connect(self.refresh)
        workspace.settingChanged.connect(lambda key: self.refresh() if key == "auto_analyse" else None)
        self.refresh()

    def refresh(self) -> None:
        """What ran, where, and for how long; nothing where no model did."""
        answer = self.workspace.active.answer
        ran = [result for result in answer.analysis.results if not result.skipped_by] if answer else []
        if answer is None or not ran:
            self.ran.set_text("")
            return
        each = [
            self.tr("{0} on {1} in {2}").format(
                result.card.id, words.provider(result.provider), words.milliseconds(result.ms)
            )
            for result in ran
        ]
        total = words.milliseconds(answer.analysis.total_ms)
        self.ran.set_text(self.tr("{0}; altogether {1}").format(", ".join(each), total))
