#!/usr/bin/env bash
# Runs a command that opens windows, on a virtual display where Linux has none: scripts/with-display.sh COMMAND …
set -euo pipefail
if [ "$(uname -s)" = Linux ] && [ -z "${DISPLAY:-}" ]; then
    export QT_QPA_PLATFORM=xcb # a Wayland session would otherwise draw these windows on the real screen
    exec xvfb-run --auto-servernum --server-args "-screen 0 1600x1000x24" "$@"
fi
exec "$@"
