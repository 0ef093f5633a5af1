"""Whether files are the same as before, without opening them as what they are."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

_PARTS, _BYTES = 8, 65_536  # what is read of a large file


def files_fingerprint(path: Path) -> str:
    """Describe a file, or all files of a folder, so that changed ones have another description.

    Unlike `recording.movies.identity`, it needs no reader, so that it knows ROIs, models and damaged files, too.

    Parameters
    ----------
    path : Path
        File or folder; it may be missing.

    Returns
    -------
    str
        Digest of names, sizes, times of modification and some of the content.
    """
    digest = hashlib.sha256()
    files = sorted(it for it in path.rglob("*") if it.is_file()) if path.is_dir() else [path]
    for file in files:
        try:
            stat = file.stat()
            digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
            with file.open("rb") as content:
                last = max(0, stat.st_size - _BYTES)
                for at in sorted(set(np.linspace(0, last, _PARTS).astype(int).tolist())):
                    content.seek(at)
                    digest.update(content.read(_BYTES))
        except OSError as error:  # the job says what is wrong with it
            digest.update(f"{file}\0{type(error).__name__}\0".encode())
    return digest.hexdigest()
