from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from avae_traces import fit, recording
from safetensors.torch import load, load_file, save_file
from test_checkpoint import Trap, cut_short, edit

from napari_calcdyn.models import checkpoint
from napari_calcdyn.models.avae.model import AVAE
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import InputError, Traces


@pytest.fixture(scope="module")
def traces() -> Traces:
    found = recording(20, 50)
    return replace(found, ids=found.ids * 3 + 100)


@pytest.fixture(scope="module")
def model(traces: Traces) -> AVAE:
    return fit(traces, epochs=2)[0]


@pytest.fixture
def folder(model: AVAE, tmp_path: Path) -> Path:
    model.save(tmp_path / "model")
    return tmp_path / "model"


def refusal(folder: Path) -> str:
    """Load what cannot be loaded; return the one sentence that says so."""
    with pytest.raises(InputError) as error:
        AVAE.load(folder, device="cpu")
    text = str(error.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert text.removesuffix(".").count(". ") == 0
    assert str(folder) in text
    return text


@pytest.mark.parametrize("architecture", ["residual", "paper", "sequence"])
@pytest.mark.parametrize("scaling", ["recording", "trace"])
@pytest.mark.parametrize("skip", [True, False])
def test_a_loaded_model_is_the_saved_one(
    traces: Traces, tmp_path: Path, architecture: str, scaling: str, skip: bool
) -> None:
    model, _ = fit(traces, architecture=architecture, scaling=scaling, skip=skip, epochs=1, patch=60)
    model.save(tmp_path / "model")
    loaded = AVAE.load(tmp_path / "model", device="cpu")
    assert (loaded.config, loaded.metrics) == (model.config, model.metrics)
    assert (loaded.samples, loaded.frame_rate) == (model.samples, model.frame_rate) == (50, 20.0)
    np.testing.assert_array_equal(loaded.ids, traces.ids)
    for one, other in zip(loaded.encode(traces), model.encode(traces), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(loaded.reconstruct(traces), model.reconstruct(traces))
    np.testing.assert_array_equal(loaded.sample(3), model.sample(3))


def test_a_model_of_traces_without_a_frame_rate(traces: Traces, tmp_path: Path) -> None:
    fit(replace(traces, frame_rate=None), epochs=1)[0].save(tmp_path / "model")
    assert AVAE.load(tmp_path / "model", device="cpu").frame_rate is None


def test_a_model_can_be_saved_again_where_it_came_from(folder: Path, traces: Traces) -> None:
    loaded = AVAE.load(folder, device="cpu")
    loaded.save(folder)
    again = AVAE.load(folder, device="cpu")
    np.testing.assert_array_equal(again.encode(traces)[0], loaded.encode(traces)[0])
    assert [path.name for path in folder.parent.iterdir()] == ["model"]  # nothing is left beside it


def test_what_made_the_model_is_written_beside_the_numbers(folder: Path) -> None:
    settings = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert settings["format"] == "napari-calcdyn AVAE"
    assert {"python", "torch", "numpy", "safetensors", "napari-calcdyn"} <= settings["libraries"].keys()
    assert settings["config"]["architecture"] == "residual"
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}


DAMAGE: dict[str, Callable[[Path], None]] = {
    "numbers cut short": cut_short,
    "no numbers": lambda folder: (folder / "model.safetensors").unlink(),
    "noise for numbers": lambda folder: (folder / "model.safetensors").write_bytes(bytes(range(256)) * 9),
    "no such field": edit(lambda settings: settings.pop("scale")),
    "no settings": edit(lambda settings: settings.pop("config")),
    "words for a number": edit(lambda settings: settings.update(low="least")),
    "words for a frame rate": edit(lambda settings: settings.update(frame_rate="fast")),
    "other number of samples": edit(lambda settings: settings.update(samples=51)),
    "far too many samples": edit(lambda settings: settings.update(samples=10**15)),
    "other number of neurons": edit(lambda settings: settings.update(neurons=19)),
    "other network": edit(lambda settings: settings["config"].update(architecture="sequence")),
    "other number of latents": edit(lambda settings: settings["config"].update(latent=4)),
    "setting out of bounds": edit(lambda settings: settings["config"].update(beta=-1)),
    "unknown setting": edit(lambda settings: settings["config"].update(colour="red")),
    "no metrics": edit(lambda settings: settings.update(metrics=None)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_model_is_refused(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder)
    assert "is damaged or was written by another version" in refusal(folder)


def test_no_number_may_be_missing_or_of_another_size(folder: Path) -> None:
    numbers = folder / "model.safetensors"
    tensors = load(numbers.read_bytes())  # not load_file, whose tensors are the file itself, replaced below
    assert {"ids", "offset", "network.mean.weight"} <= tensors.keys()
    for name, value in tensors.items():
        save_file({key: tensors[key] for key in tensors if key != name}, numbers)
        assert "is damaged" in refusal(folder), name
        save_file(tensors | {name: value[:-1].contiguous()}, numbers)
        assert "is damaged" in refusal(folder), name


@pytest.mark.parametrize(
    ("kind", "load", "panel"),
    [(checkpoint.VAR_AUTOENCODER, AVAE.load, "Dynamics"), (checkpoint.AVAE, VARAutoencoder.load, "Neurons")],
)
def test_the_other_kind_of_model_is_refused_and_kept(
    tmp_path: Path, model: AVAE, kind: str, load: Callable[..., Any], panel: str
) -> None:
    folder = tmp_path / "model"
    checkpoint.save_checkpoint(folder, kind, {"number": torch.ones(1)}, {})
    with pytest.raises(
        InputError, match=f"holds the other kind of model: open it in the {panel} panel"
    ) as error:
        load(folder, device="cpu")
    assert "\n" not in str(error.value)
    if kind != checkpoint.AVAE:
        with pytest.raises(InputError, match="files other than a model of this kind"):
            model.save(folder)
        assert load_file(folder / "model.safetensors")["number"] == 1


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    assert "no model folder" in refusal(tmp_path / "nowhere")
    assert "is not a model of napari-calcdyn" in refusal(tmp_path)


@pytest.mark.parametrize("write", [torch.save, lambda trap, path: path.write_bytes(pickle.dumps(trap))])
def test_nothing_in_a_model_is_executed(folder: Path, tmp_path: Path, write: Callable[..., None]) -> None:
    mark = tmp_path / "executed"
    for name in ("model.safetensors", "model.json"):
        write(Trap(mark), folder / name)
        refusal(folder)
        assert not mark.exists()
    pickle.loads(pickle.dumps(Trap(mark)))  # the trap works
    assert mark.exists()
