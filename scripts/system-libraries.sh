#!/usr/bin/env bash
# Checks for the system libraries that Qt and a virtual display need on Linux, and installs missing ones where it may.
set -euo pipefail
[ "$(uname -s)" = Linux ] || exit 0

# A library is looked for by its file, because the names of packages differ between releases.
libraries="
libEGL.so.1 libegl1
libGL.so.1 libgl1
libOpenGL.so.0 libopengl0
libdbus-1.so.3 libdbus-1-3
libfontconfig.so.1 libfontconfig1
libglib-2.0.so.0 libglib2.0-0
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-randr.so.0 libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0 libxcb-shape0
libxcb-xinerama.so.0 libxcb-xinerama0
libxcb-xkb.so.1 libxcb-xkb1
"
PATH=$PATH:/sbin:/usr/sbin
known=$(ldconfig -p 2>/dev/null || true)
missing=()
while read -r library package; do
    if [ -n "$library" ] && ! grep -qF "$library" <<<"$known"; then missing+=("$package"); fi
done <<<"$libraries"
if [ -z "${DISPLAY:-}" ]; then
    command -v Xvfb >/dev/null && command -v xvfb-run >/dev/null || missing+=(xvfb)
    command -v xauth >/dev/null || missing+=(xauth)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing system libraries that the window needs: ${missing[*]}"
    install=(apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}")
    # The list of packages may be absent or old; it is fetched only where the first try fails.
    if DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null 2>&1; then exit 0; fi
    if apt-get update --quiet=2 >/dev/null && DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null; then exit 0; fi
    echo "They could not be installed; the message of apt-get is above." >&2
    exit 1
fi
if command -v apt-get >/dev/null; then
    echo "The window needs system libraries that are missing; run: sudo apt-get install ${missing[*]}" >&2
else
    echo "The window needs system libraries that are missing; install what your system calls (Debian's names): ${missing[*]}" >&2
fi
exit 1
