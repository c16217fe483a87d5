"""timm's networks by name: every name is known without importing timm, and each computes as timm's own."""

from dataclasses import replace
import subprocess
import sys

import pytest
import timm
import torch

from core.data.registry import DATASETS
from core.domain.code_version import run_version, shared_part, training_version
from core.domain.errors import WrongInput
from core.domain.info import ModelInfo
from core.domain.requests.classes import ClassRequest
from core.jobs.catalogue import Catalogue
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe
from core.models import timm_names, timm_networks
from core.models.inspection import last_layer
from core.models.layer_groups import groups
from core.models.registry import MODELS
from core.models.timm_names import ModelShelf, info_of, name_of, offer, timm_version

DIGITS = DATASETS["digits"].INFO
WRONG = {
    "timm:": r"^A network of timm's is asked for as timm:resnet18\.a1_in1k; got 'timm:'\.$",
    "timm:../../etc": "^A network of timm's is asked for as",
    "timm:hf_hub:someone/weights": "^A network of timm's is asked for as",
    "timm:resnet1888": r"^timm [\d.]+ has no network 'resnet1888'; the nearest are resnet18, ",
    "timm:resnet18.other": r"^timm [\d.]+ has no 'resnet18\.other'; behind the dot may stand a1_in1k, ",
}


def of(name, data=DIGITS):
    torch.manual_seed(5)
    return MODELS[f"timm:{name}"](data).eval()


def test_every_network_that_timm_lists_is_known_by_its_name():
    assert timm_version() == timm.__version__
    for name in (*timm.list_models(), *timm.list_pretrained()):
        assert name_of(f"timm:{name}") == name


@pytest.mark.parametrize("model", WRONG)
def test_what_is_no_name_is_refused_in_one_sentence(model):
    with pytest.raises(WrongInput, match=WRONG[model]):
        MODELS[model]


def test_without_timm_one_sentence_says_so(monkeypatch):
    monkeypatch.setattr(timm_names, "timm_version", lambda: "")
    with pytest.raises(WrongInput, match=r"^timm:resnet18 needs the library timm, which is not installed here; pip install"):
        name_of("timm:resnet18")
    assert offer().startswith("With the library timm (pip install timm), any network")


def test_names_are_read_without_importing_timm_or_torch():
    code = "import sys\nfrom core.models.timm_names import *\nprint(info_of('timm:resnet18').title, {'timm', 'torch'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "resnet18 (timm) set()\n"


def test_it_is_timms_own_of_random_weights_behind_the_datasets_normalisation_and_a_larger_picture(monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("nothing is downloaded"))
    model, x = of("resnet18.a1_in1k"), torch.rand(3, 1, 8, 8)
    torch.manual_seed(5)
    own = timm.create_model("resnet18", num_classes=10, in_chans=1).eval()
    for key, value in own.state_dict().items():
        assert torch.equal(model.state_dict()[f"network.{key}"], value)
    larger = torch.nn.functional.interpolate((x - DIGITS.mean[0]) / DIGITS.deviation[0], size=(32, 32), mode="bilinear")
    torch.testing.assert_close(model(x), own(larger))


def test_a_transformer_is_told_the_size_of_the_images_and_its_parts_are_found():
    large = replace(DIGITS, channels=3, height=48, width=64, mean=(0.5,) * 3, deviation=(0.5,) * 3)
    model = of("vit_tiny_patch16_224", large)
    assert model.network.pos_embed.shape == (1, 1 + 3 * 4, 192)
    assert last_layer(model) == "network.head"
    assert list(groups(model)) == ["network.patch_embed.proj", *(f"network.blocks.{i}" for i in range(12)), "network.head"]
    assert model(torch.rand(2, 3, 48, 64)).shape == (2, 10)


def test_one_that_does_not_take_the_images_says_so():
    with pytest.raises(WrongInput, match=r"^timm's inception_v3 cannot be built for images of 32x32 pixels: Calculated padded input size"):
        of("inception_v3")


def test_a_head_that_is_a_mean_of_two_is_not_taken_for_either():
    with pytest.raises(WrongInput, match=r"^No linear layer of this network gives its logits"):
        last_layer(of("levit_128s"))


def test_the_shelf_lists_none_and_finds_each_by_name():
    shelves = Catalogue.from_json(describe().to_json())
    assert not [key for key in shelves.models if key.startswith("timm:")]
    assert "timm:resnet18" in shelves.models
    assert "timm:resnet1888" not in shelves.models
    assert shelves.models["timm:resnet18"] == shelves.models.get("timm:resnet18") == info_of("timm:resnet18")
    assert ModelShelf({"a": ModelInfo("a", "A", "A.")}).get("b", 7) == 7
    spec = make_spec(shelves, "digits", "timm:resnet18", ClassRequest((3,)), "ssd", {})
    assert (spec.model, spec.engine) == ("timm:resnet18", run_version("digits", "timm:resnet18", "ssd"))
    with pytest.raises(WrongInput, match="has no network 'resnet1888'"):
        make_spec(shelves, "digits", "timm:resnet1888", ClassRequest((3,)), "ssd", {})


def test_its_version_is_of_its_name_and_of_timms_version(monkeypatch):
    first, other = training_version("digits", "timm:resnet18"), training_version("digits", "timm:resnet34")
    house = run_version("digits", "small_cnn", "ssd")
    assert first != other
    monkeypatch.setattr("core.domain.code_version._hashes", _anew())
    monkeypatch.setattr("core.domain.code_version._version", lambda library: "9.9" if library == "timm" else "1")
    assert training_version("digits", "timm:resnet18") != first
    assert shared_part(run_version("digits", "small_cnn", "ssd")) == shared_part(house)


def _anew():
    """Hashes that nobody has asked yet."""
    from core.domain import code_version

    return code_version._hashes.__wrapped__


def test_a_network_of_too_many_weights_is_refused_before_it_is_made(monkeypatch):
    """A link alone may ask for one of billions: eva02_enormous has 4.4 of them, which are 18 GB."""
    assert sum(weight.numel() for weight in MODELS["timm:resnet10t"](DIGITS).parameters()) > 4_000_000
    made = []
    monkeypatch.setattr(timm_networks, "MOST", 1_000_000)
    monkeypatch.setattr(timm_networks, "_try", lambda *_: made.append(1))
    with pytest.raises(WrongInput, match=r"^timm's resnet10t has more than 1,000,000 weights, which is the most that .* may have here\.$"):
        MODELS["timm:resnet10t"](DIGITS)
    assert not made
    torch.nn.Linear(2_000, 1_000)  # the bound is timm's alone, and over
