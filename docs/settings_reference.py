"""Write docs/settings.md from the settings models, so that the page cannot disagree with the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_calcdyn.models.avae import AVAEConfig
from napari_calcdyn.models.kinds import KindConfig
from napari_calcdyn.models.settings import Settings
from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig

PAGE = Path(__file__).with_name("settings.md")
MODELS: dict[type[Settings], tuple[str, str]] = {
    VARAutoencoderConfig: ("Dynamics: the ℓ1-VAR autoencoder", "Panel *Dynamics* and `calcdyn run`"),
    AVAEConfig: ("Neurons: the AVAE", "Panel *Neurons* and `calcdyn neurons`"),
    KindConfig: ("Neurons of several recordings: their kinds", "`calcdyn neurons` with several inputs"),
}
BOUNDS = {"minimum": "≥ ", "exclusiveMinimum": "> ", "maximum": "≤ ", "exclusiveMaximum": "< "}


def shown(value: Any) -> str:
    """Return a value as the table shows it."""
    if value is None:
        return "automatic"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def allowed(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Return the values that a field accepts, from its part of the JSON schema."""
    if "$ref" in schema:
        return allowed(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    if "anyOf" in schema:
        return " or ".join(allowed(part, definitions) for part in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    bounds = [sign + shown(schema[key]) for key, sign in BOUNDS.items() if key in schema]
    names = {"integer": "whole number", "number": "number", "boolean": "on or off", "null": "automatic"}
    return ", ".join([names.get(schema.get("type", ""), schema.get("type", "")), *bounds])


def tables(config: type[Settings]) -> list[str]:
    """Return a heading and a table for each group of a model's settings, with a column for each preset."""
    schema = config.model_json_schema()
    presets = {name: config.preset(name) for name in config.presets}
    groups: dict[str, list[str]] = {}
    for name, field in schema["properties"].items():
        unit = f" ({field['unit']})" if field.get("unit") else ""
        cells = [
            f"**{field['title']}**{unit}<br>`{name}`",
            field["description"],
            allowed(field, schema.get("$defs", {})),
            *(shown(getattr(preset, name)) for preset in presets.values()),
        ]
        row = "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        groups.setdefault(field["group"], []).append(row)

    lines = []
    for group, rows in groups.items():
        lines += [
            "",
            f"### {group}",
            "",
            "| Setting | What it does | Accepts | " + " | ".join(presets) + " |",
            "|---|---|---|" + "---|" * len(presets),
            *rows,
        ]
    return lines


def page() -> str:
    """Return the text of the page."""
    lines = [
        "# Settings",
        "",
        "This page lists every setting of the models. `make docs` makes it from the program's own definition.",
        "The panels and the command line show the same titles, bounds and explanations.",
        "The last columns are the presets.",
        "",
        "The *Dynamics* panel says above *Train* what a training with these settings takes in time and memory, and"
        " `calcdyn run` does so before it begins ([more](command_line.md#what-a-run-takes)).",
    ]
    for config, (title, places) in MODELS.items():
        lines += [
            "",
            f"## {title}",
            "",
            f"{places}; in Python, the fields of `{config.__name__}`.",
            *tables(config),
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE}")
