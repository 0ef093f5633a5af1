"""The distance between latents follows the cells of large recordings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_calcdyn import Movie
from napari_calcdyn.models.var_autoencoder.spacing import latent_spacing
from napari_calcdyn.recording.movies.corrections import nothing_corrected
from napari_calcdyn.recording.quality.signal import measure_cell_diameter

SIZE = 320


def recording(diameter: float, frames: int = 48, noise: float = 0.2) -> NDArray[np.float32]:
    """Return discs that light up for several frames, in a large picture."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE]
    movie = random.normal(10, noise, (frames, SIZE, SIZE))
    for _ in range(60):
        at, start = random.uniform(20, SIZE - 20, 2), random.integers(frames - 8)
        movie[start : start + 8, np.hypot(y - at[0], x - at[1]) < diameter / 2] += 2
    return movie.astype(np.float32)


@pytest.mark.parametrize(("diameter", "spacing"), [(5, (8, 8)), (12, (8.5, 9.5)), (30, (10, 10))])
def test_it_is_three_quarters_of_a_cell_within_limits(diameter: float, spacing: tuple[float, float]) -> None:
    movie = Movie.from_array(recording(diameter))
    least, most = spacing
    assert least <= latent_spacing(movie) <= most
    assert latent_spacing(movie) == latent_spacing(movie)


def test_small_recordings_have_the_least() -> None:
    assert latent_spacing(Movie.from_array(recording(30)[:, :250, :250])) == 8


def test_without_activity_there_are_few_latents() -> None:
    noise = np.random.default_rng(0).normal(10, 1, (48, SIZE, SIZE)).astype(np.float32)
    assert latent_spacing(Movie.from_array(noise)) == pytest.approx(SIZE / 32)


def test_masked_frames_have_no_say() -> None:
    clean = recording(18)
    flash = clean.copy()
    flash[3:5] += 100 * (np.hypot(*np.mgrid[:SIZE, :SIZE]) < 200)
    valid = np.ones(len(flash), bool)
    valid[3:5] = False
    corrections = replace(nothing_corrected(flash.shape), valid_frames=valid)
    masked = Movie.from_array(flash).corrected(corrections)
    expected = measure_cell_diameter(Movie.from_array(clean))
    assert measure_cell_diameter(masked) == pytest.approx(expected, rel=0.1)
    assert measure_cell_diameter(Movie.from_array(flash)) != pytest.approx(expected, rel=0.1)
