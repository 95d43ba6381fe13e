"""A model that did not come with medview is first tried in a child process: whatever it hangs or swells is the child.

The outcome is remembered by the contents of the folder, so that a model is tried once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

from medview import __version__
from medview.core.failures import Code, Failure
from medview.core.files import make_private, write_atomic
from medview.core.paths import cache_dir
from medview.core.program import command, environment
from medview.core.texts import Text, packed, unpacked
from medview.inference.card import Card, damaged
from medview.inference.card_reading import CARD_BYTES, LONGEST_DETAIL
from medview.inference.model_files import MODEL_BYTES, read_inside

log = logging.getLogger(__name__)

# A shipped model takes 0.1 s, and the child itself a second.
LIMIT_S = 30.0
# Address space for the network, its weights twice, and what it computes.
LIMIT_BYTES = 4 * 1024**3
_MOST_ANSWER = 100_000


def tried(folder: Path, card: Card, again: bool = False) -> Failure | None:
    """Why a model must not be loaded into this process, or None. `again`: also when it is known to have failed."""
    try:
        known = cache_dir() / "trials" / f"{_key(folder, card)}.json"
    except (OSError, ValueError) as error:
        return damaged(folder, str(error))
    outcome = _remembered(known)
    if outcome is None or (again and outcome["failure"]):
        try:
            outcome = {"failure": _try(folder)}
        except OSError as error:
            return off(
                folder.name, Text("the program that tries it could not be started: {reason}", reason=error.strerror)
            )
        try:
            make_private(known.parent)
            write_atomic(known, json.dumps(outcome).encode("ascii"), private=True)
        except OSError as error:
            log.warning("what was found about a model cannot be kept: %s", error.strerror)
    failure = outcome["failure"]
    return _failure(failure) if failure else None


def _key(folder: Path, card: Card) -> str:
    """A name for this model, this medview and this ONNX Runtime. Raises OSError and ValueError."""
    import onnxruntime as ort

    digest = hashlib.sha256(f"{__version__} {ort.__version__} {LIMIT_S} {LIMIT_BYTES} {folder.name}".encode())
    for name, most in (("card.toml", CARD_BYTES), ("model.onnx", MODEL_BYTES), *((n, MODEL_BYTES) for n in card.files)):
        digest.update(hashlib.sha256(read_inside(folder, name, most)).digest())
    return digest.hexdigest()


def _remembered(path: Path) -> dict[str, Any] | None:
    try:
        known = json.loads(path.read_bytes())
        failure = known["failure"]
        if failure is None or _failure(failure):
            return {"failure": failure}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        pass
    return None


def _failure(row: dict[str, Any]) -> Failure:
    """The failure that `failure_fields` made a row of. Raises ValueError, TypeError and KeyError for any other row."""
    return Failure(Code(row["code"]), unpacked(row["text"]), unpacked(row["hint"]), str(row["detail"]))


def _try(folder: Path) -> dict[str, Any] | None:
    """Load the model in a child; the failure as its fields, or None. Raises OSError when there can be no child."""
    import subprocess  # seldom needed, and not for nothing

    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            command("models", "--worker", str(folder.absolute())),
            stdin=reading,  # it ends when this process does
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            timeout=LIMIT_S,
            check=False,
        )
        answer = json.loads(done.stdout[:_MOST_ANSWER])
        return failure_fields(_failure(answer)) if answer else None
    except subprocess.TimeoutExpired:
        why = Text("it did not answer within {limit:g} s", limit=LIMIT_S)
    except (KeyError, TypeError, ValueError, RecursionError):
        why = Text("it ended the program that tried it (exit code {code})", code=done.returncode)
    finally:
        os.close(reading)
        os.close(writing)
    return failure_fields(off(folder.name, why))


def failure_fields(failure: Failure) -> dict[str, Any]:
    """A failure as JSON carries it from the child."""
    return {
        "code": failure.code.value,
        "text": packed(failure.text),
        "hint": packed(failure.hint),
        "detail": failure.detail[:LONGEST_DETAIL],
    }


def off(id: str, why: Text) -> Failure:
    """The failure of a model that answers nothing, or nothing in time, when it is tried."""
    return Failure(
        Code.MODEL_FAILED,
        Text("The model {id} was switched off: when it was tried, {why}.", id=id, why=why),
        Text("Ask whoever made the model. `medview models` tries it once more."),
        why,
    )
