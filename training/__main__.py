"""`python -m training`: train, export and evaluate the models of medview."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {
    "train": "train a model and the runs it is made of, or go on where they stopped",
    "export": "make the model folder: ONNX file, calibration, golden vector, card",
    "calibrate": "choose temperature, operating points and mask limits of an exported model on val again",
    "card": "bring the texts of training/cards into the card; no figure changes",
    "evaluate": "measure the shipped model on the test split through medview.inference",
    "loso": "leave one source out: train short runs without it and measure them on it",
    "ablation": "measure a list of recipes on sources that their runs never saw; goes on where it stopped",
}
SET_COMMANDS = {
    "explore": "write the exploratory report of a set, one HTML file that opens offline",
    "baseline": "measure what a set gives away without a network: classical features and shortcuts",
}
MODELS_COMMANDS = {
    "reports": "write report.html into every model folder, from its card and evaluation.json; no data, no PyTorch",
    "table": "write the table of models in docs/models.md from their evaluations",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = p.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        what = "name of a list in training/ablations" if name == "ablation" else "model id, as in training/configs"
        command.add_argument("id", help=what)
        command.add_argument("--data", type=Path, default=ROOT.parent / "shared/data", help="folder of the data")
        command.add_argument("--runs", type=Path, default=ROOT / "runs", help="folder of checkpoints")
        command.add_argument("--models", type=Path, default=ROOT / "models_onnx", help="folder of model folders")
        command.add_argument("--weights", type=Path, help="ImageNet weights (default: beside the data folder)")
        command.add_argument("--threads", type=int, default=2, help="threads PyTorch may use")
        if name in ("train", "export"):
            command.add_argument("--arch", default="", help="another architecture than the configuration's")
        if name == "train":
            command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to train")
        if name == "loso":
            command.add_argument("--source", action="append", default=[], help="leave out this source only")
    for name, text in SET_COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("set", help="name of a set, as in training/data/samples.py")
        command.add_argument("--data", type=Path, default=ROOT.parent / "shared/data", help="folder of the data")
        if name == "explore":
            command.add_argument("--out", type=Path, help="file to write (default: runs/explore/<set>.html)")
        else:
            command.add_argument("--limit", type=int, default=0, help="pictures a split at most (0: all)")
            command.add_argument("--out", type=Path, default=ROOT / "training/baselines", help="folder of the result")
    for name, text in MODELS_COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--models", type=Path, default=ROOT / "models_onnx", help="folder of model folders")
    return p


def train(options: argparse.Namespace) -> None:
    """Fit one model, and before it whatever it is made of."""
    from training.config import chain, load_config
    from training.data.batches import load_pool
    from training.data.samples import load_set
    from training.fit.train import finished, fit

    for config in chain(load_config(options.id, options.arch)):
        if finished(config, options.runs):
            continue
        samples = load_set(config.data, options.data)
        chosen = [s for s in samples if config.trains_on(s)]
        pools = [load_pool([s for s in chosen if s.split == split], config) for split in ("train", "val")]
        fit(config, pools[0], pools[1], imagenet(options), options.runs, options.threads, options.device)


def imagenet(options: argparse.Namespace) -> Path:
    """The ImageNet weights: those named, or those beside the data folder."""
    beside: Path = options.data.parent / "weights/mobilenet_v2_imagenet_fp16.safetensors"
    return options.weights or beside


def loso(options: argparse.Namespace) -> None:
    """Leave sources out."""
    from training.config import load_config
    from training.data.samples import load_set
    from training.measure import gate_held_out
    from training.measure.held_out import leave_one_out

    config = load_config(options.id)
    samples = load_set(config.data, options.data)
    if config.gate_data:
        gate_held_out.leave_one_out(config, samples, options.models, options.source)
    else:
        leave_one_out(config, samples, imagenet(options), options.runs, options.source, options.threads)


def ablation(options: argparse.Namespace) -> None:
    """Work through a list of recipes; the table lies beside the runs."""
    from training.data.samples import load_set
    from training.measure.ablation import LISTS, run_list

    samples = load_set("chest-hospitals", options.data)
    runs, table = options.runs, options.runs / f"ablation-{options.id}.csv"
    run_list(LISTS / f"{options.id}.toml", samples, imagenet(options), runs, table, options.threads)


def export(options: argparse.Namespace) -> None:
    """Make one model folder."""
    import torch

    from training.config import load_config
    from training.data.batches import load_pool
    from training.data.samples import load_set, manifest_hashes
    from training.ship.export import export as export_model

    torch.set_num_threads(options.threads)
    config = load_config(options.id, options.arch)
    samples = [s for s in load_set(config.data, options.data) if config.trains_on(s)]
    # Only the gate needs the training pictures again, for its feature statistics.
    train_samples = [s for s in samples if s.split == "train"] if config.gate_data else []
    val = [s for s in samples if s.split == "val"]
    pools = [load_pool(chosen, config, config.shipped) for chosen in (train_samples, val)]
    export_model(
        config,
        pools[0],
        pools[1],
        options.runs,
        options.models,
        manifest_hashes(samples, options.data),
        samples,
    )


def calibrate(options: argparse.Namespace) -> None:
    """Calibrate one exported model again."""
    from training.config import load_config
    from training.data.batches import load_pool
    from training.data.samples import load_set
    from training.ship.export import recalibrate

    config = load_config(options.id)
    val = [s for s in load_set(config.data, options.data) if s.split == "val" and config.trains_on(s)]
    recalibrate(config, load_pool(val, config, config.shipped), options.models)


def card(options: argparse.Namespace) -> None:
    """Refresh the texts of one card."""
    from training.config import load_config
    from training.ship.model_folder import refresh_card

    config = load_config(options.id)
    refresh_card(config, options.models / config.id)


def evaluate(options: argparse.Namespace) -> None:
    """Measure one model; writes evaluation.json and the figures of its card."""
    from training.config import load_config
    from training.data.samples import load_set
    from training.measure.evaluate import evaluate as evaluate_model
    from training.measure.evaluate import write_report
    from training.ship.model_folder import add_metrics

    config = load_config(options.id)
    samples = load_set(config.data, options.data)
    report = evaluate_model(config, samples, options.models)
    write_report(report, options.models)
    add_metrics(options.models / config.id, report)


def explore(options: argparse.Namespace) -> None:
    """Write the report of one set."""
    from training.data.samples import load_set
    from training.explore.explore_page import explore as explore_set

    out = options.out or ROOT / "runs/explore" / f"{options.set}.html"
    print(explore_set(options.set, load_set(options.set, options.data), options.data, out))


def baseline(options: argparse.Namespace) -> None:
    """Measure the baselines of one set."""
    from training.data.samples import load_set
    from training.explore.baseline import config_of, study, write_study

    config = config_of(options.set)
    print(write_study(study(config.data, load_set(config.data, options.data), config, options.limit), options.out))


def reports(options: argparse.Namespace) -> None:
    """Write the pages of all models."""
    from training.measure.report import write_page

    for path in sorted(options.models.glob("*/evaluation.json")):
        print(write_page(path.parent))


def table(options: argparse.Namespace) -> None:
    """Bring the table of models up to date."""
    from training.ship.models_table import write_table

    write_table(ROOT / "docs/models.md", options.models)


def main() -> int:
    """Run a command; 0 when it worked, 1 with a message when data, configuration or disk do not allow it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    options = parser().parse_args()
    commands = {
        "train": train,
        "export": export,
        "calibrate": calibrate,
        "card": card,
        "evaluate": evaluate,
        "loso": loso,
        "ablation": ablation,
        "explore": explore,
        "baseline": baseline,
        "reports": reports,
        "table": table,
    }
    try:
        commands[options.command](options)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
