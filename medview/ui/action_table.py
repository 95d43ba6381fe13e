"""Every action, declared once; `medview.ui.actions` makes menus, toolbar, shortcut list and help of this table."""

from __future__ import annotations

from dataclasses import dataclass

from medview.ui import when


@dataclass(frozen=True)
class Spec:
    """One action. `keys`: portable key texts; `on_canvas`: its keys (arrows) only count while the picture, or the
    message in its place, has the focus; `bar`: it stands in the toolbar; `about`: what the help says."""

    id: str
    text: str
    menu: str
    keys: tuple[str, ...] = ()
    icon: str = ""
    enabled: when.When = when.always
    about: str = ""
    checkable: bool = False
    on_canvas: bool = False
    bar: bool = False

    @property
    def anywhere(self) -> bool:
        """Whether it leaves what is open alone, so that it also works where a page of the Help menu hides that."""
        return self.enabled in (when.always, when.accepted)


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """Marks a text for lupdate, which looks for this name, and gives it back typed (Qt's own gives `object`)."""
    return text


# (id, title, menu that it is the end of; empty for the menu bar)
MENUS = (
    ("file", QT_TRANSLATE_NOOP("Actions", "&File"), ""),
    ("view", QT_TRANSLATE_NOOP("Actions", "&View"), ""),
    ("plane", QT_TRANSLATE_NOOP("Actions", "Plane"), "view"),
    ("go", QT_TRANSLATE_NOOP("Actions", "&Go"), ""),
    ("analysis", QT_TRANSLATE_NOOP("Actions", "&Analysis"), ""),
    ("help", QT_TRANSLATE_NOOP("Actions", "&Help"), ""),
)

SEPARATOR = "-"
# Of the first windows in the menu of windows, and of the automatic one wherever it stands.
WINDOW_KEYS, AUTO_KEY = tuple("123456789"), "0"

ACTIONS: tuple[Spec | str, ...] = (
    Spec(
        "open",
        QT_TRANSLATE_NOOP("Actions", "Open…"),
        "file",
        ("Ctrl+O",),
        "open",
        when.accepted,
        QT_TRANSLATE_NOOP("Actions", "Open one or several pictures"),
        bar=True,
    ),
    Spec(
        "open_folder",
        QT_TRANSLATE_NOOP("Actions", "Open folder…"),
        "file",
        ("Ctrl+Shift+O",),
        "",
        when.accepted,
        QT_TRANSLATE_NOOP("Actions", "List a whole folder"),
    ),
    Spec(
        "close",
        QT_TRANSLATE_NOOP("Actions", "Close"),
        "file",
        ("Ctrl+W",),
        "",
        when.anything,
        QT_TRANSLATE_NOOP("Actions", "Close the picture and the list"),
    ),
    SEPARATOR,
    Spec(
        "save",
        QT_TRANSLATE_NOOP("Actions", "Save result images…"),
        "file",
        ("Ctrl+S",),
        "save",
        when.results,
        QT_TRANSLATE_NOOP("Actions", "Write masks, heatmaps and the numbers (JSON) into a folder"),
        bar=True,
    ),
    Spec(
        "tags",
        QT_TRANSLATE_NOOP("Actions", "DICOM tags…"),
        "file",
        ("Ctrl+I",),
        enabled=when.file,
        about=QT_TRANSLATE_NOOP("Actions", "Every element of the file, private ones too, to search and copy"),
    ),
    SEPARATOR,
    Spec(
        "quit",
        QT_TRANSLATE_NOOP("Actions", "Quit"),
        "file",
        ("Ctrl+Q",),
        about=QT_TRANSLATE_NOOP("Actions", "Leave medview"),
    ),
    Spec(
        "fit",
        QT_TRANSLATE_NOOP("Actions", "Fit"),
        "view",
        ("F",),
        "fit",
        when.picture,
        QT_TRANSLATE_NOOP("Actions", "Show the whole picture"),
        bar=True,
    ),
    Spec(
        "actual",
        QT_TRANSLATE_NOOP("Actions", "Actual size"),
        "view",
        ("Ctrl+1",),
        "actual",
        when.picture,
        QT_TRANSLATE_NOOP("Actions", "One pixel on one pixel"),
        bar=True,
    ),
    Spec(
        "zoom_in",
        QT_TRANSLATE_NOOP("Actions", "Zoom in"),
        "view",
        ("+", "=", "Ctrl++"),
        "zoom-in",
        when.picture,
        QT_TRANSLATE_NOOP("Actions", "Larger"),
        bar=True,
    ),
    Spec(
        "zoom_out",
        QT_TRANSLATE_NOOP("Actions", "Zoom out"),
        "view",
        ("-", "Ctrl+-"),
        "zoom-out",
        when.picture,
        QT_TRANSLATE_NOOP("Actions", "Smaller"),
        bar=True,
    ),
    SEPARATOR,
    Spec(
        "invert",
        QT_TRANSLATE_NOOP("Actions", "Invert"),
        "view",
        ("I",),
        "invert",
        when.picture,
        QT_TRANSLATE_NOOP("Actions", "Swap black and white"),
        checkable=True,
        bar=True,
    ),
    Spec(
        "reset",
        QT_TRANSLATE_NOOP("Actions", "Reset view"),
        "view",
        ("R",),
        "reset",
        when.picture,
        QT_TRANSLATE_NOOP("Actions", "Window, zoom and polarity as the file has them"),
        bar=True,
    ),
    SEPARATOR,
    Spec(
        "heatmap",
        QT_TRANSLATE_NOOP("Actions", "Heatmap"),
        "view",
        ("H",),
        "heatmap",
        when.heatmaps,
        QT_TRANSLATE_NOOP("Actions", "Show where the chosen label's evidence lies"),
        checkable=True,
        bar=True,
    ),
    Spec(
        "mask",
        QT_TRANSLATE_NOOP("Actions", "Mask"),
        "view",
        ("M",),
        "mask",
        when.marked,
        QT_TRANSLATE_NOOP("Actions", "Show what was marked"),
        checkable=True,
        bar=True,
    ),
    Spec(
        "sides",
        QT_TRANSLATE_NOOP("Actions", "Orientation letters"),
        "view",
        ("L",),
        "",
        when.sided,
        QT_TRANSLATE_NOOP("Actions", "Show which sides of the patient lie at the edges of the picture"),
        checkable=True,
    ),
    Spec(
        "privacy",
        QT_TRANSLATE_NOOP("Actions", "Privacy"),
        "view",
        ("X",),
        about=QT_TRANSLATE_NOOP("Actions", "Hide everything that tells who a patient is: names, dates, file names"),
        checkable=True,
    ),
    SEPARATOR,
    Spec(
        "list",
        QT_TRANSLATE_NOOP("Actions", "List"),
        "view",
        ("F2",),
        enabled=when.several_entries,
        about=QT_TRANSLATE_NOOP("Actions", "Show the list at the left, where several were opened"),
        checkable=True,
    ),
    Spec(
        "panel",
        QT_TRANSLATE_NOOP("Actions", "Second look"),
        "view",
        ("F3",),
        enabled=when.anything,
        about=QT_TRANSLATE_NOOP("Actions", "Show what the models found, at the right"),
        checkable=True,
    ),
    Spec(
        "full_screen",
        QT_TRANSLATE_NOOP("Actions", "Full screen"),
        "view",
        ("F11",),
        about=QT_TRANSLATE_NOOP("Actions", "The window without its frame, as large as the screen"),
        checkable=True,
    ),
    Spec(
        "plane_acquired",
        QT_TRANSLATE_NOOP("Actions", "As acquired"),
        "plane",
        enabled=when.several_frames,
        about=QT_TRANSLATE_NOOP("Actions", "The slices as the machine took them"),
        checkable=True,
    ),
    Spec(
        "plane_axial",
        QT_TRANSLATE_NOOP("Actions", "Axial"),
        "plane",
        enabled=when.several_frames,
        about=QT_TRANSLATE_NOOP("Actions", "The series cut across, seen from the feet"),
        checkable=True,
    ),
    Spec(
        "plane_coronal",
        QT_TRANSLATE_NOOP("Actions", "Coronal"),
        "plane",
        enabled=when.several_frames,
        about=QT_TRANSLATE_NOOP("Actions", "The series cut from side to side, seen from the front"),
        checkable=True,
    ),
    Spec(
        "plane_sagittal",
        QT_TRANSLATE_NOOP("Actions", "Sagittal"),
        "plane",
        enabled=when.several_frames,
        about=QT_TRANSLATE_NOOP("Actions", "The series cut from front to back, seen from the left"),
        checkable=True,
    ),
    Spec(
        "previous_file",
        QT_TRANSLATE_NOOP("Actions", "Previous in the list"),
        "go",
        ("Left",),
        "previous",
        when.several_entries,
        QT_TRANSLATE_NOOP("Actions", "The series or file before this one"),
        on_canvas=True,
    ),
    Spec(
        "next_file",
        QT_TRANSLATE_NOOP("Actions", "Next in the list"),
        "go",
        ("Right",),
        "next",
        when.several_entries,
        QT_TRANSLATE_NOOP("Actions", "The series or file after this one"),
        on_canvas=True,
    ),
    SEPARATOR,
    Spec(
        "previous_frame",
        QT_TRANSLATE_NOOP("Actions", "Previous frame"),
        "go",
        ("Up",),
        "",
        when.several_frames,
        QT_TRANSLATE_NOOP("Actions", "One frame back in the series"),
        on_canvas=True,
    ),
    Spec(
        "next_frame",
        QT_TRANSLATE_NOOP("Actions", "Next frame"),
        "go",
        ("Down",),
        "",
        when.several_frames,
        QT_TRANSLATE_NOOP("Actions", "One frame on in the series"),
        on_canvas=True,
    ),
    Spec(
        "frames_back",
        QT_TRANSLATE_NOOP("Actions", "Ten frames back"),
        "go",
        ("PgUp",),
        "",
        when.several_frames,
        QT_TRANSLATE_NOOP("Actions", "Ten frames back in the series, or to the first"),
        on_canvas=True,
    ),
    Spec(
        "frames_on",
        QT_TRANSLATE_NOOP("Actions", "Ten frames on"),
        "go",
        ("PgDown",),
        "",
        when.several_frames,
        QT_TRANSLATE_NOOP("Actions", "Ten frames on in the series, or to the last"),
        on_canvas=True,
    ),
    Spec(
        "first_frame",
        QT_TRANSLATE_NOOP("Actions", "First frame"),
        "go",
        ("Home",),
        "",
        when.several_frames,
        QT_TRANSLATE_NOOP("Actions", "The beginning of the series"),
        on_canvas=True,
    ),
    Spec(
        "last_frame",
        QT_TRANSLATE_NOOP("Actions", "Last frame"),
        "go",
        ("End",),
        "",
        when.several_frames,
        QT_TRANSLATE_NOOP("Actions", "The end of the series"),
        on_canvas=True,
    ),
    SEPARATOR,
    Spec(
        "previous_time",
        QT_TRANSLATE_NOOP("Actions", "Earlier"),
        "go",
        (",", "Ctrl+Up"),
        "",
        when.several_times,
        QT_TRANSLATE_NOOP("Actions", "The same slice, one point in time back"),
        on_canvas=True,
    ),
    Spec(
        "next_time",
        QT_TRANSLATE_NOOP("Actions", "Later"),
        "go",
        (".", "Ctrl+Down"),
        "",
        when.several_times,
        QT_TRANSLATE_NOOP("Actions", "The same slice, one point in time on"),
        on_canvas=True,
    ),
    Spec(
        "analyse",
        QT_TRANSLATE_NOOP("Actions", "Analyse"),
        "analysis",
        ("F5",),
        "analyse",
        when.judged,
        QT_TRANSLATE_NOOP("Actions", "Let the models look at this picture (again)"),
        bar=True,
    ),
    Spec(
        "cancel",
        QT_TRANSLATE_NOOP("Actions", "Cancel"),
        "analysis",
        ("Esc",),
        "cancel",
        when.busy,
        QT_TRANSLATE_NOOP("Actions", "Stop what is running"),
    ),
    SEPARATOR,
    Spec(
        "auto",
        QT_TRANSLATE_NOOP("Actions", "Analyse when a picture opens"),
        "analysis",
        checkable=True,
        about=QT_TRANSLATE_NOOP("Actions", "Switch the automatic second look on or off"),
    ),
    Spec(
        "help",
        QT_TRANSLATE_NOOP("Actions", "Help and shortcuts"),
        "help",
        ("F1",),
        "help",
        about=QT_TRANSLATE_NOOP("Actions", "How medview is used"),
        bar=True,
    ),
    Spec(
        "models",
        QT_TRANSLATE_NOOP("Actions", "Models"),
        "help",
        about=QT_TRANSLATE_NOOP("Actions", "The installed models, their hashes and self-tests"),
    ),
    SEPARATOR,
    Spec(
        "about",
        QT_TRANSLATE_NOOP("Actions", "About medview"),
        "help",
        about=QT_TRANSLATE_NOOP("Actions", "Versions, licences, where the log file is"),
    ),
)
