"""Networks, loss, resumable loop and export, on toy data. Needs PyTorch (`make train-setup`)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: make train-setup")
pytest.importorskip("monai", reason="MONAI is not installed: make train-setup")
pytest.importorskip("onnx", reason="onnx is not installed: make train-setup")

from medview.inference.preprocess import to_input  # noqa: E402
from medview.inference.runtime import Network  # noqa: E402
from tests.training.toy import toy_config, toy_pool  # noqa: E402
from training.config import CONFIGS, Config, load_config  # noqa: E402
from training.data.batches import class_mix, sampling_weights  # noqa: E402
from training.data.samples import Sample  # noqa: E402
from training.fit import train as loop  # noqa: E402
from training.fit.networks import CLASSIFIERS, SEGMENTERS, MobileNetV2, ResidualUNet, classifier, restore_batch_norm  # noqa: E402
from training.ship.onnx_files import Member, Shipped, round_channels, store_small, to_onnx, torch_outputs  # noqa: E402


def test_restoring_batch_norm_changes_no_output() -> None:
    torch.manual_seed(0)
    network = MobileNetV2(2).eval()
    norms = [m for m in network.features.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    pairs = []
    for norm in norms:
        bias = torch.randn(norm.num_features) * 0.3
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        norm.weight.data.fill_(1)
        norm.bias.data.copy_(bias)
        pairs.append((norm, bias))
    images = torch.rand(16, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        folded = network(images)
        restore_batch_norm(network.features, pairs, images)
        restored = network(images)
    torch.testing.assert_close(restored, folded, atol=2e-3, rtol=1e-2)


def lite_file(path: Path, features: torch.nn.Sequential) -> None:
    """The weights of some layers under the names of the file on ImageNet."""
    from safetensors.torch import save_file

    homes = [("_conv_stem", "_bn0")]
    for number, block in enumerate(features[1:-1]):
        names = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
        count = sum(isinstance(m, torch.nn.Conv2d) for m in block.modules())
        homes += [(f"_blocks.{number}.{conv}", f"_blocks.{number}.{norm}") for conv, norm in names[3 - count :]]
    homes.append(("_conv_head", "_bn1"))
    convs = [m for m in features.modules() if isinstance(m, torch.nn.Conv2d)]
    norms = [m for m in features.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    state = {}
    for conv, norm, (of_conv, of_norm) in zip(convs, norms, homes, strict=True):
        state[f"{of_conv}.weight"] = conv.weight.detach().clone()
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{of_norm}.{part}"] = getattr(norm, part).detach().clone()
    save_file(state, str(path))


def test_efficientnet_lite_starts_from_its_own_weights_beside_those_of_mobilenet(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = toy_config(arch="efficientnet_lite0")
    wanted = loop.build(config).eval()
    for norm in (m for m in wanted.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.running_mean, -0.2, 0.2)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2.0)
    lite_file(tmp_path / loop.LITE_WEIGHTS, wanted.features)
    network = loop.build(config).eval()
    loop.initialise(network, config, toy_pool(), tmp_path / "mobilenet.safetensors", tmp_path)
    x = torch.rand(2, 3, 64, 96) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(network.features(x), wanted.features(x), rtol=0, atol=0)
    assert network.features(x).shape == (2, 1280, 2, 3)
    lite_file(tmp_path / loop.LITE_WEIGHTS, MobileNetV2(2).features)
    with pytest.raises(ValueError, match="holds no weights of EfficientNet-Lite0"):
        loop.initialise(network, config, toy_pool(), tmp_path / "mobilenet.safetensors", tmp_path)


def test_padding_is_that_of_tensorflow_for_even_sides() -> None:
    from training.fit.networks import ConvBnRelu6

    for kernel, before, after in ((3, 0, 1), (5, 1, 2)):
        assert ConvBnRelu6(1, 1, kernel, 2)[0].padding == (before, after, before, after)
        assert ConvBnRelu6(1, 1, kernel)(torch.zeros(1, 1, 8, 8)).shape == (1, 1, 8, 8)
        assert ConvBnRelu6(1, 1, kernel, 2)(torch.zeros(1, 1, 8, 8)).shape == (1, 1, 4, 4)


def test_class_maps_average_to_the_logits() -> None:
    network = MobileNetV2(3).eval()
    with torch.no_grad():
        logits, features, maps = network.explain(torch.rand(2, 3, 96, 96))
    assert maps.shape == (2, 3, 3, 3)
    assert features.shape == (2, 1280)
    torch.testing.assert_close(maps.mean(dim=(2, 3)) + network.head.bias, logits, atol=1e-5, rtol=1e-4)


def test_averaged_views_are_those_of_the_flipped_pictures_flipped_back() -> None:
    torch.manual_seed(0)
    network = ResidualUNet().eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = (network(x) + network(x.flip(3)).flip(3)) / 2
        torch.testing.assert_close(Shipped([Member(network, 64)], 2)(x), expected, atol=1e-4, rtol=1e-3)


def test_several_networks_are_averaged_and_their_maps_still_give_the_logit() -> None:
    torch.manual_seed(0)
    members: list[torch.nn.Module] = [MobileNetV2(3).eval(), MobileNetV2(3).eval()]
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        logits, features, maps = Shipped([Member(one, 64) for one in members], 2)(x)
        alone = [member(view) for member in members for view in (x, x.flip(3))]
    torch.testing.assert_close(logits, torch.stack(alone).mean(0), atol=1e-5, rtol=1e-4)
    assert features.shape == (1, 2 * 1280)
    bias = torch.stack([member.head.bias for member in members]).mean(0)
    torch.testing.assert_close(maps.mean(dim=(2, 3)) + bias, logits, atol=1e-5, rtol=1e-4)


def test_one_network_sees_the_film_and_another_its_lungs_at_the_size_each_learned_from() -> None:
    torch.manual_seed(0)
    whole, lungs = MobileNetV2(3).eval(), MobileNetV2(3).eval()
    module = Shipped([Member(whole, 64, share=1.0), Member(lungs, 96, lungs=True, share=3.0)])
    assert module.outputs == ["logits", "features", "maps", "lung_maps"]
    x = torch.rand(1, 2, 64, 64)
    larger = torch.nn.functional.interpolate(x[:, 1:], size=(96, 96), mode="bilinear").expand(-1, 3, -1, -1)
    with torch.no_grad():
        logits, _, maps, lung_maps = module(x)
        expected = (whole(x[:, :1].expand(-1, 3, -1, -1)) + 3 * lungs(larger)) / 4
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-4)
    assert (maps.shape, lung_maps.shape) == ((1, 3, 2, 2), (1, 3, 3, 3))
    bias = (whole.head.bias + 3 * lungs.head.bias) / 4
    torch.testing.assert_close(maps.mean((2, 3)) + lung_maps.mean((2, 3)) + bias, logits, atol=1e-5, rtol=1e-4)
    ours = Network(store_small(to_onnx(module, 64)).SerializeToString(), "cpu").run(x.numpy())
    np.testing.assert_allclose(ours["lung_maps"], lung_maps.numpy(), atol=0.02 * max(1, float(lung_maps.abs().max())))


@pytest.mark.parametrize("arch", CLASSIFIERS)
def test_every_classifier_gives_maps_that_average_to_its_logits(arch: str) -> None:
    network = classifier(arch, 3, 0.0).eval()
    with torch.no_grad():
        logits, features, maps = network.explain(torch.rand(2, 3, 96, 96) * 2 - 1)
    assert maps.shape == (2, 3, 3, 3)
    assert features.shape == (2, network.head.in_features)
    torch.testing.assert_close(maps.mean(dim=(2, 3)) + network.head.bias, logits, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("arch", SEGMENTERS)
def test_every_segmenter_gives_one_logit_per_pixel(arch: str) -> None:
    assert ResidualUNet(arch).eval()(torch.rand(1, 3, 64, 96)).shape == (1, 1, 64, 96)


def test_a_network_of_another_task_is_refused() -> None:
    with pytest.raises(ValueError, match="does not segment"):
        loop.build(toy_config(task="segment"))
    with pytest.raises(ValueError, match="unknown arch"):
        loop.build(toy_config(arch="perceptron"))


def test_frozen_layers_keep_their_weights_and_statistics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(toy_config().seed)
    start = loop.build(toy_config()).state_dict()
    trained = train(tmp_path, toy_config(frozen_layers=4), monkeypatch)["model"]
    assert isinstance(trained, dict)
    for name, value in trained.items():
        if name.startswith(("features.0.", "features.3.")) and "num_batches" not in name:
            torch.testing.assert_close(value, start[name], rtol=0, atol=0)
    assert not torch.equal(trained["features.4.conv.0.1.weight"], start["features.4.conv.0.1.weight"])


def test_each_of_several_labels_has_its_own_loss_and_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fixed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.logits = torch.nn.Parameter(torch.tensor([[0.0, 2.0]]))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.logits.repeat(len(x), 1)

    config, pool = toy_config(task="multilabel", mixup=0.0), toy_pool()
    batch = (pool.images[:2], None, np.array([[True, True], [False, True]]))
    rng = np.random.default_rng(0)
    loss = loop.step_loss(Fixed(), batch, config, rng, torch.device("cpu"))
    assert loss.item() == pytest.approx((np.log(2) + np.log(1 + np.exp(-2))) / 2, abs=2e-3)
    end = train(tmp_path, config, monkeypatch)
    assert 0 <= end["progress"].best <= 1


class Command:
    """What a pickle of somebody else may hold: unpickled, it runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_nothing_in_a_checkpoint_is_run(tmp_path: Path) -> None:
    torch.save({"progress": Command(tmp_path / "was run")}, tmp_path / "last.pt")
    with pytest.raises(ValueError, match="is damaged"):
        loop.read_checkpoint(tmp_path / "last.pt", torch.device("cpu"))
    assert not (tmp_path / "was run").exists()


def test_a_damaged_checkpoint_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path, toy_config(), monkeypatch)
    last = tmp_path / "toy" / "last.pt"
    last.write_bytes(last.read_bytes()[:5000])
    with pytest.raises(ValueError, match="is damaged"):
        train(tmp_path, toy_config(), monkeypatch)


def test_the_loss_takes_any_allowed_class_for_true() -> None:
    logits = torch.log(torch.tensor([[0.1, 0.2, 0.7]]))
    one = loop.allowed_loss(logits, torch.tensor([[False, False, True]]), 0.0)
    two = loop.allowed_loss(logits, torch.tensor([[False, True, True]]), 0.0)
    assert one.item() == pytest.approx(-np.log(0.7), abs=1e-6)
    assert two.item() == pytest.approx(-np.log(0.9), abs=1e-6)
    reference = torch.nn.functional.cross_entropy(logits, torch.tensor([2]), label_smoothing=0.1)
    assert loop.allowed_loss(logits, torch.tensor([[False, False, True]]), 0.1).item() == pytest.approx(
        reference.item(), abs=1e-6
    )


def test_sampling_balances_classes_and_sources() -> None:
    samples = [Sample(Path("x"), "dark", "train", str(i), "big" if i < 6 else "small") for i in range(8)]
    samples += [Sample(Path("x"), "bright", "train", "9", "one"), Sample(Path("x"), "bright", "train", "10", "one")]
    weights = sampling_weights(samples, toy_config(class_power=1.0, source_power=1.0))
    assert weights.sum() == pytest.approx(1)
    assert weights[:6].sum() == pytest.approx(weights[6:8].sum())
    plain = sampling_weights(samples, toy_config(class_power=1.0))
    assert plain[:8].sum() == pytest.approx(plain[8:].sum())


def test_sources_with_healthy_and_sick_pictures_are_drawn_more_often() -> None:
    told = [("normal", "both"), ("ill", "both"), ("normal", "well"), ("ill", "hurt"), ("", "hurt")]
    samples = [Sample(Path("x"), label, "train", str(i), source) for i, (label, source) in enumerate(told)]
    weights = sampling_weights(samples, toy_config(class_power=0.0, both_sides=3.0))
    np.testing.assert_allclose(weights, np.array([3, 3, 1, 1, 1]) / 9)


def test_the_mix_of_classes_is_what_a_training_draws() -> None:
    samples = [Sample(Path("x"), "dark" if i < 9 else "bright", "train", str(i), "s") for i in range(10)]
    assert class_mix(samples, toy_config(class_power=0.0)).tolist() == pytest.approx([0.9, 0.1])
    assert class_mix(samples, toy_config(class_power=0.5)).tolist() == pytest.approx([0.75, 0.25])
    # A sample of either class counts for none of them.
    either = Sample(Path("x"), "", "train", "10", "s", allowed=("dark", "bright"))
    assert class_mix([*samples, either], toy_config(class_power=0.5)).tolist() == pytest.approx([0.75, 0.25])
    with pytest.raises(ValueError, match="no training pictures of bright"):
        class_mix(samples[:9], toy_config())


def train(tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setattr(loop, "initialise", lambda *_: None)
    pool = toy_pool()
    best = loop.fit(config, pool, pool, tmp_path, tmp_path, threads=1)
    return loop.read_checkpoint(best.with_name("last.pt"), torch.device("cpu"))


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(tmp_path / "whole", toy_config(), monkeypatch)
    real_save, saved = loop.save, []

    def save_then_stop(path: Path, content: dict[str, object]) -> None:
        real_save(path, content)
        saved.append(path.name)
        if path.name == "last.pt":
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "save", save_then_stop)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "broken", toy_config(), monkeypatch)
    monkeypatch.setattr(loop, "save", real_save)
    resumed = train(tmp_path / "broken", toy_config(), monkeypatch)
    assert resumed["progress"].epoch == whole["progress"].epoch == 2
    assert resumed["average_steps"] == whole["average_steps"] == 8
    for part in ("model", "average"):
        for name, value in whole[part].items():
            torch.testing.assert_close(resumed[part][name], value, atol=1e-4, rtol=1e-3)


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path, toy_config(), monkeypatch)
    with pytest.raises(ValueError, match="another configuration"):
        train(tmp_path, toy_config(lr=1e-3), monkeypatch)


def test_a_label_without_a_training_picture_stops_the_run(tmp_path: Path) -> None:
    pool = toy_pool()
    pool.allowed[:, 1] = False
    with pytest.raises(ValueError, match="no training picture may be: bright"):
        loop.fit(toy_config(), pool, pool, tmp_path, tmp_path, threads=1)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.pt"
    loop.save(path, {"epoch": 1})

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        loop.save(path, {"epoch": 2})
    monkeypatch.undo()
    assert torch.load(path, weights_only=True) == {"epoch": 1}


def test_zoomed_views_see_the_middle_and_their_maps_lie_there() -> None:
    torch.manual_seed(0)
    network = MobileNetV2(3).eval()
    x = torch.rand(1, 3, 128, 128)
    middle = torch.nn.functional.interpolate(x[:, :, 32:96, 32:96], size=(128, 128), mode="bilinear")
    with torch.no_grad():
        logits, _, maps = Shipped([Member(network, 128)], 1, 0.5)(x)
        expected = network(torch.cat([x, middle])).mean(0, keepdim=True)
        torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-3)
        _, _, whole = network.explain(x)
        _, _, inner = network.explain(middle)
        assert maps.shape == (1, 3, 16, 16)
        fine = torch.nn.functional.interpolate(whole, size=(16, 16), mode="bilinear")
        # Half of the evidence is the whole picture's; the rest, of the middle, lies in the middle with the same sum.
        rest = 2 * maps - fine
        assert float(rest[:, :, :4].abs().max()) < 1e-4
        torch.testing.assert_close(
            rest[:, :, 4:12, 4:12].mean((2, 3)) / 4,
            torch.nn.functional.interpolate(inner, size=(8, 8), mode="bilinear").mean((2, 3)),
            atol=1e-3,
            rtol=1e-3,
        )


@pytest.mark.parametrize("zoom", [0.4, 1.1])
def test_a_zoom_that_makes_no_sense_is_refused(tmp_path: Path, zoom: float) -> None:
    text = (CONFIGS / "skin-lesion.toml").read_text(encoding="utf-8")
    (tmp_path / "x.toml").write_text(f"zoom = {zoom}\n" + re.sub("(?m)^zoom.*$", "", text), encoding="utf-8")
    with pytest.raises(ValueError, match="zoom"):
        load_config(str(tmp_path / "x.toml"))


@pytest.mark.parametrize("views", [1, 2, 4])
@pytest.mark.parametrize("network", [MobileNetV2(3), ResidualUNet()], ids=["classifier", "segmenter"])
@pytest.mark.parametrize(("int8", "share", "close"), [(False, 0.62, 0.02), (True, 0.42, 0.2)], ids=["fp16", "int8"])
def test_the_exported_file_answers_as_pytorch_does_at_a_share_of_the_size(
    network: torch.nn.Module, views: int, int8: bool, share: float, close: float
) -> None:
    tensor = to_input(np.random.default_rng(0).random((64, 64), np.float32))
    module = Shipped([Member(network, 64)], views, 0.8 if isinstance(network, MobileNetV2) else 1.0)
    full = to_onnx(module, 64)
    small = store_small(full, int8)
    assert small.ByteSize() < share * full.ByteSize()
    theirs = torch_outputs(module, tensor)
    ours = Network(small.SerializeToString(), "cpu").run(tensor)
    assert set(ours) == set(theirs)
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, atol=close * max(1.0, float(np.abs(value).max())))


def test_each_output_channel_is_rounded_by_a_scale_of_its_own() -> None:
    weights = np.array([[1.27, -0.5, 0.25], [127.0, 1.0, -3.0], [0.0, 0.0, 0.0]], np.float32).reshape(3, 3, 1, 1)
    whole, scale = round_channels(weights)
    assert whole.dtype == np.int8
    # Half a step of the channel's own range is the largest error where nothing is cut off.
    np.testing.assert_allclose(whole[0] * scale[0], weights[0], rtol=0, atol=0.0051)
    np.testing.assert_allclose(whole[1] * scale[1], weights[1], rtol=0, atol=0.51)
    np.testing.assert_array_equal(whole[2], 0)


def test_no_checkpoint_is_read_in_a_way_that_could_run_it() -> None:
    for path in Path(loop.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("torch.load(") == text.count("weights_only=True"), path.name
