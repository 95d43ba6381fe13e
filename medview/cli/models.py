"""`medview models`: the models that are there, and whether each passes its self-test."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from medview.cli.console import OK, UNREADABLE, say
from medview.core.texts import printable, to_json
from medview.inference import trial_child
from medview.inference.engine import Engine
from medview.inference.registry import ModelStatus
from medview.inference.runtime import Device


def make_engine(device: Device) -> Engine | None:
    """The engine; None, with a message, when there is no model at all."""
    engine = Engine(device=device)
    if not engine.registry.cards and not engine.registry.broken:
        say(f"No models were found in {engine.registry.folder}. Is MEDVIEW_MODELS set right?")
        return None
    if device == "cuda":
        from medview.inference.runtime import cuda_usable

        if not cuda_usable():
            say("CUDA cannot be used on this machine; the CPU is used instead.")
    return engine


def models(options: argparse.Namespace) -> int:
    """`medview models`: every model folder, tested; exit code 1 when one is switched off."""
    if options.worker:
        trial_child.serve(options.worker)
        return OK
    engine = make_engine(options.device)
    if engine is None:
        return UNREADABLE
    engine.registry.again = True
    rows = engine.statuses()
    for row in rows:
        card = row.card
        if options.json:
            record = {
                "id": row.folder,
                "version": card and card.version,
                "name": card and card.name,
                "task": card and card.task,
                "kind": card and card.kind,
                "sha256": card and card.sha256,
                "labels": card and [label.id for label in card.shown],
                "not_judged": card and [asdict(item) for item in card.not_judged],
                "self_test": "ok" if row.failure is None else "failed",
                "self_test_ms": row.self_test_ms,
                "self_test_difference": row.self_test_difference,
                "reason": row.failure and asdict(row.failure),
            }
            print(to_json(record))
            continue
        _print_model(row)
    return OK if all(row.failure is None for row in rows) else UNREADABLE


def _print_model(row: ModelStatus) -> None:
    """The readable rows of one model."""
    card, failure, indent = row.card, row.failure, " " * 20
    state = "ok" if failure is None else f"off: {failure.text}"
    print(
        printable(
            f"{row.folder:<20} {card.version if card else '?':<8} {card.sha256[:16] if card else '?':<17} {state}"
        )
    )
    if failure is None:
        print(printable(f"{indent} {card.name if card else ''}; self-test {row.self_test_ms:.0f} ms"))
    elif failure.detail:
        print(printable(f"{indent} {failure.detail}"))
    if card and card.not_judged:
        print(printable(f"{indent} not judged: {', '.join(item.name for item in card.not_judged)}"))
