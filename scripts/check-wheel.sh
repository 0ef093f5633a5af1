#!/usr/bin/env bash
# Builds the wheel, installs it apart from the source, and validates the manifest that users will get.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(cd "$(dirname "${1:-.venv/bin/python}")" && pwd)/python
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

export PIP_DISABLE_PIP_VERSION_CHECK=1
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$place/wheel" .
"$python" -m pip install --quiet --no-deps --target "$place/installed" "$place"/wheel/*.whl

cd "$place" # away from the source tree, so that only the wheel's files can be found
PYTHONPATH=$place/installed "$python" - <<'PYTHON'
import re
import sys
from importlib import metadata, resources
from pathlib import Path

import napari_calcdyn
from npe2 import PluginManifest

installed = Path(sys.path[1] if sys.path[0] == "" else sys.path[0]).resolve()
package = Path(napari_calcdyn.__file__).resolve().parent
if installed not in package.parents:
    sys.exit(f"The wheel was not what Python imported: {package} is not below {installed}.")
if not (package / "py.typed").exists():
    sys.exit("The wheel lacks py.typed.")
manifest = PluginManifest.from_distribution("napari-calcdyn")
manifest.validate_imports()
icon = manifest.icon
if icon and ":" in icon and "://" not in icon:
    module, name = icon.split(":", 1)
    if not (resources.files(module) / name).is_file():
        sys.exit(f"The wheel lacks the icon {icon}.")

from napari_calcdyn.gui.help.pages import CONTENTS, PANEL_PAGES, SHORTCUTS, page_file, pages_root

if package not in pages_root().parents:
    sys.exit(f"The help window would not look for its pages in the wheel, but in {pages_root()}.")
for name in {CONTENTS, SHORTCUTS, *(it.partition("#")[0] for it in PANEL_PAGES.values())}:
    if not page_file(name).is_file():
        sys.exit(f"The wheel lacks the page {name}, which the help window shows.")
    for picture in re.findall(r"!\[.*?\]\((.+?)\)", page_file(name).read_text(encoding="utf-8")):
        if not page_file(picture).is_file():
            sys.exit(f"The wheel lacks {picture}, which the page {name} shows.")
print(f"Manifest of the built wheel {metadata.version('napari-calcdyn')}: every command can be imported, and the pages of the panels are there.")
PYTHON
PYTHONPATH=$place/installed "$(dirname "$python")/npe2" validate napari-calcdyn
