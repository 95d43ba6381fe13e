"""Where the commands put their results: a table or JSON lines on stdout, files in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medview.cli.console import drop_stdout, say
from medview.core.failures import Failure
from medview.core.texts import printable, to_json

if TYPE_CHECKING:
    from medview.inference.analysis import Analysis, Result, ResultFiles
    from medview.inference.corrections import Correction
    from medview.report.saver import Saver

FLAGS: dict[Correction, str] = {
    "invert": "--invert",
    "rotate_90": "--rotate 90",
    "rotate_180": "--rotate 180",
    "rotate_270": "--rotate 270",
}
# Width of the column with an operating point.
POINT = len("  (from 38.0%)")
LEGEND = (
    "\n* finding: at or above its operating point, the number behind `from`. + the same, but under 50 %: worth a look. "
    "A second look for study and research, not a medical device."
)


def _try(done: Sequence[Correction], correction: Correction) -> str:
    """The options that correct what is still wrong after those that were given."""
    from medview.inference.corrections import combined

    wanted = combined(done, correction)
    return " ".join(FLAGS[one] for one in wanted) or "without " + " ".join(FLAGS[one] for one in done)


@dataclass
class Output:
    """The results of one run. With a folder they are safe there, and the run outlives a stdout that fails.

    Attributes:
        json: JSON lines on stdout instead of a table. folder: of the result files, or None.
        private: the captions of saved pictures name neither patient nor file.
        saver: what writes into the folder; None without one.
        written: the objects of the list of results so far.
        failed: whether something could not be written. saved: whether the list was.
    """

    json: bool
    folder: Path | None
    private: bool = False
    saver: Saver | None = None
    written: list[dict[str, Any]] = field(default_factory=list)
    failed: bool = False
    saved: bool = False
    _deaf: bool = False

    def open(self) -> bool:
        """Make the folder and begin the list; False, with a message, when that cannot be."""
        if self.folder is None:
            return True
        from medview.report.saver import Options, Saver

        self.saver = Saver(self.folder, Options(mask_overlay=True, private=self.private))
        failure = self.saver.folder.open() or self.saver.folder.start_list()
        if failure is not None:
            say(f"The folder {self.folder} cannot be used: {failure.text} {failure.hint}")
        return failure is None

    def add(self, analysis: Analysis, files: Mapping[str, ResultFiles]) -> None:
        """Keep one analysis for the list and print it. Raises OSError when stdout fails and there is no folder."""
        row = analysis.to_dict(files)
        text = to_json(row) if self.json else "\n".join(map(printable, _lines(analysis)))
        self.written.append(row)
        self._tell(self.saver.folder.add_line(row) if self.saver else None)
        self.show(text)

    def _tell(self, failure: Failure | None) -> None:
        """Say what could not be written."""
        if failure is not None:
            self.failed = True
            say(f"{failure.text} {failure.hint}")

    def show(self, text: str) -> None:
        """Print `text`. Raises OSError when stdout fails and there is no folder that keeps the results."""
        if self._deaf:
            return
        try:
            print(text, flush=True)
        except OSError as error:
            if self.folder is None:
                raise
            self._deaf = True
            drop_stdout()
            # A reader that leaves early, such as `head`, has what it wants; a full disk is a failure.
            if not isinstance(error, BrokenPipeError):
                self.failed = True
                say(f"The output cannot be written: {error.strerror}. The results go on into {self.folder}.")

    def explain(self) -> None:
        """Say under the table how to read it. Raises OSError as `show` does."""
        if self.written and not self.json:
            self.show(LEGEND)

    def close(self) -> None:
        """Write the list of results, if a folder was given."""
        if self.saver is None:
            return
        failure = self.saver.folder.end_list(self.written)
        self._tell(failure)
        self.saved = failure is None

    def say_where(self) -> None:
        """Say under the table where the list of results is; beside JSON only where that is not what one expects."""
        if self.saver is None or not self.saved:
            return
        name, place = self.saver.folder.list_name, printable(str(self.saver.folder.path))
        if not self.json:
            self.show(f"The result files are in {place}, the list of them is {name}.")
        elif name != "results.json":
            say(f"{place} has the results of an earlier run; the list of this one is {name}.")


def _lines(analysis: Analysis) -> Iterator[str]:
    """The readable rows of one analysis."""
    from medview.inference.corrections import in_words
    from medview.inference.validity import one_line

    frame = f" [frame {analysis.frame}]" if analysis.frame else ""
    forced = "  (forced: not valid)" if analysis.forced else ""
    yield f"{analysis.file}{frame}  {analysis.status}{_kind(analysis)}{forced}"
    if analysis.validity:
        yield f"    {one_line(analysis.validity)}."
    if analysis.reason:
        yield f"    {analysis.reason.text} {analysis.reason.hint}"
    if analysis.corrected:
        yield f"    Corrected before: {in_words(analysis.corrected)}."
    for note in analysis.quality:
        if not analysis.reason or note.code != analysis.reason.code:
            yield f"    {note.text} {note.hint}"
        if note.correction:
            yield f"    Try: {_try(analysis.corrected, note.correction)}"
    for result in analysis.results:
        card = result.card
        where = result.provider.removesuffix("ExecutionProvider")
        valid = "; not valid here" if analysis.forced else ""
        yield f"    {card.name} ({card.id} {card.version}, {where}, {result.ms:.0f} ms){valid}"
        if result.probabilities:
            yield from _probabilities(result, analysis)
        if result.mask:
            area = f", {result.mask.area_mm2:.0f} mm2" if result.mask.area_mm2 is not None else ""
            skipped = f" (not run: {result.skipped_by} sees nothing to outline)" if result.skipped_by else ""
            yield f"        {result.mask.count} pixels marked, {result.mask.fraction:.2%} of the picture{area}{skipped}"
    for told in (*analysis.contradictions, *analysis.warnings):
        yield f"    {told.text} {told.hint}"
    for remark in analysis.notes:
        yield f"    {remark}"


def _kind(analysis: Analysis) -> str:
    """What the picture is and how surely, or by whose word; empty where that is not known."""
    from medview.inference import limits

    kind = limits.kind(analysis)
    if not kind:
        return ""
    if analysis.kind_by_user:
        return f"  {kind} (as you said)"
    return f"  {kind} {analysis.kind_scores[kind]:.0%}"


def _probabilities(result: Result, analysis: Analysis) -> Iterator[str]:
    from medview.inference import limits

    card, bands, count = result.card, result.stability or {}, len(result.probabilities or {})
    if card.task == "classify":
        yield f"        knows only these {count} classes; anything else is called one of them"
    else:
        labels = "1 label" if count == 1 else f"{count} labels"
        yield f"        looks for {labels} only, each by itself; they do not add up to one"
    # A normal label is no finding, however probable.
    points = {name: point for name, point in card.operating_points.items() if not card.label(name).normal}
    for label, p in sorted((result.probabilities or {}).items(), key=lambda item: -item[1]):
        mark = "*" if label in result.likely else "+" if label in result.findings else " "
        point = f"  (from {points[label].threshold:5.1%})" if label in points else " " * POINT * bool(points)
        band = f"  {bands[label][0]:6.1%} to {bands[label][1]:6.1%}" if label in bands else ""
        yield f"      {mark} {card.label(label).name:<36} {p:6.1%}{point}{band}  {'#' * round(p * 24)}"
    if card.prediction_set and result.prediction_set is not None and not analysis.forced:
        names = ", ".join(card.label(label).name for label in result.prediction_set) or "no label is likely enough"
        yield f"        {card.prediction_set.coverage:.0%} set: {names}"
    if result.unstable:
        names = ", ".join(card.label(label).name for label in result.unstable)
        yield f"        unstable: small changes of the picture speak for or against {names}"
    if left := limits.not_judged(result, analysis):
        yield f"        not judged: {', '.join(item.name for item in left)}"
