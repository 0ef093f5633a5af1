#!/usr/bin/env bash
# Builds what is published and tries it as a user would: scripts/release.sh [PYTHON, default .venv/bin/python]
# dist/ is replaced only when everything has passed.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
python=$(cd "$(dirname "${1:-.venv/bin/python}")" && pwd)/python
place=$(mktemp -d "$root/.release.XXXXXX") # beside dist/, so that moving it there is one step
trap 'rm -rf "$place"' EXIT
trap 'echo "Not released: the step above failed; dist/ is as it was." >&2' ERR
export PIP_CONSTRAINT=$root/constraints.txt PIP_BUILD_CONSTRAINT=$root/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1

step() { printf '\n== %s\n' "$*"; }

step "The source, and the wheel from that source"
"$python" -m build --outdir "$place/dist" .
step "What the package index would refuse"
"$python" -m twine check --strict "$place"/dist/*

wheel=$(echo "$place"/dist/*.whl)
for qt in pyside6 pyqt6; do
    step "The wheel with $qt in a fresh environment"
    "$python" -m venv "$place/$qt"
    "$place/$qt/bin/python" -m pip install -qq --no-input "$wheel[$qt]"
    cd "$place" # away from the source, so that only the installed plugin can be found
    step "calcdyn demo with $qt"
    CI=1 "$place/$qt/bin/calcdyn" demo --out "$place/demo-$qt"
    step "The window with $qt"
    QT_QPA_PLATFORM=offscreen "$root/scripts/with-display.sh" "$place/$qt/bin/python" "$root/scripts/open_window.py" "$qt"
    cd "$root"
    rm -rf "${place:?}/$qt" "$place/demo-$qt"
done

rm -rf dist
mv "$place/dist" dist
step "Built, checked and tried, with both Qt; in dist/:"
ls -l dist
