"""Largest memory of this process."""

from __future__ import annotations

import re
from pathlib import Path


def peak_rss_mb() -> float | None:
    """Return the largest memory of this process so far, in MB (10⁶ bytes); None if it is unknown."""
    try:
        # Linux: getrusage would count the memory of the process that started this one.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        kilobytes = re.search(r"VmHWM:\s+(\d+) kB", status)
        return round(int(kilobytes[1]) * 1024 / 1e6, 1) if kilobytes else None
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 1)  # macOS counts in bytes
