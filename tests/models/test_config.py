from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from napari_calcdyn.models.config import VARAutoencoderConfig
from napari_calcdyn.recording import InputError


@pytest.mark.parametrize("name", VARAutoencoderConfig.model_fields)
def test_every_setting_has_a_label_a_help_text_a_group_and_bounds(name: str) -> None:
    field = VARAutoencoderConfig.model_fields[name]
    assert field.title
    assert field.description
    assert field.description.endswith(".")
    assert field.json_schema_extra["group"] in {"Network", "Dynamics", "Training"}
    schema = VARAutoencoderConfig.model_json_schema()["properties"][name]
    kinds = schema.get("anyOf", [schema])
    for kind in kinds:
        if kind.get("type") in {"integer", "number"}:
            assert {"minimum", "exclusiveMinimum"} & set(kind)
            assert "maximum" in kind


def test_presets_differ_in_effort_and_take_changes() -> None:
    steps = [VARAutoencoderConfig.preset(name).steps for name in ("quick", "standard", "thorough")]
    assert steps[0] < steps[1] < steps[2]
    changed = VARAutoencoderConfig.preset("quick", order=3, steps=77)
    assert (changed.order, changed.steps) == (3, 77)
    assert VARAutoencoderConfig.preset("standard") == VARAutoencoderConfig()


def test_settings_survive_json() -> None:
    config = VARAutoencoderConfig.preset("thorough", latents=50, mode="two-stage", prediction_weight=0.3)
    assert VARAutoencoderConfig(**json.loads(json.dumps(config.model_dump()))) == config


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        VARAutoencoderConfig().order = 2


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("fast", {}, "no preset 'fast': choose quick, standard or thorough"),
        ("quick", {"order": 0}, "'order'.*greater than or equal to 1"),
        ("quick", {"latents": 3}, "'latents'.*greater than or equal to 4"),
        ("quick", {"mode": "both"}, "'mode'.*'end-to-end' or 'two-stage'"),
        ("quick", {"gamma": 1}, "'gamma'"),
        ("quick", {"held_out": float("nan")}, "'held_out'"),
    ],
)
def test_a_wrong_setting_is_named(name: str, changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        VARAutoencoderConfig.preset(name, **changes)
    assert "\n" not in str(error.value)
