#!/usr/bin/env bash
# Checks that the built pages need no other host, and that no formula was left as text: scripts/check-site.sh [FOLDER, default site]
set -euo pipefail
cd "$(dirname "$0")/.."
site=${1:-site}

absent() { # PATTERN SENTENCE: prints where the pattern occurs in a page, and fails
    local status=0
    grep -rnoE --include='*.html' "$1" "$site" >&2 || status=$?
    if [ $status != 1 ]; then echo "$2" >&2; exit 1; fi
}
absent '<(script|img|iframe|source)[^>]* src="?(https?:)?//[^>]*' "These pages fetch something from another host."
absent '<link[^>]* rel="?(stylesheet|preconnect|preload)[^>]*(https?:)?//[^>]*' "These pages fetch a style from another host."
absent '(class="arithmatex"|:math:<code>).{0,80}' "These formulas were not set; docs/formulas.py does that."
