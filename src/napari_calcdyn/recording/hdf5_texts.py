"""A check that the HDF5 library lacks."""

from __future__ import annotations

import mmap
import os
from typing import BinaryIO

_TEXTS = b"GCOL\1\0\0\0"  # how a block of texts of any length begins
_SEARCHED_BYTES = 2**26


def check_texts(raw: BinaryIO) -> None:
    """Refuse a file with a block of texts in which the HDF5 library would go round for ever.

    It steps from one text to the next by their lengths, also by a length of zero. Blocks are looked for at both ends of
    the file, as it may be larger than what can be read in a moment.

    Parameters
    ----------
    raw : binary file
        Open for reading.

    Raises
    ------
    ValueError
        If there is such a block, or the file is empty.
    """
    size = os.fstat(raw.fileno()).st_size
    with mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for first, last in ((0, _SEARCHED_BYTES), (max(_SEARCHED_BYTES, size - _SEARCHED_BYTES), size)):
            block = content.find(_TEXTS, first, last)
            while block >= 0:
                end = min(size, block + int.from_bytes(content[block + 8 : block + 16], "little"))
                at = block + 16
                while at + 16 <= end:
                    length = int.from_bytes(content[at + 8 : at + 16], "little")
                    if content[at : at + 2] != b"\0\0":  # else it is unused space, header included
                        length = (16 + -(-length // 8) * 8) % 2**64
                    if not length:
                        raise ValueError("a block of texts is damaged")
                    at += length
                block = content.find(_TEXTS, block + 16, last)
