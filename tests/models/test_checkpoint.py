from __future__ import annotations

import json
import os
import pickle
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save_file
from test_fitting import fit

from napari_calcdyn.models import checkpoint
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import InputError, Movie
from napari_calcdyn.simulate.movie import simulate_movie


@pytest.fixture(scope="module")
def recording() -> NDArray[np.uint16]:
    return simulate_movie(frames=100, height=30, width=34, noise="low", seed=0).movie


@pytest.fixture(scope="module")
def model(recording: NDArray[np.uint16]) -> VARAutoencoder:
    return fit(recording, latents=14, order=2, steps=12)[0]


@pytest.fixture
def folder(model: VARAutoencoder, tmp_path: Path) -> Path:
    model.save(tmp_path / "model")
    return tmp_path / "model"


def refusal(folder: Path) -> str:
    """Load what cannot be loaded; return the one sentence that says so."""
    with pytest.raises(InputError) as error:
        VARAutoencoder.load(folder, device="cpu")
    text = str(error.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert text.removesuffix(".").count(". ") == 0
    assert str(folder) in text
    return text


def test_a_loaded_model_is_the_saved_one(model, folder: Path, recording) -> None:
    loaded = VARAutoencoder.load(folder, device="cpu")
    assert (loaded.config, loaded.metrics, loaded.scale) == (model.config, model.metrics, model.scale)
    assert loaded.frame_shape == model.frame_shape == (30, 34)
    latents = model.encode(recording)
    np.testing.assert_array_equal(loaded.encode(recording), latents)
    np.testing.assert_array_equal(loaded.decode(latents), model.decode(latents))
    np.testing.assert_array_equal(loaded.encode(Movie.from_array(recording)), latents)
    np.testing.assert_array_equal(loaded.latent_centres, model.latent_centres)
    np.testing.assert_array_equal(loaded.offset, model.offset)
    np.testing.assert_array_equal(loaded.var.predict(latents), model.var.predict(latents))
    np.testing.assert_array_equal(loaded.var.coefficients, model.var.coefficients)
    np.testing.assert_array_equal(loaded.var.lam, model.var.lam)
    for place in ({"fraction": 0.3}, {"nonzeros": 2}):
        np.testing.assert_array_equal(loaded.var.at(**place).coefficients, model.var.at(**place).coefficients)


def test_a_model_can_be_saved_again_where_it_came_from(folder: Path, recording) -> None:
    loaded = VARAutoencoder.load(folder, device="cpu")
    loaded.save(folder)
    again = VARAutoencoder.load(folder, device="cpu")
    np.testing.assert_array_equal(again.encode(recording), loaded.encode(recording))
    assert [path.name for path in folder.parent.iterdir()] == ["model"]  # nothing is left beside it


def test_what_made_the_model_is_written_beside_the_numbers(folder: Path) -> None:
    settings = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert {"python", "torch", "numpy", "safetensors", "napari-calcdyn"} <= settings["libraries"].keys()
    assert settings["config"]["order"] == 2
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}


def test_another_frame_size_is_refused(model) -> None:
    movie = Movie.from_array(np.zeros((5, 34, 30), np.uint16), name="other.tif")
    for use in (model.check, model.encode, model.normalised):
        with pytest.raises(InputError, match=r"30.*34") as error:
            use(movie)
        assert "\n" not in str(error.value)


def edit(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        settings = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        change(settings)
        (folder / "model.json").write_text(json.dumps(settings), encoding="utf-8")

    return apply


def cut_short(folder: Path) -> None:
    numbers = folder / "model.safetensors"
    os.truncate(numbers, numbers.stat().st_size // 2)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "numbers cut short": cut_short,
    "no numbers": lambda folder: (folder / "model.safetensors").unlink(),
    "empty numbers": lambda folder: (folder / "model.safetensors").write_bytes(b""),
    "noise for numbers": lambda folder: (folder / "model.safetensors").write_bytes(bytes(range(256)) * 9),
    "no such field": edit(lambda settings: settings.pop("scale")),
    "no frame shape": edit(lambda settings: settings.update(frame_shape=[30])),
    "other frame shape": edit(lambda settings: settings.update(frame_shape=[34, 30])),
    "larger frame shape": edit(lambda settings: settings.update(frame_shape=[60, 68])),
    "other number of latents": edit(lambda settings: settings.update(latents=15)),
    "words for a number": edit(lambda settings: settings.update(latents="many")),
    "setting out of bounds": edit(lambda settings: settings["config"].update(order=-1)),
    "other order": edit(lambda settings: settings["config"].update(order=3)),
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
    for name, value in tensors.items():
        save_file({key: tensors[key] for key in tensors if key != name}, numbers)
        assert "is damaged" in refusal(folder), name
        save_file(tensors | {name: value[:-1].contiguous()}, numbers)
        assert "is damaged" in refusal(folder), name


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    assert "no model folder" in refusal(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert "no model folder" in refusal(tmp_path / "file")
    assert "is not a model of napari-calcdyn" in refusal(tmp_path)
    for text in ("", "{", "[1, 2]", '"text"', '{"format": "a model of another program"}'):
        (tmp_path / "model.json").write_text(text, encoding="utf-8")
        assert "is not a model of napari-calcdyn" in refusal(tmp_path)
    (tmp_path / "model.json").write_bytes(b"\xff\xfe\x00\x93NUMPY")
    assert "is not a model of napari-calcdyn" in refusal(tmp_path)


def test_another_version_is_refused(folder: Path) -> None:
    edit(lambda settings: settings.update(version=99))(folder)
    assert "another version of napari-calcdyn" in refusal(folder)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("write", [torch.save, lambda trap, path: path.write_bytes(pickle.dumps(trap))])
def test_nothing_in_a_model_is_executed(folder: Path, tmp_path: Path, write: Callable[..., None]) -> None:
    mark = tmp_path / "executed"
    for name in ("model.safetensors", "model.json"):
        write(Trap(mark), folder / name)
        refusal(folder)
        assert not mark.exists()
    pickle.loads(pickle.dumps(Trap(mark)))  # the trap works
    assert mark.exists()


@pytest.fixture
def other(recording: NDArray[np.uint16]) -> VARAutoencoder:
    return fit(recording, latents=14, order=2, steps=10, seed=5)[0]


@pytest.mark.parametrize("at", ["numbers", "settings", "first move", "second move"])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_save_leaves_the_old_model(
    model, other, folder: Path, recording, monkeypatch: pytest.MonkeyPatch, at: str, failure: BaseException
) -> None:
    moves = []
    rename, write_text = Path.rename, Path.write_text

    def failing_rename(path: Path, target: Path) -> Path:
        moves.append(path)
        if len(moves) == {"first move": 1, "second move": 2}.get(at):
            raise failure
        return rename(path, target)

    def failing_write(path: Path, text: str, **options: Any) -> int:
        write_text(path, text[:20], **options)
        raise failure

    def failing_save(tensors: dict[str, torch.Tensor], path: Path) -> None:
        path.write_bytes(b"half")
        raise failure

    monkeypatch.setattr(Path, "rename", failing_rename)
    if at == "numbers":
        monkeypatch.setattr(checkpoint, "save_file", failing_save)
    if at == "settings":
        monkeypatch.setattr(Path, "write_text", failing_write)
    expected = InputError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as error:
        other.save(folder)
    monkeypatch.undo()
    if expected is InputError:
        assert "cannot be saved" in str(error.value)
        assert "No space left on device" in str(error.value)
    old = VARAutoencoder.load(folder, device="cpu")
    np.testing.assert_array_equal(old.encode(recording), model.encode(recording))
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_full_disk_is_one_sentence(model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"

    def full(tensors: dict[str, torch.Tensor], path: Path) -> None:
        save_file(tensors, gone / "numbers")  # what safetensors raises when it cannot write

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(InputError, match="cannot be saved to") as error:
        model.save(tmp_path / "model")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "model").exists()


def test_other_things_are_not_overwritten(model, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    for taken in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(InputError, match="holds files other than a model"):
            model.save(taken)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(model, tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(InputError, match="choose a folder that you may write to"):
        model.save(tmp_path / "model")


def test_a_folder_below_a_file_is_named(model, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="choose a folder that you may write to"):
        model.save(tmp_path / "file" / "model")


def test_what_somebody_keeps_beside_a_model_is_not_lost(model, folder: Path) -> None:
    notes = folder / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(InputError, match="files other than a model"):
        model.save(folder)
    assert notes.read_text() == "mine"


def test_another_program_s_model_is_not_overwritten(model, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(InputError, match="files other than a model"):
        model.save(tmp_path)
    assert (tmp_path / "model.json").read_text() == "{}"
