"""Write docs/settings.md from the config model, so that the page cannot disagree with the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_calcdyn.models.config import VARAutoencoderConfig

PAGE = Path(__file__).with_name("settings.md")
PRESETS = ("quick", "standard", "thorough")
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


def page() -> str:
    """Return the text of the page."""
    schema = VARAutoencoderConfig.model_json_schema()
    presets = {name: VARAutoencoderConfig.preset(name) for name in PRESETS}
    groups: dict[str, list[str]] = {}
    for name, field in schema["properties"].items():
        unit = f" ({field['unit']})" if field.get("unit") else ""
        values = [shown(getattr(preset, name)) for preset in presets.values()]
        cells = [
            f"**{field['title']}**{unit}<br>`{name}`",
            field["description"],
            allowed(field, schema.get("$defs", {})),
            *values,
        ]
        row = "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        groups.setdefault(field.get("group", "General"), []).append(row)

    lines = [
        "# Settings",
        "",
        "Every setting of the ℓ1-VAR autoencoder, made from the program's own definition by `make docs`.",
        "The *Dynamics* dock shows the same titles, bounds and explanations; in Python they are fields of",
        "`VARAutoencoderConfig`. The last three columns are the presets.",
    ]
    for group, rows in groups.items():
        lines += [
            "",
            f"## {group}",
            "",
            "| Setting | What it does | Accepts | " + " | ".join(PRESETS) + " |",
            "|---|---|---|" + "---|" * len(PRESETS),
            *rows,
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE}")
