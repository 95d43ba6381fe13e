"""PyTorch network to model.onnx: one graph with the outputs a card promises, weights stored small."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training.fit.networks import Classifier

OPSET = 17
# Smaller tensors (biases, constants) stay fp32: they weigh nothing.
SMALL_FROM = 1024
# Cells of a map of zoomed views to one of the network's.
FINER = 4


@dataclass(frozen=True)
class Member:
    """One of the networks that an exported graph averages.

    Attributes:
        size: pixels a side that it learned from; an input of another size is resized in the graph.
        lungs: it looks at the second plane of a picture of two.
        share: what it counts in the mean, relative to the others.
    """

    network: nn.Module
    size: int
    lungs: bool = False
    share: float = 1.0


class Shipped(nn.Module):
    """Networks as they are exported: the mean over all of them, by their shares, and over several views of one
    picture.

    Views are the picture and its mirror images; with a `zoom` below 1, each of them also enlarged so that only the
    middle, that share of the sides, is seen. Input (1, 3, rows, cols), or (1, 2, rows, cols) with the whole picture and
    its lungs. Classifiers give (logits, features, maps[, maps of the lungs]), segmenters logits (1, 1, rows, cols).
    Maps and masks are flipped back before the mean; maps of the middle are put there with the same sum. So the means of
    both maps and the bias make the logit, within interpolation. The features of several classifiers stand behind each
    other.
    """

    def __init__(self, members: list[Member], views: int = 1, zoom: float = 1.0) -> None:
        super().__init__()
        self.networks = nn.ModuleList(m.network for m in members).eval()
        self.members = members
        total = sum(m.share for m in members)
        self.shares = [m.share / total for m in members]
        self.classifies = isinstance(members[0].network, Classifier)
        self.planes = len({m.lungs for m in members})
        self.flips: list[list[int]] = [[], [3], [2], [2, 3]][:views]
        self.zoom = zoom

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs, in order."""
        names = ["logits", "features", "maps"] if self.classifies else ["logits"]
        return [*names, "lung_maps"] if self.planes > 1 else names

    def forward(self, x: Tensor) -> Any:
        if not self.classifies:
            masks = [self._upright(m.network(self._views(x, m))) for m in self.members]
            return torch.stack([mask * share for mask, share in zip(masks, self.shares, strict=True)]).sum(0)
        logits, features = [], []
        maps: dict[bool, Any] = {}
        for m, share in zip(self.members, self.shares, strict=True):
            judged, pooled, planes = cast(Classifier, m.network).explain(self._views(x, m))
            logits.append(judged.mean(0) * share)
            features.append(pooled.mean(0, keepdim=True))
            counted = self._merge(planes) * share
            maps[m.lungs] = maps[m.lungs] + counted if m.lungs in maps else counted
        return torch.stack(logits).sum(0)[None], torch.cat(features, dim=1), *(maps[k] for k in sorted(maps))

    def _views(self, x: Tensor, member: Member) -> Tensor:
        if self.planes > 1:
            x = x[:, int(member.lungs) : int(member.lungs) + 1].expand(-1, 3, -1, -1)
        if member.size != int(x.shape[-1]):
            x = F.interpolate(x, size=(member.size, member.size), mode="bilinear", align_corners=False)
        seen = [x] if self.zoom == 1.0 else [x, self._middle(x)]
        return torch.cat([one.flip(axes) if axes else one for one in seen for axes in self.flips])

    def _middle(self, x: Tensor) -> Tensor:
        side = int(x.shape[-1])
        inner = round(side * self.zoom)
        start = (side - inner) // 2
        part = x[:, :, start : start + inner, start : start + inner]
        return F.interpolate(part, size=(side, side), mode="bilinear", align_corners=False)

    def _merge(self, maps: Tensor) -> Tensor:
        count = len(self.flips)
        if len(maps) == count:
            return self._upright(maps)
        fine = int(maps.shape[-1]) * FINER
        edge = round(fine * (1 - self.zoom) / 2)
        inner = fine - 2 * edge
        whole = F.interpolate(self._upright(maps[:count]), size=(fine, fine), mode="bilinear", align_corners=False)
        middle = F.interpolate(self._upright(maps[count:]), size=(inner, inner), mode="bilinear", align_corners=False)
        return (whole + F.pad(middle, (edge,) * 4) * (fine / inner) ** 2) / 2

    def _upright(self, planes: Tensor) -> Tensor:
        back = [planes[i : i + 1].flip(axes) if axes else planes[i : i + 1] for i, axes in enumerate(self.flips)]
        return torch.stack(back).mean(0)


def to_onnx(module: Shipped, size: int) -> onnx.ModelProto:
    """Export in fp32, for a square input of `size` pixels a side."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The recording exporter is deprecated but needs no further package and folds batch norm by itself; it also
        # warns of every padding it does not fold.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            (torch.zeros(1, 2 if module.planes > 1 else 3, size, size),),
            buffer,
            input_names=["image"],
            output_names=module.outputs,
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(model, full_check=True)
    return model


def store_small(model: onnx.ModelProto, int8: bool = False) -> onnx.ModelProto:
    """A copy whose large weights are fp16 with a cast to fp32 behind them: half the file at fp32 speed, since ONNX
    Runtime folds the casts when it loads.

    `int8`: the weights of full convolutions are 8-bit numbers with a scale per output channel instead, a quarter of the
    file. Only weights are rounded; what flows through the network stays fp32. Depthwise convolutions, small and
    sensitive, stay fp16.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    nodes: list[onnx.NodeProto] = []
    scales: list[onnx.TensorProto] = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALL_FROM:
            continue
        name, weights = tensor.name, numpy_helper.to_array(tensor)
        if int8 and weights.ndim == 4 and weights.shape[1] > 1:
            whole, scale = round_channels(weights)
            tensor.CopyFrom(numpy_helper.from_array(whole, name + "_int8"))
            scales.append(numpy_helper.from_array(scale, name + "_scale"))
            nodes.append(helper.make_node("Cast", [tensor.name], [name + "_whole"], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Mul", [name + "_whole", scales[-1].name], [name]))
        else:
            tensor.CopyFrom(numpy_helper.from_array(weights.astype(np.float16), name + "_fp16"))
            nodes.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    graph.initializer.extend(scales)
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model


def round_channels(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights (out, in, h, w) as int8 and a scale (out, 1, 1, 1): for every output channel the scale with the smallest
    squared error, which may cut off up to 40 % of its range."""
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    reach = np.maximum(np.abs(flat).max(axis=1, keepdims=True), 1e-12)
    best = np.full((len(flat), 1), np.inf)
    scale, whole = np.ones_like(best), np.zeros_like(flat)
    for share in np.linspace(0.6, 1.0, 21):
        trial = reach * share / 127
        rounded = np.clip(np.rint(flat / trial), -127, 127)
        error = ((rounded * trial - flat) ** 2).sum(axis=1, keepdims=True)
        better = error < best
        best = np.where(better, error, best)
        scale, whole = np.where(better, trial, scale), np.where(better, rounded, whole)
    return whole.astype(np.int8).reshape(weights.shape), scale.astype(np.float32).reshape(-1, 1, 1, 1)


@torch.no_grad()
def torch_outputs(module: Shipped, tensor: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """What PyTorch in fp32 answers to one input (1, 3, rows, cols): the reference of the parity check."""
    answer = module(torch.from_numpy(tensor))
    parts = (answer,) if isinstance(answer, Tensor) else answer
    return dict(zip(module.outputs, (part.numpy() for part in parts), strict=True))
