"""Layouts of checkpoints as people have them: each is read to the same weights, or refused in a sentence; nothing in them runs."""

from argparse import Namespace
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file
import torch
from torch import nn
import torchvision

from core.data.datasets.digits import INFO
from core.domain.errors import WrongInput
from core.models.registry import MODELS
from core.training.uploaded_weights import name_translation, scan_foreign
from core.training.uploaded_weights.client import own_weights
from core.training.uploaded_weights.match_architecture import match_weights
from core.training.uploaded_weights.name_translation import under_our_names
from core.training.uploaded_weights.read_checkpoint import read_checkpoint
from core.training.uploaded_weights.read_file import LoadedWeights
from core.training.uploaded_weights.scan_foreign import scan_foreign as names_in
from tests.core.training.uploaded_weights.test_read_file import Malicious, network, saved, state  # noqa: F401  # a fixture
from tests.hostile_weights import hostile, mutations

GUIDE = Path(__file__).resolve().parents[4] / "assets" / "guide" / "your-own-weights.md"


class Callback:
    """As a training library pickles one with its attributes."""

    def __init__(self):
        self.best, self.path = torch.tensor(0.9), Path("runs/best.ckpt")


class Settings(dict):
    """A dict of a library's own, as Lightning's AttributeDict."""


def under(prefix, weights):
    return OrderedDict((prefix + key, value) for key, value in weights.items())


def lightning(weights):
    return {
        "epoch": 3, "global_step": 12, "pytorch-lightning_version": "2.4.0", "state_dict": under("model.", weights),
        "loops": {"fit_loop": {"state_dict": {}}}, "callbacks": {"ModelCheckpoint": {"best": Callback(), "score": np.float64(0.9)}},
        "optimizer_states": [{"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]}],
        "hyper_parameters": Settings(args=Namespace(lr=0.1), root=Path("data")), "hparams_name": "kwargs",
    }  # fmt: skip


def foreign(weights):
    """Under names of another implementation, in the order of the layers."""
    names = {"conv": "features", "norm": "bn", "hidden": "fc1", "classifier": "fc2"}
    own = {key: value for key, value in weights.items() if not key.startswith("normalise.")}
    for ours, theirs in names.items():
        own = {key.replace(ours, theirs): value for key, value in own.items()}
    return own


LAYOUTS = {  # as the guide lists them: name -> what is saved
    "a state dict": lambda s: s,
    "`state_dict`": lambda s: {"state_dict": s, "epoch": 3, "best_acc1": np.float64(0.93), "arch": "small_cnn"},
    "`model`": lambda s: {"model": s, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1, "params": [0]}]}, "args": Namespace(seed=1)},
    "`model_state_dict`": lambda s: {"epoch": 1, "model_state_dict": s, "optimizer_state_dict": {"state": {}}, "loss": np.float32(0.1)},
    "`net`": lambda s: {"net": s, "acc": 93.1, "epoch": 7},
    "`ema`": lambda s: {"ema": {"state_dict": s, "decay": 0.99}, "step": 4},
    "`module.`": lambda s: under("module.", s),
    "`module._orig_mod.`": lambda s: {"model": under("module._orig_mod.", s)},
    "`model.backbone.`": lambda s: {"state_dict": {**under("model.backbone.", s), "criterion.weight": torch.ones(10)}},
    "Lightning": lightning,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_of_torch_save_is_read_to_the_same_weights(tmp_path, state, layout):  # noqa: F811
    file = saved(tmp_path, LAYOUTS[layout](state), "own.ckpt" if layout == "Lightning" else "own.pth")
    named = under_our_names(read_checkpoint(file), "digits", "small_cnn")
    found = match_weights(named.weights, network(), "it").tensors
    assert not named.mapping
    assert all(torch.equal(found[key], value) for key, value in state.items())


def test_safetensors_with_metadata_is_read_to_the_same_weights(tmp_path, state):  # noqa: F811
    save_file(under("backbone.", state), tmp_path / "own.safetensors", metadata={"format": "pt", "class": "os.system"})
    found = match_weights(read_checkpoint(tmp_path / "own.safetensors"), network(), "it").tensors
    assert all(torch.equal(found[key], value) for key, value in state.items())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_converted_and_said_so(tmp_path, state, kind):  # noqa: F811
    half = {key: value.to(kind) if value.is_floating_point() else value for key, value in state.items()}
    save_file(half, tmp_path / "own.safetensors")
    loaded = read_checkpoint(tmp_path / "own.safetensors")
    found = match_weights(loaded, network(), "it")
    count = sum(value.is_floating_point() for value in state.values())
    name = str(kind).removeprefix("torch.")
    assert found.notes == (f"{count} of {len(state)} tensors are stored as {name}; they were converted to float32.",)
    assert all(torch.equal(found.tensors[key], half[key].to(value.dtype)) for key, value in state.items())


def test_the_guide_lists_every_layout():
    guide = GUIDE.read_text()
    assert [layout for layout in LAYOUTS if layout not in guide] == []
    assert len(LAYOUTS) + 2 == 12, "and safetensors and half precision"


def test_objects_beside_the_weights_are_left_unread_and_named(tmp_path, state):  # noqa: F811
    loaded = read_checkpoint(saved(tmp_path, lightning(state), "own.ckpt"))
    (note,) = loaded.notes
    assert note.startswith("Objects that are no weights were left unread, and nothing of them was run: ")
    asked = names_in(tmp_path / "own.ckpt", "own.ckpt")
    assert {"argparse.Namespace", f"{__name__}.Callback", f"{__name__}.Settings"} <= set(asked)
    assert note.endswith(f" and {len(asked) - 3} more.")


def test_averaged_weights_beside_raw_ones_are_left_also_where_objects_were_skipped(tmp_path, state):  # noqa: F811
    both = {"state_dict": state, "state_dict_ema": {k: v * 0 for k, v in state.items()}, "args": Namespace()}
    found = match_weights(read_checkpoint(saved(tmp_path, both)), network(), "it")
    assert torch.equal(found.tensors["conv1.weight"], state["conv1.weight"])
    assert any("lie under 'state_dict.'; what lies beside them was left out: state_dict_ema." in note for note in found.notes)


def test_views_of_one_storage_and_transposed_weights_are_read_as_they_are(tmp_path):
    whole = torch.arange(24.0).view(2, 3, 4)
    given = {"model": {"a": whole, "b": whole[1].T, "c": nn.Parameter(whole[0, 1:]), "empty": torch.zeros(0)}, "args": Namespace()}
    found = read_checkpoint(saved(tmp_path, given)).tensors
    assert {key: value.shape for key, value in found.items()} == {f"model.{k}": t.shape for k, t in given["model"].items()}
    assert all(torch.equal(found[f"model.{key}"], value) for key, value in given["model"].items())


# Names.


def test_other_names_are_matched_by_order_and_shape_and_the_mapping_is_returned(tmp_path, state):  # noqa: F811
    named = under_our_names(read_checkpoint(saved(tmp_path, under("module.", foreign(state)))), "digits", "small_cnn")
    assert ("features1.weight", "conv1.weight", "16x1x3x3") in named.mapping
    assert ("bn2.running_var", "norm2.running_var", "32") in named.mapping
    assert ("fc2.bias", "classifier.bias", "10") in named.mapping
    found = match_weights(named.weights, network(), "it").tensors
    learned = [key for key in state if not key.startswith("normalise.") and not key.endswith("num_batches_tracked")]
    assert len(named.mapping) == len(learned)
    assert all(torch.equal(found[key], state[key]) for key in learned)


def test_where_a_shape_is_missing_nothing_is_matched_and_the_refusal_is_the_usual_one(tmp_path, state):  # noqa: F811
    other = foreign(state) | {"fc2.bias": torch.zeros(11)}
    named = under_our_names(read_checkpoint(saved(tmp_path, other)), "digits", "small_cnn")
    assert not named.mapping
    with pytest.raises(WrongInput, match="has weights that the file lacks"):
        match_weights(named.weights, network(), "it")


@pytest.fixture
def colour(monkeypatch):
    """Images of 64 pixels, from which on our architectures have torchvision's stems."""
    info = replace(INFO, channels=3, height=64, width=64, mean=(0.5,) * 3, deviation=(0.2,) * 3)
    monkeypatch.setattr(name_translation, "info_of", lambda *_: info)
    return info


def stirred(model):
    """In eval mode, with statistics that are not the first ones."""
    generator = torch.Generator().manual_seed(3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    return model.eval()


def answers_alike(theirs, weights, key, info):
    named = under_our_names(LoadedWeights(weights), "any", key)
    assert not named.mapping
    ours = MODELS[key](info).eval()
    ours.load_state_dict(match_weights(named.weights, ours, "it").tensors)
    pixels = torch.rand(2, 3, info.height, info.width, generator=torch.Generator().manual_seed(5))
    normalised = (pixels - 0.5) / 0.2
    with torch.no_grad():
        assert torch.allclose(ours(pixels), theirs(normalised), atol=1e-4)


@pytest.mark.parametrize("prefix", ["", "module.model."])
@pytest.mark.parametrize(("key", "build"), [("resnet18", torchvision.models.resnet18), ("mobilenet_v2", torchvision.models.mobilenet_v2)])
def test_torchvisions_names_are_translated_and_the_network_answers_as_theirs(colour, key, build, prefix):
    theirs = stirred(build(num_classes=10))
    answers_alike(theirs, under(prefix, theirs.state_dict()), key, colour)


def timm_mobilenet_names():
    """timm 1.0's of `mobilenetv2_100`, layer by layer, which is torchvision's order."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")

    def layer(conv, bn):
        return [f"{conv}.weight", *(f"{bn}.{name}" for name in norm)]

    names = layer("conv_stem", "bn1") + layer("blocks.0.0.conv_dw", "blocks.0.0.bn1") + layer("blocks.0.0.conv_pw", "blocks.0.0.bn2")
    for stage, count in enumerate((2, 3, 4, 3, 3, 1), 1):
        for block in range(count):
            for conv, bn in (("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3")):
                names += layer(f"blocks.{stage}.{block}.{conv}", f"blocks.{stage}.{block}.{bn}")
    return [*names, *layer("conv_head", "bn2"), "classifier.weight", "classifier.bias"]


def test_timms_names_of_mobilenet_are_translated_and_the_network_answers_as_torchvisions(colour):
    theirs = stirred(torchvision.models.mobilenet_v2(num_classes=10))
    weights = dict(zip(timm_mobilenet_names(), theirs.state_dict().values(), strict=True))
    answers_alike(theirs, weights, "mobilenet_v2", colour)


def test_the_names_of_resnets_for_small_images_are_translated():
    """`shortcut` and `linear`, as in widely copied code for CIFAR, with a stem of 3x3."""
    theirs = torchvision.models.resnet18(num_classes=10)
    theirs.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
    weights = {key.replace("downsample", "shortcut").replace("fc.", "linear."): value for key, value in theirs.state_dict().items()}
    named = under_our_names(LoadedWeights(weights), "digits", "resnet18")
    match_weights(named.weights, MODELS["resnet18"](INFO), "it")
    assert torch.equal(named.weights.tensors["stage2.0.downsample.0.weight"], theirs.layer2[0].downsample[0].weight)
    assert torch.equal(named.weights.tensors["classifier.bias"], theirs.fc.bias)


VIT = {  # torchvision's and timm's names -> ours, by hand
    "conv_proj.weight": "tokens.embed.weight", "class_token": "tokens.token", "encoder.pos_embedding": "tokens.place",
    "encoder.layers.encoder_layer_0.self_attention.in_proj_weight": "block1.self_attention.attend.weight",
    "encoder.layers.encoder_layer_11.self_attention.out_proj.bias": "block12.self_attention.merge.bias",
    "encoder.layers.encoder_layer_9.mlp.linear_1.weight": "block10.mlp.0.weight",
    "encoder.layers.encoder_layer_9.mlp.3.bias": "block10.mlp.3.bias",
    "encoder.ln.weight": "norm.weight", "heads.head.bias": "classifier.bias",
}  # fmt: skip
TIMM_VIT = {
    "patch_embed.proj.weight": "tokens.embed.weight", "cls_token": "tokens.token", "pos_embed": "tokens.place",
    "blocks.0.attn.qkv.weight": "block1.self_attention.attend.weight", "blocks.11.attn.proj.bias": "block12.self_attention.merge.bias",
    "blocks.9.mlp.fc1.weight": "block10.mlp.0.weight", "blocks.9.mlp.fc2.bias": "block10.mlp.3.bias",
    "blocks.1.norm1.bias": "block2.ln_1.bias",
    "blocks.1.norm2.bias": "block2.ln_2.bias", "norm.weight": "norm.weight", "head.bias": "classifier.bias",
}  # fmt: skip


@pytest.mark.parametrize(("whose", "pairs"), [("torchvision", VIT), ("timm", TIMM_VIT)])
def test_names_of_the_vision_transformer_are_translated(whose, pairs):
    rules = name_translation.SCHEMES["vit_b_16"][whose]
    assert {theirs: name_translation._renamed(theirs, rules) for theirs in pairs} == pairs


def test_all_names_of_torchvisions_vision_transformer_are_translated(colour):
    with torch.device("meta"):
        theirs = torchvision.models.vit_b_16(image_size=64, num_classes=10).state_dict()
        ours = MODELS["vit_b_16"](colour).state_dict()
    found = under_our_names(LoadedWeights(theirs), "any", "vit_b_16").weights.tensors
    assert {key: value.shape for key, value in found.items()} == {k: v.shape for k, v in ours.items() if not k.startswith("normalise.")}


def test_a_file_with_two_such_networks_is_refused(colour):
    theirs = torchvision.models.resnet18(num_classes=10).state_dict()
    with pytest.raises(WrongInput, match=r"more than once, under 'net\.', 'model\.'|under 'model\.', 'net\.'|save one of them alone"):
        under_our_names(LoadedWeights({**under("net.", theirs), **under("model.", theirs)}), "any", "resnet18")


def test_a_long_way_through_wrappers_is_not_followed_for_ever():
    keys = [".".join(["model", "net", "module"][(i + k) % 3] for k in range(400)) + f".{i}" for i in range(50)]
    assert len(name_translation._prefixes(keys)) <= name_translation.MOST_PREFIXES


# What would run, and what declares more than it holds.


def test_nothing_runs_whatever_layout_it_hides_in(tmp_path, state):  # noqa: F811
    mark = tmp_path / "it-ran"
    evil = Malicious(mark)
    files = [saved(tmp_path, make(state) | {"extra": evil} if layout != "a state dict" else {"state_dict": state, "x": evil}, f"{i}.ckpt")
             for i, (layout, make) in enumerate(LAYOUTS.items())]  # fmt: skip
    files += [saved(tmp_path, evil, "bare.pth"), saved(tmp_path, {"state_dict": state | {"conv1.bias": evil}}, "inside.pth")]
    files += [saved(tmp_path, network(), "whole.pth"), saved(tmp_path, evil, "old.pth", _use_new_zipfile_serialization=False)]
    for number, file in enumerate(files):
        if number < len(LAYOUTS):  # beside the weights: passed over
            found = match_weights(under_our_names(read_checkpoint(file), "digits", "small_cnn").weights, network(), "it").tensors
            assert torch.equal(found["conv1.bias"], state["conv1.bias"])
        else:
            with pytest.raises(WrongInput, match=r"Nothing in it was run|lacks: conv1\.bias"):
                match_weights(read_checkpoint(file), network(), "it")
    assert not mark.exists()


class Evaluated:
    """Unpickled, it evaluates Python."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return eval, (f"open({str(self.mark)!r}, 'w').close()",)


def test_code_beside_the_weights_is_skipped_and_does_not_run(tmp_path, state):  # noqa: F811
    mark = tmp_path / "it-ran"
    loaded = read_checkpoint(saved(tmp_path, {"state_dict": state, "hook": Evaluated(mark)}))
    assert not mark.exists()
    assert "eval" in loaded.notes[0]
    assert torch.equal(loaded.tensors["state_dict.conv1.weight"], state["conv1.weight"])
    with pytest.raises(WrongInput, match=r"asks for '__builtin__\.eval'\. Nothing in it was run"):
        read_checkpoint(saved(tmp_path, {"state_dict": Evaluated(mark)}))
    inside = read_checkpoint(saved(tmp_path, {"state_dict": state | {"conv1.bias": Evaluated(mark)}}))
    with pytest.raises(WrongInput, match=r"lacks: conv1\.bias"):
        match_weights(inside, network(), "it")
    assert not mark.exists()


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # that scripts are old, which the file may be, too
def test_a_script_of_torchs_own_is_refused(tmp_path):
    torch.jit.save(torch.jit.script(nn.Linear(2, 3)), tmp_path / "script.pt")
    with pytest.raises(WrongInput, match=r"(is compressed|could not be read).*\.$"):
        read_checkpoint(tmp_path / "script.pt")


def test_hostile_files_and_mutations_are_refused_or_read_as_before(tmp_path):
    said = []
    archives = {name: content for name, content in hostile().items() if name.startswith("zip-")}  # the others have no foreign objects
    for name, content in [*archives.items(), *mutations(30, seed=5)]:
        (tmp_path / name).write_bytes(content)
        try:
            read_checkpoint(tmp_path / name)
        except WrongInput as wrong:
            said.append(str(wrong))
    assert len(said) >= len(archives)
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in said)


@pytest.mark.parametrize("bound", ["MOST_OPCODES", "MOST_NAMES", "MOST_PARTS", "MOST_PICKLE"])
def test_foreign_objects_are_bounded_as_weights_are(tmp_path, state, monkeypatch, bound):  # noqa: F811
    file = saved(tmp_path, lightning(state), "own.ckpt")
    monkeypatch.setattr(scan_foreign, bound, 3)
    with pytest.raises(WrongInput, match=r"could not be read: .* it asks for "):
        read_checkpoint(file)


# In a process of its own.


def test_the_process_reads_a_lightning_checkpoint_and_returns_a_mapping(tmp_path, state, home):  # noqa: F811
    said = own_weights(home, "digits", "small_cnn", str(saved(tmp_path, lightning(foreign(state)), "own.ckpt")))
    assert ["state_dict.model.features1.weight", "conv1.weight", "16x1x3x3"] in said["mapping"]
    assert said["count"] == 38_378
    assert any(note.startswith("Objects that are no weights") for note in said["notes"])
