from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from napari_calcdyn.models.avae.config import AVAEConfig
from napari_calcdyn.models.settings import Settings
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.settings import setting

MODELS: tuple[type[Settings], ...] = (VARAutoencoderConfig, AVAEConfig)
FIELDS = [(model, name) for model in MODELS for name in model.model_fields]
PRESETS = [(model, name) for model in MODELS for name in model.presets]


@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_every_setting_has_a_label_a_help_text_a_group_and_bounds(model: type[Settings], name: str) -> None:
    field = model.model_fields[name]
    assert field.title
    assert field.description
    assert field.description.endswith(".")
    assert field.json_schema_extra["group"] in {"Network", "Dynamics", "Objective", "Training"}
    schema = model.model_json_schema()["properties"][name]
    kinds = schema.get("anyOf", [schema])
    for kind in kinds:
        if kind.get("type") in {"integer", "number"}:
            assert {"minimum", "exclusiveMinimum"} & set(kind)
            assert "maximum" in kind


@pytest.mark.parametrize("model", MODELS)
def test_no_two_settings_look_alike(model: type[Settings]) -> None:
    titles = [field.title for field in model.model_fields.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(("model", "name"), PRESETS)
def test_a_preset_survives_json(model: type[Settings], name: str) -> None:
    config = model.preset(name)
    assert model(**json.loads(json.dumps(config.model_dump()))) == config


@pytest.mark.parametrize("model", MODELS)
def test_standard_is_the_default_and_presets_differ(model: type[Settings]) -> None:
    made = [model.preset(name) for name in model.presets]
    assert model.preset("standard") == model()
    assert all(one != other for place, one in enumerate(made) for other in made[:place])


@pytest.mark.parametrize(("model", "name"), PRESETS)
def test_a_preset_takes_changes(model: type[Settings], name: str) -> None:
    changed = model.preset(name, patience=77, learning_rate=0.25)
    assert changed.model_dump() == {**model.preset(name).model_dump(), "patience": 77, "learning_rate": 0.25}


@pytest.mark.parametrize("model", MODELS)
def test_settings_cannot_be_changed_afterwards(model: type[Settings]) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        model().patience = 2


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patience": 0}, "'patience'.*greater than or equal to 1"),
        ({"learning_rate": float("nan")}, "'learning_rate'"),
        ({"gamma": 1}, "'gamma'"),
        ({"patience": "long"}, "'patience'.*valid integer"),
    ],
)
def test_a_wrong_setting_is_named(model: type[Settings], changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        model.preset("quick", **changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("model", MODELS)
def test_a_wrong_preset_is_told_the_right_ones(model: type[Settings]) -> None:
    with pytest.raises(InputError, match="no preset 'fast': choose ") as error:
        model.preset("fast")
    assert all(name in str(error.value) for name in model.presets)


def test_where_a_setting_stands_and_in_what_unit() -> None:
    assert setting("Training", "Steps", 1).json_schema_extra == {"group": "Training"}
    assert setting("Training", "Length", 1, unit="frames").json_schema_extra == {
        "group": "Training",
        "unit": "frames",
    }


def test_the_preset_paper_is_as_published() -> None:
    """Abante et al. (2025), §2.5, and its public code."""
    published = {
        "architecture": "paper",
        "skip": False,
        "error_unit": "scaled",
        "pull": 0.0,
        "warm_up": 0.0,
        "learning_rate": 0.005,
        "decay": "exponential",
        "epochs": 200,
        "patience": 5,
        "least_improvement": 0.005,
    }
    assert published.items() <= AVAEConfig.preset("paper").model_dump().items()
