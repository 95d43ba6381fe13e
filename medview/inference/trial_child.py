"""What the child process does that tries a model which did not come with medview."""

from __future__ import annotations

import json
import os
from pathlib import Path

from medview.core.failures import Failure
from medview.core.program import end_with_parent, limit_memory
from medview.inference.card_reading import read_card
from medview.inference.registry import load_model
from medview.inference.trial import LIMIT_BYTES, failure_fields


def serve(folder: Path) -> None:
    """What the child does: load the model, and say on stdout as JSON why that fails, or null."""
    # Libraries may print: what they print must not come before the answer.
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    end_with_parent()
    limit_memory(LIMIT_BYTES)
    card = read_card(folder)
    found = card if isinstance(card, Failure) else load_model(folder, card, "cpu")
    row = failure_fields(found) if isinstance(found, Failure) else None
    answers.write(json.dumps(row).encode("ascii"))
    answers.flush()
    # Threads of a runtime may hang on the way out.
    os._exit(0)
