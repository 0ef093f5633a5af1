from __future__ import annotations

import pytest

from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.recording import InputError


def test_presets_differ_in_effort() -> None:
    steps = [VARAutoencoderConfig.preset(name).steps for name in ("quick", "standard", "thorough")]
    assert steps[0] < steps[1] < steps[2]


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("fast", {}, "no preset 'fast': choose quick, standard or thorough"),
        ("quick", {"order": 0}, "'order'.*greater than or equal to 1"),
        ("quick", {"latents": 3}, "'latents'.*greater than or equal to 4"),
        ("quick", {"mode": "both"}, "'mode'.*'end-to-end' or 'two-stage'"),
        ("quick", {"held_out": float("nan")}, "'held_out'"),
    ],
)
def test_a_wrong_setting_is_named(name: str, changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        VARAutoencoderConfig.preset(name, **changes)
    assert "\n" not in str(error.value)
