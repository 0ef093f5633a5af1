#!/usr/bin/env bash
# Makes the environment that every make target uses: scripts/set-up.sh [FOLDER, default .venv]
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
has_venv() { "$1" -c 'import venv, ensurepip' >/dev/null 2>&1; }

find_python() {
    local candidate without_venv=
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        new_enough "$candidate" || continue
        if has_venv "$candidate"; then
            echo "$candidate"
            return
        fi
        without_venv=${without_venv:-$candidate}
    done
    if [ -n "$without_venv" ]; then
        local package
        package=$("$without_venv" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        echo "$without_venv has no venv module with ensurepip; install it (Debian, Ubuntu: apt-get install $package) and run this again." >&2
    else
        echo "Python 3.11 or newer is needed and ${PYTHON:-python3} is $("${PYTHON:-python3}" --version 2>/dev/null || echo missing); install python3.12 and run this again." >&2
    fi
    return 1
}

if ! new_enough "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    "$python" -m venv --clear "$venv"
fi

echo "Installing the versions in constraints.txt into $venv (once; a few minutes)"
# -qq keeps errors and drops warnings. The two variables make the pins hold for the build backend too, in older and newer versions of pip.
export PIP_CONSTRAINT=$PWD/constraints.txt PIP_BUILD_CONSTRAINT=$PWD/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1
if ! "$venv/bin/python" -m pip install -qq --no-input --editable ".[pyqt6,test,lint,docs,bench,release]"; then
    echo "pip could not install the packages; its message is above. Mend that and run the same command again." >&2
    exit 1
fi
