"""Failure is a value. Every code the program can show stands in this file, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from medview.core.texts import Text


class Code(StrEnum):
    """What can go wrong, by the name that tables, tests and the help use."""

    # Reading a file
    NOT_FOUND = "not-found"
    NO_PERMISSION = "no-permission"
    READ_ERROR = "read-error"
    EMPTY_FILE = "empty-file"
    UNKNOWN_FORMAT = "unknown-format"
    UNSUPPORTED = "unsupported"
    CORRUPT = "corrupt"
    TRUNCATED = "truncated"
    TOO_LARGE = "too-large"
    NO_PIXELS = "no-pixels"
    SEGMENTATION = "segmentation"
    OTHER_PICTURES = "other-pictures"
    NO_SUCH_FRAME = "no-such-frame"
    NO_IMAGES = "no-images"
    # What failed was medview or the machine: the file was not looked at
    NO_ROOM = "no-room"
    READER_FAILED = "reader-failed"
    # The gate
    OTHER_MODALITY = "other-modality"
    AGAINST_HEADER = "against-header"
    OTHER_KIND = "other-kind"
    UNFAMILIAR = "unfamiliar"
    WRONG_MODEL = "wrong-model"
    # The quality of a picture
    TOO_SMALL = "too-small"
    WRONG_SHAPE = "wrong-shape"
    BLANK = "blank"
    TOO_DARK = "too-dark"
    TOO_BRIGHT = "too-bright"
    LOW_CONTRAST = "low-contrast"
    SATURATED = "saturated"
    BLURRED = "blurred"
    PHOTO = "photo"
    INVERTED = "inverted"
    ROTATED = "rotated"
    LATERAL = "lateral"
    OTHER_SEQUENCE = "other-sequence"
    NO_LUNGS = "no-lungs"
    # Models
    NO_MODEL = "no-model"
    MODEL_DAMAGED = "model-damaged"
    MODEL_SELF_TEST = "model-self-test"
    MODEL_FAILED = "model-failed"
    CONTRADICTION = "contradiction"
    # Output
    WRITE_ERROR = "write-error"
    # A defect of medview itself
    INTERNAL = "internal"


@dataclass(frozen=True)
class Failure:
    """Why something could not be done.

    Attributes:
        code: the stable name.
        text: what happened, for the clinician.
        hint: what to do next.
        detail: for the log and the support person; may be empty.
    """

    code: Code
    text: Text
    hint: Text
    detail: str = ""


def internal(error: BaseException) -> Failure:
    """The failure of a defect in medview itself."""
    return Failure(
        Code.INTERNAL,
        Text("Something went wrong inside medview."),
        Text("Try again. If it stays, send the log file to the person who looks after medview (Help > About)."),
        repr(error)[:500],
    )
