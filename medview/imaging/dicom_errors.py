"""What pydicom raises on damaged DICOM files, and what is said of them."""

from __future__ import annotations

import struct
import zlib

from medview.core.failures import Code, Failure
from medview.core.texts import Text


def parse_errors() -> tuple[type[Exception], ...]:
    """What pydicom is known to raise on damaged files; asked for when something was raised, so imported by then.

    OSError is what it says of an element that is cut.
    """
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return (
        ValueError, TypeError, LookupError, AttributeError, NotImplementedError, ArithmeticError, AssertionError,
        OSError, EOFError, RecursionError, MemoryError, struct.error, zlib.error, BytesLengthException,
        InvalidDicomError,
    )  # fmt: skip


def damaged(text: Text, detail: str = "", code: Code = Code.CORRUPT) -> Failure:
    """A DICOM file that must not be shown."""
    hint = Text("Copy the file again from where it came from, or send it again from the archive.")
    return Failure(code, text, hint, detail)
