"""The networks: MobileNetV2 (classifier and encoder), EfficientNet-Lite0, a residual U-Net, MONAI's larger classifiers.

torchvision does not import beside the CPU build of torch used here, so the MobileNetV2 of Sandler et al. 2018
(arXiv 1801.04381) is written out. It keeps torchvision's layer names and TensorFlow's padding, which is what the
ImageNet weights were trained with. EfficientNet-Lite0 (Tan and Le 2019, arXiv 1905.11946, without squeeze and swish) is
made of the same blocks.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

# (expansion, channels, repeats, stride), table 2 of the paper.
BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
FEATURES = 1280
# The same of EfficientNet-Lite0, with the kernel of the depthwise convolution.
LITE_BLOCKS = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
LITE_EPS = 1e-3
# Index of the MobileNetV2 layer whose output has stride 2, 4, 8, 16, 32, and its channel count.
TAPS = ((1, 16), (3, 24), (6, 32), (13, 96), (17, 320))


class ConvBnRelu6(nn.Sequential):
    """Convolution, batch norm, ReLU6. Stride 2 pads right and bottom more, as TensorFlow's SAME does for even sides."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1, eps: float = 1e-5
    ) -> None:
        before, after = (kernel - 2) // 2, (kernel - 1) // 2
        pad = nn.ZeroPad2d((before, after, before, after)) if stride == 2 else nn.Identity()
        conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride, 0 if stride == 2 else kernel // 2, groups=groups, bias=False
        )
        super().__init__(pad, conv, nn.BatchNorm2d(channels_out, eps), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    """Expand, depthwise, project; with a shortcut where the shapes allow it."""

    def __init__(
        self, channels_in: int, channels_out: int, stride: int, expansion: int, kernel: int = 3, eps: float = 1e-5
    ) -> None:
        super().__init__()
        hidden = channels_in * expansion
        layers: list[nn.Module] = [] if expansion == 1 else [ConvBnRelu6(channels_in, hidden, 1, eps=eps)]
        layers += [
            ConvBnRelu6(hidden, hidden, kernel, stride, groups=hidden, eps=eps),
            nn.Conv2d(hidden, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out, eps),
        ]
        self.conv = nn.Sequential(*layers)
        self.shortcut = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.shortcut else self.conv(x)


class Classifier(nn.Module):
    """An encoder whose last feature map is averaged and judged by a linear head, so that class maps are exact.

    Input (n, 3, rows, cols) in [-1, 1]. `forward` gives the logits (n, classes); `explain` gives also the pooled
    features (n, width) and the class activation maps (n, classes, h, w), whose mean over the image plus the bias is the
    logit (Zhou et al. 2016, arXiv 1512.04150).
    """

    def __init__(self, features: nn.Module, width: int, classes: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.features = features
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.features(x).mean(dim=(2, 3))
        return self.head(self.dropout(pooled))

    def explain(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        last = self.features(x)
        pooled = last.mean(dim=(2, 3))
        maps = F.conv2d(last, self.head.weight[:, :, None, None])
        return self.head(pooled), pooled, maps


def mobilenet_v2_layers() -> nn.Sequential:
    """The 19 layers of MobileNetV2 before its pooling, (n, 3, rows, cols) to (n, 1280, rows/32, cols/32)."""
    layers: list[nn.Module] = [ConvBnRelu6(3, 32, 3, 2)]
    channels = 32
    for expansion, width, repeats, stride in BLOCKS:
        for index in range(repeats):
            layers.append(InvertedResidual(channels, width, stride if index == 0 else 1, expansion))
            channels = width
    layers.append(ConvBnRelu6(channels, FEATURES, 1))
    return nn.Sequential(*layers)


def efficientnet_lite0_layers() -> nn.Sequential:
    """The 18 layers of EfficientNet-Lite0 before its pooling, (n, 3, rows, cols) to (n, 1280, rows/32, cols/32), sides
    multiples of 32."""
    layers: list[nn.Module] = [ConvBnRelu6(3, 32, 3, 2, eps=LITE_EPS)]
    channels = 32
    for expansion, width, repeats, stride, kernel in LITE_BLOCKS:
        for index in range(repeats):
            first = stride if index == 0 else 1
            layers.append(InvertedResidual(channels, width, first, expansion, kernel, LITE_EPS))
            channels = width
    layers.append(ConvBnRelu6(channels, FEATURES, 1, eps=LITE_EPS))
    return nn.Sequential(*layers)


class MobileNetV2(Classifier):
    """The default classifier, 2.2 million weights."""

    def __init__(self, classes: int, dropout: float = 0.2) -> None:
        super().__init__(mobilenet_v2_layers(), FEATURES, classes, dropout)


class MonaiLayers(nn.Sequential):
    """The convolutional part of a MONAI classifier; trained from scratch, for no ImageNet weights travel with it."""


def _resnet50_layers() -> nn.Sequential:
    from monai.networks.nets import resnet50

    net = resnet50(pretrained=False, spatial_dims=2, n_input_channels=3, conv1_t_size=7, conv1_t_stride=2)
    stem = nn.Sequential(net.conv1, net.bn1, net.act)
    return MonaiLayers(stem, nn.Sequential(net.maxpool, net.layer1), net.layer2, net.layer3, net.layer4)


def _densenet121_layers() -> nn.Sequential:
    from monai.networks.nets import DenseNet121

    return MonaiLayers(DenseNet121(spatial_dims=2, in_channels=3, out_channels=1).features, nn.ReLU())


class _EfficientNetB0(nn.Module):
    """MONAI's EfficientNet-B0 up to its last feature map."""

    def __init__(self) -> None:
        super().__init__()
        from monai.networks.nets import EfficientNetBN

        self.net = EfficientNetBN("efficientnet-b0", pretrained=False, spatial_dims=2, in_channels=3, num_classes=1)
        self.net._fc = nn.Identity()
        self.net.set_swish(memory_efficient=False)

    def forward(self, x: Tensor) -> Tensor:
        n = self.net
        x = n._swish(n._bn0(n._conv_stem(n._conv_stem_padding(x))))
        x = n._blocks(x)
        out: Tensor = n._swish(n._bn1(n._conv_head(n._conv_head_padding(x))))
        return out


def classifier(arch: str, classes: int, dropout: float) -> Classifier:
    """A fresh classifier. Raises ValueError for an unknown architecture."""
    if arch == "mobilenet_v2":
        return MobileNetV2(classes, dropout)
    if arch == "efficientnet_lite0":
        return Classifier(efficientnet_lite0_layers(), FEATURES, classes, dropout)
    if arch == "resnet50":
        return Classifier(_resnet50_layers(), 2048, classes, dropout)
    if arch == "densenet121":
        return Classifier(_densenet121_layers(), 1024, classes, dropout)
    if arch == "efficientnet_b0":
        return Classifier(MonaiLayers(_EfficientNetB0()), 1280, classes, dropout)
    raise ValueError(f"unknown arch {arch!r}; known: {', '.join((*CLASSIFIERS, *SEGMENTERS))}")


CLASSIFIERS = ("mobilenet_v2", "efficientnet_lite0", "resnet50", "densenet121", "efficientnet_b0")
# Segmenters by encoder: its layers, and where their outputs have stride 2, 4, 8, 16, 32, with the channels there.
SEGMENTERS = ("residual_unet", "residual_unet_resnet50")
# Channels of the decoder's blocks.
WIDTHS = (96, 64, 40, 24, 16)
RESNET50_TAPS = ((0, 64), (1, 256), (2, 512), (3, 1024), (4, 2048))


class ResidualUp(nn.Module):
    """Upsample by two, join the encoder's tap, two convolutions with a shortcut around them."""

    def __init__(self, channels_in: int, channels_tap: int, channels_out: int) -> None:
        super().__init__()
        joined = channels_in + channels_tap
        self.conv1 = nn.Sequential(
            nn.Conv2d(joined, channels_out, 3, padding=1, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU()
        )
        self.conv2 = nn.Sequential(
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False), nn.BatchNorm2d(channels_out)
        )
        self.shortcut = nn.Conv2d(joined, channels_out, 1, bias=False)

    def forward(self, x: Tensor, tap: Tensor | None) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        if tap is not None:
            x = torch.cat((x, tap), dim=1)
        return F.relu(self.conv2(self.conv1(x)) + self.shortcut(x))


class ResidualUNet(nn.Module):
    """U-Net with residual decoder blocks on an encoder: MobileNetV2 without its last layer, or ResNet50.

    Input (n, 3, rows, cols) in [-1, 1], rows and cols multiples of 32; output one logit per pixel
    (n, 1, rows, cols).
    """

    def __init__(self, arch: str = "residual_unet") -> None:
        super().__init__()
        mobile = arch != "residual_unet_resnet50"
        self.encoder = mobilenet_v2_layers()[:18] if mobile else _resnet50_layers()
        self.taps = TAPS if mobile else RESNET50_TAPS
        channels = [count for _, count in self.taps]
        inputs = [channels[-1], *WIDTHS[:-1]]
        skips = [*reversed(channels[:-1]), 0]
        self.decoder = nn.ModuleList(
            ResidualUp(before, skip, after) for before, skip, after in zip(inputs, skips, WIDTHS, strict=True)
        )
        self.head = nn.Conv2d(WIDTHS[-1], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        taps: list[Tensor] = []
        positions = {index for index, _ in self.taps}
        for index, layer in enumerate(self.encoder):
            x = layer(x)
            if index in positions:
                taps.append(x)
        x = taps.pop()
        for block in self.decoder:
            x = block(x, taps.pop() if taps else None)
        out: Tensor = self.head(x)
        return out


def load_imagenet(features: nn.Sequential, weights: Path) -> list[tuple[nn.BatchNorm2d, Tensor]]:
    """Fill the convolutions of `features` from the folded ImageNet weights.

    Returns each batch norm with the folded bias that belongs to it; `restore_batch_norm` needs them.
    """
    state = load_file(str(weights))
    pairs: list[tuple[nn.BatchNorm2d, Tensor]] = []
    for number, block in enumerate(features):
        prefix, found = f"features.{number}", _pairs(block)
        if isinstance(block, InvertedResidual):
            names = [f"{prefix}.conv.{i}.0" for i in range(len(found) - 1)] + [f"{prefix}.conv.{len(found) - 1}"]
        else:
            names = [f"{prefix}.0"]
        for (conv, norm), name in zip(found, names, strict=True):
            conv.weight.data.copy_(state[f"{name}.weight"].float())
            pairs.append((norm, state[f"{name}.bias"].float()))
    return pairs


def load_lite(features: nn.Sequential, weights: Path) -> None:
    """Fill EfficientNet-Lite0 from its ImageNet weights, batch norms and all. Raises ValueError for another file."""
    state = load_file(str(weights))
    stem = [("_conv_stem", "_bn0")]
    blocks = [
        [(f"_blocks.{n}.{conv}", f"_blocks.{n}.{norm}") for conv, norm in LITE_NAMES[-len(_pairs(block)) :]]
        for n, block in enumerate(features[1:-1])
    ]
    for layer, names in zip(features, [stem, *blocks, [("_conv_head", "_bn1")]], strict=True):
        for (conv, norm), (of_conv, of_norm) in zip(_pairs(layer), names, strict=True):
            try:
                conv.load_state_dict({"weight": state[f"{of_conv}.weight"].float()})
                parts = ("weight", "bias", "running_mean", "running_var")
                norm.load_state_dict({part: state[f"{of_norm}.{part}"].float() for part in parts}, strict=False)
            except (KeyError, RuntimeError) as error:
                raise ValueError(f"{weights.name} holds no weights of EfficientNet-Lite0: {error}") from error


# Convolution and norm of a block, in the file's names; the first block has no expansion.
LITE_NAMES = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))


def _pairs(layer: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """The convolutions of a layer, each with the norm that follows it."""
    convs = [m for m in layer.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in layer.modules() if isinstance(m, nn.BatchNorm2d)]
    return list(zip(convs, norms, strict=True))


@torch.no_grad()
def restore_batch_norm(features: nn.Module, pairs: list[tuple[nn.BatchNorm2d, Tensor]], images: Tensor) -> None:
    """Give the folded batch norms their statistics back from `images` (n, 3, rows, cols); the output stays the same.

    Each norm first only adds its folded bias; in one forward pass it measures what it sees and sets
    gamma = sqrt(var + eps), beta = bias + mean, so that normalising and undoing it cancel out exactly.
    """
    handles = []
    for norm, bias in pairs:

        def measure(module: nn.Module, inputs: tuple[Tensor, ...], bias: Tensor = bias) -> None:
            assert isinstance(module, nn.BatchNorm2d)
            x = inputs[0].float()
            mean, var = x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), unbiased=False)
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.copy_(mean)
            module.running_var.copy_(var)
            module.weight.copy_(torch.sqrt(var + module.eps))
            module.bias.copy_(bias + mean)

        handles.append(norm.register_forward_pre_hook(measure))
    features.eval()
    features(images)
    for handle in handles:
        handle.remove()
