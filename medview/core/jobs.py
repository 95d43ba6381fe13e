"""The contract of background work, without any thread in it: who runs a job is the ring above.

A job is a function of one `Token`. It ends in exactly one of three ways: it returns a value (which may be a `Failure`),
it raises `Cancelled`, or it raises anything else, which the border turns into a `Failure` with `Code.INTERNAL`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from medview.core.failures import Code, Failure, internal
from medview.core.texts import Text

log = logging.getLogger(__name__)
T = TypeVar("T")
# What long work calls again and again, such as `Token.check`; it may raise to stop it.
Step = Callable[[], None]


class Cancelled(Exception):
    """Raised by `Token.check` inside a job whose result nobody wants any more."""


class Token:
    """What a job gets from its runner: whether to stop, and where to say how far it is.

    Attributes:
        report: called with (share done 0-1, what is being done); None when nobody listens.
        take: called with each part of the result that is ready before the rest; None when nobody listens.
    """

    def __init__(self, report: Callable[[float, str], None] | None = None) -> None:
        self._cancelled = threading.Event()
        self.report = report
        self.take: Callable[[Any], None] | None = None

    def cancel(self) -> None:
        """Ask the job to stop at its next `check`. Safe from any thread."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if the job should stop."""
        if self.cancelled:
            raise Cancelled

    def progress(self, share: float, text: str) -> None:
        """Say that `share` (0-1) is done and what comes now. Checks for cancellation first."""
        self.check()
        report = self.report  # a job that ends meanwhile takes it away
        if report:
            report(share, text)

    def deliver(self, part: Any) -> None:
        """Hand over what is ready before the rest. Checks for cancellation first."""
        self.check()
        take = self.take
        if take:
            take(part)


def one_of_many(work: Callable[[], T]) -> T | Failure:
    """The border of one file among others: a defect that its reading meets costs that file, not those after it."""
    try:
        return work()
    except Cancelled:
        raise
    except MemoryError:
        return Failure(
            Code.TOO_LARGE,
            Text("Reading the file takes more memory than there is."),
            Text("Close other programs."),
        )
    except Exception as error:
        log.exception("one file of many")
        return internal(error)
