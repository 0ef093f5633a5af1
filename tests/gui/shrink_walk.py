"""Find a short sequence of actions that still goes wrong: ``python tests/gui/shrink_walk.py walk.jsonl [words]``.

Parts of a walk that `random_walk.py` has written are left out for as long as its replay still crashes, or still prints
the words. The shortest one is in ``walk.short.jsonl``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

WALK = Path(__file__).with_name("random_walk.py")


def shrink(actions: Sequence[str], still_wrong: Callable[[list[str]], bool]) -> list[str]:
    """Leave out parts, ever smaller ones, for as long as what is left is still wrong."""
    left, part = list(actions), max(1, len(actions) // 2)
    while True:
        for start in range(len(left) - part, -1, -part):
            shorter = left[:start] + left[start + part :]
            if shorter != left and still_wrong(shorter):
                left = shorter
        if part == 1:
            return left
        part //= 2


def goes_wrong(actions: list[str], words: str) -> bool:
    """Replay a walk in a process of its own; one that ends with a signal has crashed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "walk.jsonl"
        file.write_text("\n".join(actions))
        command = [sys.executable, str(WALK), "--replay", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    return words in done.stdout + done.stderr if words else done.returncode < 0


def main() -> None:
    """Shrink a walk, and say so after each part that could be left out."""
    file, words = Path(sys.argv[1]), " ".join(sys.argv[2:])
    short = file.with_suffix(".short.jsonl")

    def still_wrong(actions: list[str]) -> bool:
        wrong = goes_wrong(actions, words)
        if wrong:
            short.write_text("\n".join(actions) + "\n")
            print(f"{len(actions)} actions go wrong as well", flush=True)
        return wrong

    shrink(file.read_text().splitlines(), still_wrong)


if __name__ == "__main__":
    main()
