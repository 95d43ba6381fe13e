"""Where the models contradict each other: then at least one is wrong, and the reader must be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.inference.analysis import Result
from medview.inference.card import Label

HINT = Text("At least one of them is wrong. Judge by the picture itself.")
# Where what stands against the normal is worth a look, and no more.
DOUBT = Text("They do not agree: take neither for granted. Judge by the picture itself.")


def contradictions(results: Sequence[Result]) -> tuple[Failure, ...]:
    """What the results on one picture say against each other, in words: an outline against its first stage, and a
    `normal` of one classifier against a finding of another one, likely or worth a look."""
    found = [(text, HINT) for text in _outlines(results)] + list(_normal_with_finding(results))
    return tuple(Failure(Code.CONTRADICTION, text, hint) for text, hint in found)


def _top(result: Result) -> Label | None:
    probabilities = result.probabilities
    if result.card.task != "classify" or not probabilities:
        return None
    return result.card.label(max(probabilities, key=lambda label: probabilities[label]))


def _outlines(results: Sequence[Result]) -> Iterator[Text]:
    for result in results:
        stage = result.card.first_stage
        first = next((r for r in results if stage and r.card.id == stage.model), None)
        top = _top(first) if first else None
        if stage is None or first is None or top is None or result.mask is None or result.skipped_by:
            continue
        if top.id == stage.unless and result.mask.count:
            yield Text(
                "{first}: {label} is most probable. {second}: {outlined} is marked all the same.",
                first=first.card.name,
                label=top.name,
                second=result.card.name,
                outlined=result.card.labels[0].name,
            )
        if top.id != stage.unless and not result.mask.count:
            yield Text(
                "{first}: {label} is most probable. {second}: nothing is marked.",
                first=first.card.name,
                label=top.name,
                second=result.card.name,
            )


def _normal_with_finding(results: Sequence[Result]) -> Iterator[tuple[Text, Text]]:
    """The texts with their hints."""
    calm = [(r, top) for r in results if (top := _top(r)) and top.normal and not r.findings]
    for result, top in calm:
        for other in results:
            if other is not result and other.probabilities and other.findings:
                told = other.likely or other.findings
                about = {
                    "first": result.card.name,
                    "label": top.name,
                    "second": other.card.name,
                    "findings": ", ".join(other.card.label(found).name for found in told),
                }
                if other.likely:
                    yield Text("{first}: {label} is most probable. {second}: {findings}.", **about), HINT
                else:
                    yield (
                        Text("{first}: {label} is most probable. {second}: {findings} (worth a look).", **about),
                        DOUBT,
                    )
