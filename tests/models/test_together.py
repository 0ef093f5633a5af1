"""One model for several recordings: nothing is predicted across the gaps, and each recording is split by itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from napari_calcdyn.analysis.influence import roi_influence
from napari_calcdyn.models.roi_var import fit_activity_var
from napari_calcdyn.models.sources import roi_activity
from napari_calcdyn.models.sources.frames import UsedFrames
from napari_calcdyn.models.sources.local_covariance import LocalCovariance
from napari_calcdyn.models.var import Selection, fit_var
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.networks import new_network
from napari_calcdyn.models.var_autoencoder.objective import MOST_FRAMES_IN_CHECK, Objective
from napari_calcdyn.models.var_autoencoder.pieces import encode_pieces
from napari_calcdyn.models.var_autoencoder.split import Split
from napari_calcdyn.models.var_autoencoder.tiled_frames import TiledFrames
from napari_calcdyn.models.var_autoencoder.windows import NormalisedMovie
from napari_calcdyn.recording import InputError, Movie, RoiSet
from napari_calcdyn.recording.movies import arranged, join
from napari_calcdyn.recording.movies.corrections import nothing_corrected
from napari_calcdyn.recording.ranges import GAP
from napari_calcdyn.simulate import simulate_movie

TRIALS, FRAMES = 12, 40
CELLS = np.array([[8, 8], [8, 24], [24, 8]])


def rois() -> RoiSet:
    labels = np.zeros((32, 32), int)
    for number, (y, x) in enumerate(CELLS, start=1):
        labels[y - 3 : y + 3, x - 3 : x + 3] = number
    return RoiSet(
        csr_array(np.stack([(labels == it).ravel() / 36 for it in (1, 2, 3)])), np.arange(1, 4), (32, 32)
    )


def trials() -> list[Movie]:
    """Cell 1 flashes or dims in the last frame of each trial, and cell 2 does the same in the first of the next one."""
    rng = np.random.default_rng(0)
    found = list(rng.normal(100, 1, (TRIALS, FRAMES, 32, 32)))
    for frames in found:
        frames[-1, 5:11, 5:11] += rng.choice((50, -50))
    for before, after in pairwise(found):
        after[0, 5:11, 21:27] += before[-1, 5:11, 5:11].mean() - 100
    return [
        Movie.from_array(frames.astype(np.float32), name=f"trial {number}")
        for number, frames in enumerate(found)
    ]


@pytest.fixture(scope="module")
def joined() -> Movie:
    return join(trials())


@pytest.fixture(scope="module")
def concatenated(joined: Movie) -> Movie:
    parts = [joined.frames(it.frames.start, it.frames.stop) for it in joined.parts]
    return Movie.from_array(np.concatenate(parts))


def test_no_cell_drives_another_across_a_gap(joined: Movie, concatenated: Movie) -> None:
    across, within = (roi_influence(movie, rois()) for movie in (concatenated, joined))
    assert across.strength[1, 0] > 0.8  # without the gaps, the end of a trial predicts the next one
    assert abs(within.strength[1, 0]) < 0.2
    activity = roi_activity(joined, rois())
    assert fit_activity_var(activity, 1).moments.samples == TRIALS * (FRAMES - 2)  # two lags of the own past
    assert fit_activity_var(roi_activity(concatenated, rois()), 1).moments.samples == TRIALS * FRAMES - 2


def test_shot_noise_and_covariance_of_cells_take_no_difference_across_a_gap() -> None:
    darker = trials()[0].frames(0, FRAMES) - 30
    movies = [trials()[0], Movie.from_array(darker)]
    noise = [
        LocalCovariance.of(UsedFrames(movie), 2, 4).noise for movie in (*movies, join(movies, levelled=False))
    ]
    np.testing.assert_allclose(noise[2], (noise[0] + noise[1]) / 2, rtol=1e-4)


def test_latents_predict_nothing_across_a_gap(joined: Movie, concatenated: Movie) -> None:
    model = VARAutoencoder(latents=16, steps=10).fit(joined, device="cpu")
    split = Split.of(joined, model.config)
    known = sum(map(len, split.stretches[: 2 * TRIALS]))
    assert model.var.moments.samples == known - 2 * TRIALS  # the first frame of each stretch has no past
    assert model.metrics["frames"] == TRIALS * FRAMES
    latents = model.encode(joined)
    np.testing.assert_array_equal(np.isfinite(latents).all(1), joined.valid_frames)
    predicted = model.var.predict(latents)
    starts = [it.frames.start for it in joined.parts]
    np.testing.assert_allclose(
        predicted[starts], np.tile(model.var.mean.astype(np.float32), (TRIALS, 1)), rtol=1e-5
    )
    last, first = (np.abs(latents[[it.frames[at] for it in joined.parts]]).mean(0).argmax() for at in (-1, 0))
    within, across = (
        fit_var(it, 1, Selection("fraction", 0.2)).standardised[0, first, last]
        for it in (latents, model.encode(concatenated))
    )
    assert abs(within) < 0.1
    assert abs(across) > 0.3


def test_every_recording_is_split_by_itself() -> None:
    movie = join(
        [Movie.from_array(np.random.default_rng(k).random((n, 8, 8))) for k, n in enumerate((60, 100))]
    )
    split = Split.of(movie, VARAutoencoderConfig())
    spans = [range(43), range(65, 137), range(43, 48), range(137, 145), range(48, 60), range(145, 165)]
    assert split.stretches == spans
    assert split.training == 43 + GAP + 72 + GAP
    assert split.known == split.training + 5 + GAP + 8 + GAP
    parts = arranged(movie, split.stretches)
    assert parts.n_frames == split.known + split.held_out == 160 + 5 * GAP
    np.testing.assert_array_equal(
        parts.frames(split.known, split.known + 12), movie.frames(48, 60)
    )  # the first that are held out
    before, after = split.around_borders(48)
    for found, theirs in ((before, ((19, 43), (113, 137))), (after, ((43, 48), (137, 145)))):
        for it, (start, stop) in zip(found, theirs, strict=True):
            np.testing.assert_array_equal(parts.frames(it.start, it.stop), movie.frames(start, stop))
    short = join([Movie.from_array(np.random.default_rng(0).random((n, 8, 8))) for n in (20, 100)])
    with pytest.raises(InputError, match="movie has 20 frames and training of order 4 needs at least 24 of"):
        Split.of(short, VARAutoencoderConfig(order=4))


def test_a_recording_without_usable_frames_at_its_end_is_named_before_training() -> None:
    whole, cut = (
        Movie.from_array(np.random.default_rng(0).random((60, 8, 8)), name=it) for it in ("whole", "cut")
    )
    usable = np.ones(60, bool)
    usable[48::2] = False  # half of its frames, none of which has a usable one before it
    none = replace(nothing_corrected(cut.shape), valid_frames=usable)
    movie = join([whole.corrected(nothing_corrected(whole.shape)), cut.corrected(none)])
    with pytest.raises(InputError, match="cut has no usable frames at its end"):
        Split.of(movie, VARAutoencoderConfig())


def test_every_recording_is_validated_on_and_nothing_across_a_gap() -> None:
    config = VARAutoencoderConfig(latents=9, order=2, mode="two-stage", steps=10)
    rng = np.random.default_rng(0)
    movies = rng.standard_normal((2, 60, 16, 16)).astype(np.float32)

    def losses() -> dict[str, float]:
        movie = join([Movie.from_array(it) for it in movies], levelled=False)
        split = Split.of(movie, config)
        network = new_network(config, movie.frame_shape, 9)
        normalised = NormalisedMovie(
            arranged(movie, split.stretches), np.zeros((16, 16), np.float32), 1.0, torch.device("cpu")
        )
        frames = TiledFrames(normalised, network)
        task = Objective(network, frames, split, config, 0, torch.zeros(frames.used.shape))
        after = split.around_borders(MOST_FRAMES_IN_CHECK)[1]
        latents, valid, _ = encode_pieces(network, frames, network.within(frames.used), 2, after)
        assert valid is not None
        assert latents.shape[1] == valid.shape[1] == sum(map(len, after)) + 2
        assert not valid[0, len(after[0]) : len(after[0]) + 2].any()
        return task.validate(0, 1)[1]

    first = losses()
    movies[1, 43:48] *= 2  # validation frames of the second recording
    second = losses()
    assert second["held_out_reconstruction"] > 1.5 * first["held_out_reconstruction"]
    movies[0, 20:43] *= 3  # what is known of the first one
    assert losses()["held_out_prediction"] != second["held_out_prediction"]


def test_one_recording_is_split_as_ever() -> None:
    movie = simulate_movie(frames=100, height=16, width=16, dynamic=1, silent=0, flicker=0).movie
    split = Split.of(Movie.from_array(movie), VARAutoencoderConfig())
    assert (split.training, split.validation, split.held_out) == (72, 8, 20)
    assert split.stretches == [range(100)]
