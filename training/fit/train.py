"""The training loop: resumable, the same for the same seed, best epoch by the val split."""

from __future__ import annotations

import copy
import csv
import logging
import math
import os
import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from monai.losses import DiceCELoss
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from tqdm import tqdm

from training.config import Config
from training.data.batches import Pool, as_tensor, batches, drawn
from training.fit.networks import (
    SEGMENTERS,
    Classifier,
    MonaiLayers,
    ResidualUNet,
    classifier,
    load_imagenet,
    load_lite,
    restore_batch_norm,
)
from training.measure.metrics import balanced_accuracy, mean_dice

log = logging.getLogger("training")
# Beside the weights of MobileNetV2.
LITE_WEIGHTS = "efficientnet_lite0_imagenet_fp16.safetensors"


@dataclass
class Progress:
    """What a checkpoint holds beside the weights."""

    epoch: int = 0
    best: float = -1.0
    best_epoch: int = -1
    seconds: float = 0.0


def build(config: Config) -> nn.Module:
    """A fresh network of the configuration. Raises ValueError for an unknown architecture, or one of another task."""
    segments = config.arch in SEGMENTERS
    network = ResidualUNet(config.arch) if segments else classifier(config.arch, len(config.labels), config.dropout)
    if segments != (config.task == "segment"):
        raise ValueError(f"arch {config.arch!r} does not {config.task}")
    return network


def encoder_of(network: nn.Module) -> nn.Sequential:
    """The layers of a network before its head or decoder."""
    features = network.features if isinstance(network, Classifier) else network.encoder
    assert isinstance(features, nn.Sequential)
    return features


def choose_device(name: str) -> torch.device:
    """`auto` is CUDA where PyTorch finds it. Raises ValueError for CUDA where it does not."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("PyTorch finds no CUDA device here; train with --device cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def initialise(network: nn.Module, config: Config, pool: Pool, weights: Path, runs: Path) -> None:
    """Start from ImageNet, or from another run (`encoder_from`): all of it where it is the same network, else its
    encoder. MONAI's networks start from chance."""
    features = encoder_of(network)
    if config.encoder_from:
        start = runs / config.encoder_from / "best.pt"
        if not start.exists():
            raise ValueError(f"{config.id} starts from {config.encoder_from}; train that first")
        state = torch.load(start, weights_only=True, map_location="cpu")["model"]
        own = network.state_dict()
        if {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in own.items()}:
            network.load_state_dict(state)
            return
        wanted = {k.removeprefix("features."): v for k, v in state.items() if k.startswith("features.")}
        features.load_state_dict({k: v for k, v in wanted.items() if k in features.state_dict()})
        return
    if isinstance(features, MonaiLayers):
        return
    if config.arch == "efficientnet_lite0":
        load_lite(features, weights.with_name(LITE_WEIGHTS))
        return
    pairs = load_imagenet(features, weights)
    rng = np.random.default_rng(config.seed)
    picks = rng.choice(len(pool.samples), min(512, len(pool.samples)), replace=False)
    step = 2 if config.size > 160 else 1
    images = torch.from_numpy(as_tensor(pool.images[picks]))[:, :, ::step, ::step]
    restore_batch_norm(features, pairs, images.contiguous())


class Average:
    """Exponential moving average of weights and batch-norm statistics, with a short memory at the start; from step
    `even_from` on the mean of all weights since then."""

    def __init__(self, network: nn.Module, decay: float, even_from: int = -1) -> None:
        self.network = copy.deepcopy(network).eval()
        self.decay = decay
        self.steps = 0
        self.even_from = even_from

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        if 0 <= self.even_from < self.steps:
            decay = 1 - 1 / (self.steps - self.even_from)
        for own, new in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if own.dtype.is_floating_point:
                own.lerp_(new, 1 - decay)
            else:
                own.copy_(new)


def allowed_loss(logits: Tensor, allowed: Tensor, smoothing: float) -> Tensor:
    """Cross entropy where several classes may be the true one: -log of their summed probability, per sample.

    `allowed` (n, classes) bool; with one class allowed it is the usual cross entropy with label smoothing.
    """
    logs = F.log_softmax(logits.float(), dim=1)
    hit = -torch.logsumexp(logs.masked_fill(~allowed, -torch.inf), dim=1)
    return (1 - smoothing) * hit - smoothing * logs.mean(dim=1)


def step_loss(
    network: nn.Module, batch: tuple[Any, Any, Any], config: Config, rng: np.random.Generator, device: torch.device
) -> Tensor:
    """Loss of one batch, with mixup for classifiers."""
    images, masks, allowed = batch
    x = torch.from_numpy(as_tensor(images)).to(device, memory_format=torch.channels_last)
    if config.task == "segment":
        target = torch.from_numpy(masks > 127)[:, None].float().to(device)
        with torch.autocast(device.type, torch.bfloat16):
            logits = network(x)
        loss: Tensor = DiceCELoss(sigmoid=True, batch=True)(logits.float(), target)
        return loss
    target = torch.from_numpy(allowed).to(device)
    share = float(rng.beta(config.mixup, config.mixup)) if config.mixup else 1.0
    order = torch.from_numpy(rng.permutation(len(x))).to(device)
    mixed = x if share == 1.0 else x * share + x[order] * (1 - share)
    with torch.autocast(device.type, torch.bfloat16):
        logits = network(mixed).float()
    if config.task == "multilabel":
        soft = share * target.float() + (1 - share) * target[order].float()
        return F.binary_cross_entropy_with_logits(logits, soft)
    first = allowed_loss(logits, target, config.smoothing)
    second = allowed_loss(logits, target[order], config.smoothing)
    return (share * first + (1 - share) * second).mean()


@torch.no_grad()
def predict(network: nn.Module, pool: Pool, config: Config, batch: int = 32) -> Any:
    """Outputs of the network for a pool: logits (n, classes), or mask probabilities (n, side, side) as float16."""
    out = []
    device = next(network.parameters()).device
    for start in range(0, len(pool.samples), batch):
        images = pool.images[start : start + batch]
        x = torch.from_numpy(as_tensor(images)).to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            y = network(x).float().cpu()
        out.append(y.sigmoid()[:, 0].half().numpy() if config.task == "segment" else y.numpy())
    return np.concatenate(out)


def score(network: nn.Module, pool: Pool, config: Config) -> float:
    """The val figure that chooses the epoch: balanced accuracy, the mean AUC of several labels a picture, or Dice (mean
    over tumour slices, and 1 for an empty mask on a tumour-free slice)."""
    outputs = predict(network, pool, config)
    if config.task == "segment":
        assert pool.masks is not None
        return mean_dice(outputs > 0.5, pool.masks > 127)
    if config.task == "multilabel":
        return float(np.mean([roc_auc_score(pool.allowed[:, c], outputs[:, c]) for c in range(outputs.shape[1])]))
    known = pool.allowed.sum(axis=1) == 1
    return balanced_accuracy(pool.allowed[known].argmax(axis=1), outputs[known].argmax(axis=1))


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all. Raises OSError when the disk is full, the old file stays."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    """A checkpoint of `save`; nothing in it is run. Raises ValueError when the file is damaged, or is no checkpoint."""
    try:
        with torch.serialization.safe_globals([Progress]):
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is damaged ({error}); move it away to start anew") from error
    return state


def finished(config: Config, runs: Path) -> bool:
    """Whether the run of this very configuration has all its epochs. Raises ValueError as `fit` does."""
    last = runs / config.id / "last.pt"
    if not last.exists():
        return False
    state = read_checkpoint(last, torch.device("cpu"))
    check_digest(state, config, last)
    return bool(state["progress"].epoch >= config.epochs)


def check_digest(state: dict[str, Any], config: Config, path: Path) -> None:
    """Raise ValueError when a checkpoint belongs to another configuration."""
    if state["digest"] != config.digest():
        raise ValueError(f"{path} belongs to another configuration; move it away to start anew")


class _Run:
    """What changes from step to step: weights, their average, the optimizer and its schedule.

    Args:
        steps: of an epoch.
    """

    def __init__(self, config: Config, steps: int, device: torch.device) -> None:
        self.config, self.steps, self.device = config, steps, device
        self.progress = Progress()
        self.network = build(config)
        self.network.to(device)
        self.frozen = encoder_of(self.network)[: config.frozen_layers]
        self.frozen.requires_grad_(False)
        self.trained = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, config.lr, weight_decay=config.weight_decay)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)

    @property
    def total(self) -> int:
        """Steps of all epochs."""
        return self.steps * self.config.epochs

    def _rate(self, step: int) -> float:
        """The learning rate at a step, 1 at its highest: up in a line, down along half a cosine."""
        warm = max(1, int(self.total * self.config.warm_up))
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.total - warm)))

    def begin(self, state: dict[str, Any] | None) -> None:
        """Go on from a checkpoint, or from the weights that the network has now."""
        if state:
            self.network.load_state_dict(state["model"])
        config = self.config
        even_from = round(self.total * (1 - config.average_last)) if config.average_last else -1
        self.average = Average(self.network, config.ema, even_from)
        if state:
            self.average.network.load_state_dict(state["average"])
            self.average.steps = state["average_steps"]
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])
            self.progress = state["progress"]
        self.network = self.network.to(self.device, memory_format=torch.channels_last)

    def checkpoint(self) -> dict[str, Any]:
        """What `begin` goes on from."""
        return {
            "digest": self.config.digest(),
            "model": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "average_steps": self.average.steps,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "progress": self.progress,
        }

    def epoch(self, train: Pool, number: int) -> float:
        """Train one epoch: its mean loss."""
        # Dropout draws from here, so that a resumed run goes on exactly as an unbroken one would.
        torch.manual_seed(self.config.seed + number)
        self.network.train()
        self.frozen.eval()
        losses = []
        rng = np.random.default_rng((self.config.seed, number, 7))
        drawn_batches = batches(train, self.config, number)
        # The bar is for people: where stderr is no terminal, the line after each epoch is enough.
        for batch in tqdm(drawn_batches, f"epoch {number + 1}", self.steps, leave=False, disable=None):
            loss = step_loss(self.network, batch, self.config, rng, self.device)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.trained, 5.0)
            self.optimizer.step()
            self.schedule.step()
            self.average.update(self.network)
            losses.append(loss.item())
        return float(np.mean(losses))


def fit(
    config: Config, train: Pool, val: Pool, weights: Path, runs: Path, threads: int = 2, device_name: str = "auto"
) -> Path:
    """Train to the end, from the last checkpoint where there is one. Returns the path of the best weights.

    Raises ValueError when the checkpoint belongs to another configuration, or is damaged.
    """
    if config.task != "segment" and not train.allowed.any(axis=0).all():
        missing = ", ".join(np.array(config.labels)[~train.allowed.any(axis=0)])
        raise ValueError(f"no training picture may be: {missing}")
    torch.set_num_threads(threads)
    device = choose_device(device_name)
    torch.manual_seed(config.seed)  # the head's first weights
    folder = runs / config.id
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(config, drawn(train, config) // config.batch, device)
    last = folder / "last.pt"
    state = read_checkpoint(last, device) if last.exists() else None
    if state:
        check_digest(state, config, last)
    else:
        initialise(run.network, config, train, weights, runs)
    run.begin(state)
    progress = run.progress
    if state:
        log.info("resumed after epoch %d", progress.epoch)
    for epoch in range(progress.epoch, config.epochs):
        started = time.perf_counter()
        loss = run.epoch(train, epoch)
        figure = score(run.average.network, val, config)
        progress.epoch = epoch + 1
        progress.seconds += time.perf_counter() - started
        if figure > progress.best:
            progress.best, progress.best_epoch = figure, epoch
            best = {"model": run.average.network.state_dict(), "val": figure, "epoch": epoch, "digest": config.digest()}
            save(folder / "best.pt", best)
        save(last, run.checkpoint())
        _report(folder, config, progress, loss, figure)
    return folder / "best.pt"


def _report(folder: Path, config: Config, progress: Progress, loss: float, figure: float) -> None:
    """Write a line about the epoch that has just ended to log.csv and to the log."""
    epoch = progress.epoch - 1
    with (folder / "log.csv").open("a", newline="") as file:
        csv.writer(file).writerow([epoch, config.size_at(epoch), f"{loss:.4f}", f"{figure:.4f}"])
    log.info(
        "%s epoch %d/%d at %d px: loss %.3f, val %.4f, best %.4f; about %.0f min left",
        config.id,
        progress.epoch,
        config.epochs,
        config.size_at(epoch),
        loss,
        figure,
        progress.best,
        progress.seconds / progress.epoch * (config.epochs - progress.epoch) / 60,
    )
