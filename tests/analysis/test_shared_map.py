"""One map of several recordings: it keeps what is known of each, is read again, and takes recordings to come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_calcdyn import InputError, KindEncoder, SharedMap, Traces, map_recordings
from napari_calcdyn.analysis.neurons.across import accuracy_across


def dish(seed: int, frame_rate: float = 20.0, seconds: float = 30.0) -> Traces:
    """Neurons with few large events, and then as many with many small ones; the last trace is constant."""
    rng = np.random.default_rng(seed)
    samples = round(seconds * frame_rate)
    traces = []
    for rate, height in [(0.1, 10.0)] * 12 + [(1.0, 3.0)] * 12:
        spikes = rng.random(samples) < rate / frame_rate
        spikes[samples // 3] = True
        kernel = height * np.exp(-np.arange(samples) / (0.5 * frame_rate))
        traces.append(np.convolve(spikes, kernel)[:samples] + rng.normal(size=samples))
    return Traces.from_array([*traces, np.ones(samples)], frame_rate=frame_rate, name=f"dish {seed}")


KINDS = np.repeat(["few", "many"], 12)


@pytest.fixture(scope="module")
def fitted() -> tuple[KindEncoder, list[Traces], SharedMap]:
    dishes = [dish(0), dish(1, frame_rate=30.0), dish(2, seconds=20.0)]
    encoder = KindEncoder(latent=3).fit(dishes)
    labels = {"dish": ("a", "b", "b"), "condition": ("x", "y", "y")}
    return encoder, dishes, map_recordings(encoder, dishes, labels=labels)


def test_kinds_are_told_across_recordings_of_other_rate_and_length(
    fitted: tuple[KindEncoder, list[Traces], SharedMap],
) -> None:
    _, _, found = fitted
    known = found.known
    assert known.sum() == 72
    told, chance = accuracy_across(found.latents[known], np.tile(KINDS, 3), found.recording[known], k=5)
    assert told > 0.9
    assert chance == pytest.approx(0.5)


def test_rows_know_their_recording(fitted: tuple[KindEncoder, list[Traces], SharedMap]) -> None:
    _, _, found = fitted
    assert found.names == ("dish 0", "dish 1", "dish 2")
    np.testing.assert_array_equal(found.recording, np.repeat([0, 1, 2], 25))
    np.testing.assert_array_equal(found.ids, np.tile(np.arange(25), 3))
    np.testing.assert_array_equal(found.dishes, np.repeat(["a", "b", "b"], 25))
    np.testing.assert_array_equal(found.label("condition"), np.repeat(["x", "y", "y"], 25))
    assert not found.known[24::25].any()
    assert np.isnan(found.tsne[24::25]).all()
    assert (found.cluster[24::25] == -1).all()


def test_table_is_read_again(fitted: tuple[KindEncoder, list[Traces], SharedMap], tmp_path: Path) -> None:
    _, _, found = fitted
    found.write_csv(tmp_path / "neurons.csv")
    again = SharedMap.read_csv(tmp_path / "neurons.csv")
    assert (again.names, again.labels) == (found.names, found.labels)
    for part in ("recording", "ids", "latents", "tsne", "cluster"):
        np.testing.assert_array_equal(getattr(again, part), getattr(found, part))


def test_later_recordings_are_placed_beside_neurons_of_their_kind(
    fitted: tuple[KindEncoder, list[Traces], SharedMap],
) -> None:
    encoder, _, found = fitted
    later = map_recordings(encoder, [dish(7)], names=["later"], labels={"dish": ["c"]}, onto=found)
    np.testing.assert_array_equal(later.tsne[:75], found.tsne)
    np.testing.assert_array_equal(later.cluster[:75], found.cluster)
    assert later.labels == {"dish": ("a", "b", "b", "c"), "condition": ("x", "y", "y", "")}
    old, new = later.tsne[:75][found.known], later.tsne[75:99]
    nearest = np.linalg.norm(new[:, None] - old, axis=2).argmin(axis=1)
    assert (np.tile(KINDS, 3)[nearest] == KINDS).mean() > 0.9


def test_what_does_not_fit(fitted: tuple[KindEncoder, list[Traces], SharedMap], tmp_path: Path) -> None:
    encoder, dishes, found = fitted
    for words, options in (
        ("has 1 values for 3 recordings", {"labels": {"dish": ["a"]}}),
        ("cannot be called 'cluster'", {"labels": {"cluster": "abc"}}),
        ("cannot be called 'mu_1'", {"labels": {"mu_1": "abc"}}),
        ("dish is there twice", {"names": ["dish", "dish", "other"]}),
        ("one is there twice or missing", {"names": ["dish"]}),
        ("dish 0 is there twice", {"onto": found}),
    ):
        with pytest.raises(InputError, match=words):
            map_recordings(encoder, dishes, **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="There is no recording"):
        map_recordings(encoder, [])
    with pytest.raises(InputError, match="made of 3 numbers"):
        map_recordings(KindEncoder(latent=2).fit(dishes[:1]), dishes[:1], names=["new"], onto=found)
    (tmp_path / "neurons.csv").write_text("roi_id,mu_1,tsne_1,tsne_2,cluster\n0,1,1,1,0\n", encoding="utf-8")
    with pytest.raises(InputError, match="no map of several recordings"):
        SharedMap.read_csv(tmp_path / "neurons.csv")
    (tmp_path / "neurons.csv").write_text(
        "recording,roi_id,mu_1,tsne_1,tsne_2,cluster\na,0,one,1,1,0\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match="is damaged"):
        SharedMap.read_csv(tmp_path / "neurons.csv")
