"""The public interface: its page is complete, and the scripts on it run and are as short as they should be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_calcdyn as cd

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
MOST_LINES = 6


def recording(folder: Path) -> None:
    """What the scripts open: a movie, and the traces of 24 neurons, one of them silent."""
    random = np.random.default_rng(0)
    simulated = cd.simulate_movie(frames=120, height=48, width=48, dynamic=6, silent=1, flicker=1, seed=0)
    tifffile.imwrite(folder / "movie.tif", simulated.movie)
    plane = folder / "suite2p" / "plane0"
    plane.mkdir(parents=True)
    traces = (
        100 + 10 * np.sin(np.arange(150) / random.uniform(3, 9, (24, 1))) + random.normal(0, 1, (24, 150))
    )
    traces[5] = 0
    np.save(plane / "F.npy", traces.astype(np.float32))
    np.save(plane / "ops.npy", np.array({"fs": 10.0}), allow_pickle=True)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    """What each script leaves behind; its folder stays the current one, as paths on the page are relative."""
    folder = tmp_path_factory.mktemp("scripts")
    recording(folder)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for script in SCRIPTS:
            names: dict[str, Any] = {"print": lambda *_: None}
            exec(script, names)
            found.append(names)
        yield folder, found


def test_scripts_are_short() -> None:
    assert [len(script.strip().replace("\n\n", "\n").splitlines()) <= MOST_LINES for script in SCRIPTS] == [
        True
    ] * 2


def test_a_movie_becomes_maps_that_can_be_read_again(results: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, (names, _) = results
    maps, model, movie = names["maps"], names["model"], names["movie"]
    assert maps.explained.shape == movie.frame_shape
    again = cd.ContributionMaps.load(folder / "maps")
    for name in ("explained", "amplitude", "sources"):
        np.testing.assert_array_equal(getattr(again, name), getattr(maps, name))
    loaded = cd.VARAutoencoder.load(folder / "model")
    np.testing.assert_array_equal(loaded.encode(movie), model.encode(movie))
    frames = movie.frames(0, 10)
    expected = model.decode(model.var.predict(model.encode(frames)))
    np.testing.assert_array_equal(model.predict(frames), expected)


def test_suite2p_becomes_a_map_of_neurons(results: tuple[Path, list[dict[str, Any]]]) -> None:
    _, (_, names) = results
    assert names["places"].shape == (23, 2)
    assert np.isfinite(names["places"]).all()


def test_every_public_name_is_there_and_on_the_page() -> None:
    described = set(re.findall(r"^::: napari_calcdyn\..*\.(\w+)$", PAGE, re.MULTILINE))
    assert set(cd.__all__) - {"__version__"} == described
    assert all(callable(getattr(cd, name)) for name in described)


@pytest.mark.parametrize("kind", [cd.VARAutoencoder, cd.AVAE])
def test_a_model_that_is_not_fitted_says_so(kind: Any, tmp_path: Path) -> None:
    model = kind(preset="quick")
    for use in (lambda: model.network, lambda: model.metrics, lambda: model.save(tmp_path / "model")):
        with pytest.raises(cd.InputError, match="is not fitted yet: call fit, or"):
            use()
    assert not hasattr(model, "network")
    assert not (tmp_path / "model").exists()
    with pytest.raises(AttributeError, match="has no attribute 'wings'"):
        _ = model.wings


def test_settings_are_given_once() -> None:
    config = cd.VARAutoencoder(preset="quick", order=2).config
    assert (config.order, config.steps) == (2, 25)
    with pytest.raises(cd.InputError, match="Settings were given twice"):
        cd.VARAutoencoder(config, order=3)
    with pytest.raises(cd.InputError, match="no preset 'fast'"):
        cd.AVAE(preset="fast")


def test_a_fit_that_fails_leaves_the_model_as_it_was() -> None:
    movie = cd.Movie.from_array(
        cd.simulate_movie(frames=120, height=48, width=48, dynamic=6, silent=0, flicker=0).movie
    )
    model = cd.VARAutoencoder(steps=10, latents=8).fit(movie, device="cpu")
    var = model.var
    with pytest.raises(cd.InputError, match="constant"):
        model.fit(cd.Movie.from_array(np.ones((120, 48, 48), np.float32)), device="cpu")
    assert model.var is var
