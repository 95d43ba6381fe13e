"""What lies over the picture, to be switched: heatmap and mask, on or off, and how strongly."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QSlider, QWidget

from medview.ui import theme, words
from medview.ui.widgets import Check, Elided, Legend, keep_place, set_tip
from medview.workspace.viewport import Viewport


class LayerSwitches(QWidget):
    """Heatmap and mask: on or off, and how strongly."""

    def __init__(self, viewport: Viewport) -> None:
        super().__init__()
        self.viewport = viewport
        self.setObjectName("switches")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        grid = QGridLayout(self)
        grid.setContentsMargins(theme.DOUBLE, theme.STEP, theme.DOUBLE, theme.STEP)
        grid.setHorizontalSpacing(theme.DOUBLE)
        grid.setVerticalSpacing(theme.HALF)
        grid.setColumnStretch(1, 1)
        self.heat_switch, self.heat_slider = self._row(grid, 0, self.tr("Heatmap"), "heatmap")
        self.mask_switch, self.mask_slider = self._row(grid, 2, self.tr("Mask"), "mask")
        self.legend = Legend(_heat_colours)
        self.note = Elided("", "muted", Qt.TextElideMode.ElideRight)
        grid.addWidget(self.legend, 1, 1)
        grid.addWidget(self.note, 1, 0, 1, 2)
        keep_place(self.note)
        viewport.layersChanged.connect(self.refresh)
        viewport.analysisChanged.connect(self.refresh)
        self.refresh()

    def _row(self, grid: QGridLayout, row: int, text: str, field: str) -> tuple[Check, QSlider]:
        switch = Check(text)
        switch.toggled.connect(lambda on: self.viewport.set_layers(**{field + "_on": on}))
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setAccessibleName(self.tr("Opacity: {0}").format(text))
        set_tip(slider, slider.accessibleName())
        slider.valueChanged.connect(lambda value: self.viewport.set_layers(**{field + "_opacity": value / 100}))
        grid.addWidget(switch, row, 0)
        grid.addWidget(slider, row, 1)
        return switch, slider

    def refresh(self) -> None:
        """Show the viewport's layers; a switch without anything to show is disabled.

        While the answer of a frame is on its way the switches stay as they are.
        """
        viewport = self.viewport
        if viewport.analysis is None and viewport.answer is not None:
            return
        layers, mask, heat = viewport.layers, viewport.mask, viewport.heatmap
        has_mask = mask is not None and mask.count > 0
        for switch, slider, on, opacity, there in (
            (self.heat_switch, self.heat_slider, layers.heatmap_on, layers.heatmap_opacity, heat is not None),
            (self.mask_switch, self.mask_slider, layers.mask_on, layers.mask_opacity, has_mask),
        ):
            for widget in (switch, slider):
                widget.blockSignals(True)
            switch.setChecked(on and there)
            slider.setValue(round(opacity * 100))
            for widget in (switch, slider):
                widget.blockSignals(False)
            switch.setEnabled(there)
            slider.setEnabled(there and on)
        said = words.no_evidence(heat[0]) if heat is not None and layers.heatmap_on else ""
        self.note.set_text(said)
        self.note.setVisible(bool(said))
        self.legend.setVisible(heat is not None and layers.heatmap_on and not said)


def _heat_colours() -> object:
    from medview.report.overlay import heat_colours

    return heat_colours()
