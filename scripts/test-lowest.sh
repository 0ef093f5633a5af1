#!/usr/bin/env bash
# Runs the tests with the lowest versions that pyproject.toml allows: scripts/test-lowest.sh FOLDER [REQUIREMENT …]
# A requirement, as in torch==2.13.0, stands in place of the lowest one.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
shift
python=${PYTHON:-python3.11} # the lowest, too
"$python" -m venv --clear "$venv"
"$venv/bin/python" scripts/lowest.py "$@" >"$venv/lowest.txt"
echo "Installing the lowest versions into $venv:" $(<"$venv/lowest.txt")
unset PIP_CONSTRAINT
PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install -qq --no-input --constraint "$venv/lowest.txt" --editable ".[pyqt6,test]"
scripts/with-display.sh "$venv/bin/python" -m pytest -W default tests/recording tests/simulate tests/models tests/analysis tests/test_cli.py tests/gui/test_plugin.py
