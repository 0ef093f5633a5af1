"""Write docs/performance.md from benchmarks/results/, every table with the command that made it."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = Path(__file__).with_name("performance.md")
# These benchmarks measure quality, not speed; other pages show their tables.
FINDINGS = {
    f"benchmarks/{name}.py"
    for name in (
        *(
            "artefacts",
            "avae_ablation",
            "behaviour_correlation",
            "comparison",
            "driven",
            "influence",
            "influence_real",
            "maps",
            "network",
        ),
        *("resolution", "resume", "semireal", "sequences", "sequences_real"),
    )
}
# Where a benchmark needs something that the other ones do not, its section says how to run it, also without a table.
NEEDS = {
    "benchmarks/gpu.py": [
        "`python benchmarks/gpu.py` needs a CUDA device and takes at most six minutes. It ends with PASS if the device",
        "computes what the processor computes, within single precision. `--quick` is its small form, which runs",
        "without such a device too. Its tables stand here once it has run on one.",
    ]
}


def purpose(script: str) -> str:
    """Return the first paragraph of a benchmark's docstring, as a heading."""
    docstring = ast.get_docstring(ast.parse((ROOT / script).read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split()).rstrip(".")


def page() -> str:
    """Return the text of the page."""
    by_script: dict[str, list[Path]] = {}
    for table in sorted(RESULTS.glob("*.md")):
        command = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))["command"]
        script = re.search(r"benchmarks/\w+\.py", command)
        if script is None:
            raise SystemExit(f"{table.name}: its command names no file of benchmarks/: {command}")
        if "--quick" not in command and script.group() not in FINDINGS:
            by_script.setdefault(script.group(), []).append(table)

    for script in NEEDS:
        by_script.setdefault(script, [])
    lines = [
        "# Performance",
        "",
        "Each table stands below the command that made it, with machine, date and versions. Other programs were",
        "measured in the same run. `make docs` makes this page from `benchmarks/results/`, and `make bench` runs",
        "the quick form of every benchmark on your own machine.",
    ]
    for script, tables in by_script.items():
        lines += ["", f"## {purpose(script)}"]
        if script in NEEDS:
            lines += ["", *NEEDS[script]]
        for table in tables:
            if len(tables) > 1:
                lines += ["", f"### {table.stem.replace('_', ' ').capitalize()}"]
            lines += ["", table.read_text(encoding="utf-8").strip()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE}")
