"""What the help page says. The shortcuts come from the table of actions, the messages from the codes of failures."""

from __future__ import annotations

from html import escape

from PySide6.QtGui import QKeySequence

from medview.core.failures import Code
from medview.core.texts import Text
from medview.ui import words
from medview.ui.actions import table as actions

_INTRO = Text(
    "medview shows a picture and gives a second look at it: what kind of picture it takes it for, how probable "
    "each of a few findings is, where the evidence lies, and the outline of a brain tumour or a skin lesion. "
    "It is not a medical device and it makes no diagnosis."
)
_REFUSAL = Text(
    "A gate looks first whether the picture is one of the kinds the models learned: what its file says of it, "
    "then what it looks like. If it is not, medview says so and gives no numbers. If it is one all the same, say "
    "what it is (in the panel, or Analysis, Say what it is): the answer is then marked as given on your word, and "
    "Take back undoes it. A picture of a right kind that is too poor can be analysed all the same; its answers "
    "are then marked as not valid and name no finding."
)
_QUALITY = Text(
    "Before any model, medview measures the picture: size and shape, exposure, contrast, sharpness, the signs of "
    "a photo of a film, and for chest X-rays whether the film is a negative or does not lie upright. A slight "
    "fault is noted, a grave one refused, always with what to do. Invert and Rotate put the picture right for you "
    "and for the models, which then look again; As in the file takes that back. The file itself is never "
    "changed."
)
_LIMITS = Text(
    "It notices a lateral view, or an MR that is not T1-weighted, only where the file says so. A mirrored film, "
    "a grey photo without a visible edge, or a brain slice that is turned it does not notice: look for these "
    "yourself."
)
_OPENS = Text(
    "DICOM files, folders and discs (DICOMDIR), NIfTI, Analyze, NRRD, MetaImage, PNG, JPEG, JPEG 2000, JPEG XL, "
    "TIFF, BMP, WebP, AVIF, GIF, and ZIP archives. A HEIC photo does not open: export it as JPEG. A folder is "
    "listed at the left: series by patient and study, then picture files, then what cannot be shown; the sign "
    "beside a series tells, when pointed at, of gaps, copies or a tilted gantry. A slice opens with the series it "
    "lies beside: step through it with the wheel, the keys or the slider; where it has several points in time, "
    "there are two sliders. Drawings that a file brings are shown in pale yellow."
)
_PLANES = Text(
    "View, Plane shows a series whose slices are equally far apart as axial, coronal or sagittal slices, "
    "interpolated between its own (MPR). The title says where such a slice lies: mm to the right (R) or left (L), "
    "to the front (A) or back (P), to the head (H) or feet (F) of where the machine has its origin. Models do not look "
    "at them. Slices whose file names no window share one automatic window, so that they compare. Pictures that "
    "do not lie in parallel scroll as one series, in the order of their numbers, and only as acquired."
)
_ORIENTATION = Text(
    "Where the file says how the patient lay, the same letters stand at the edges of the picture: R is the "
    "patient's right side, not yours. Two letters mean that the edge lies obliquely, nearer to the first. They are "
    "what the file says; letters that were on the film itself are part of the picture."
)
_IDENTITY = Text(
    "Above the picture, in the title and in the list stands what the file says of the patient and the study. "
    "Privacy hides it, with file names and recent files; letters that are part of the picture itself stay. DICOM "
    "tags, in the File menu, shows everything a file says, without the values of names, dates and ids while "
    "Privacy is on. Saved pictures carry a caption, without the patient while Privacy is on; their own names are "
    "still made of the name of the file."
)
_MESSAGES = Text("Every message says what to do next. These are all there are:")

_PANEL = (
    Text(
        "The first line says what all models together flag, the line below it what that is valid for. Nothing flagged "
        "is no all-clear: it also says how many findings no model judges. While you step through a series, the answer "
        "of the slice before stays, dimmed, until the new one is there.",
    ),
    Text(
        "Each box is one model. Its last line says which model, version, hash and processor it was, and how long it "
        "took.",
    ),
    Text(
        "Bars are calibrated probabilities. The white tick is the threshold from which the label counts as a finding; "
        "Finding or Worth a look stands beside every one that reached it. How common a disease is where you work, no "
        "model knows: where it is rarer than the model takes it to be, its probability is too high.",
    ),
    Text(
        "The bracket below a bar is the range of that probability when the picture is moved, scaled, mirrored or "
        "exposed a little differently. It appears a moment after the answer. If another label becomes the most "
        "probable within it, or one crosses its threshold, its box says Unstable below the bars, and which label: "
        "then rely on it even less.",
    ),
    Text(
        "A set, such as the 90 % set, holds the labels of which one is the true one that often, on pictures like "
        "those of the validation, for doubtful answers as for clear ones. The longer it is, the less the model knows; "
        "an empty set means that no label is likely enough, as on a picture unlike those it learned from.",
    ),
    Text(
        "A label that reaches its threshold is a finding at 50 % or more, and below that worth a look: rather absent "
        "than present, but too probable to be passed over. Where two models contradict each other, the panel says so.",
    ),
    Text(
        "A model knows only the labels it lists: one that names one of several classes calls anything else one of "
        "them too. Some judge each label by itself; their probabilities do not add up to 100 %. Not judged names what "
        "none of the models shown says anything about. The sign beside a model's name opens its card: what it saw, "
        "what it cannot see, and how well it did.",
    ),
    Text(
        "Click a row to have it explained and to see where the evidence for that label lies, if there is any. Esc "
        "closes the explanation. A heatmap shows what the model looked at, not the outline of a disease. The chest "
        "models look at the film and once more at the lungs alone: the thin frame shows where medview found them. "
        "Where it misses them, trust no number. Of skin seen through a round opening, and of a small head in much "
        "air, the classes are told from what lies within the frame.",
    ),
    Text(
        "Open a DICOM segmentation while its pictures are open, and its masks are laid over them. The list in the "
        "panel says how they were drawn; they come from the file, and no model of medview had a part in them.",
    ),
    Text(
        "A small probability is not the absence of disease: the models know only the labels they list.",
    ),
)

_WINDOW = Text(
    "The windows of a grey picture, in the order of the menu: those of the file, those by convention (CT), automatic, "
    "full range; 0 chooses the automatic one. The button below the picture shows which is used and offers the same",
)

_MOUSE = (
    (
        Text("Left drag"),
        Text("Window of a grey picture: right is wider, down is darker. Moves a colour picture"),
    ),
    (
        Text("Right drag"),
        Text("Zoom about the point where it began: up is larger"),
    ),
    (Text("Right click"), Text("Menu of the picture")),
    (
        Text("Middle drag, or left with Space or Ctrl"),
        Text("Move the picture"),
    ),
    (
        Text("Wheel"),
        Text("The next or previous slice; zoom where there is one picture"),
    ),
    (Text("Ctrl and wheel"), Text("Zoom at the cursor")),
    (Text("Shift and wheel"), Text("The next or previous point in time")),
    (Text("Double click"), Text("Fit")),
)


def _tr(text: Text) -> str:
    return escape(words.shown(text))


def table(rows: list[list[str]], head: list[str] | None = None) -> str:
    """An HTML table; the cells are HTML already."""
    first = "<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>" if head else ""
    lines = ("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table cellspacing='0'>{first}{''.join(lines)}</table>"


def shortcuts() -> str:
    """Every action with its keys."""
    native = QKeySequence.SequenceFormat.NativeText
    rows = []
    for spec in actions.ACTIONS:
        shown = ", ".join(f"<span class='key'>{escape(key.toString(native))}</span>" for key in actions.keys(spec))
        rows.append([escape(words.shown(spec.text)), shown, escape(words.shown(spec.about))])
    first, last = (QKeySequence(actions.WINDOW_KEYS[n]).toString(native) for n in (0, -1))
    keys = f"<span class='key'>{escape(first)}</span> … <span class='key'>{escape(last)}</span>"
    rows.append([_tr(Text("Window")), keys, _tr(_WINDOW)])
    heads = (
        Text("Action"),
        Text("Keys"),
        Text("What it does"),
    )
    return table(rows, [_tr(head) for head in heads])


def help_html() -> str:
    """How medview is used."""
    sections = (
        (None, f"<p>{_tr(_INTRO)}</p>"),
        (
            Text("Reading the panel"),
            "<ul>" + "".join(f"<li>{_tr(text)}</li>" for text in _PANEL) + "</ul>",
        ),
        (Text("When medview refuses"), f"<p>{_tr(_REFUSAL)}</p>"),
        (Text("Is the picture good enough?"), f"<p>{_tr(_QUALITY)}</p><p>{_tr(_LIMITS)}</p>"),
        (Text("What opens"), f"<p>{_tr(_OPENS)}</p>"),
        (Text("Whose picture it is"), f"<p>{_tr(_IDENTITY)}</p>"),
        (Text("Other planes, and orientation"), f"<p>{_tr(_PLANES)}</p><p>{_tr(_ORIENTATION)}</p>"),
        (Text("Mouse"), table([[_tr(what), _tr(does)] for what, does in _MOUSE])),
        (Text("Actions and keys"), shortcuts()),
        (
            Text("Messages"),
            f"<p>{_tr(_MESSAGES)}</p>"
            + table([[f"<code>{code.value}</code>", escape(words.title(code))] for code in Code]),
        ),
    )
    return "".join((f"<h2>{_tr(title)}</h2>" if title else "") + html for title, html in sections)
