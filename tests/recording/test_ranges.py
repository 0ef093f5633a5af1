"""Stretches of time as text."""

from __future__ import annotations

import pytest

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.ranges import format_ranges, frames_in, parse_ranges, stretches


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0:250", [range(250)]),
        (" 10 : 20 ", [range(10, 20)]),
        (":250", [range(250)]),
        ("250:", [range(250, 500)]),
        (":", [range(500)]),
        ("400:500,0:100", [range(100), range(400, 500)]),
    ],
)
def test_stretches_as_people_write_them(text: str, expected: list[range]) -> None:
    assert parse_ranges(text, 500) == expected
    assert parse_ranges(format_ranges(expected), 500) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is no stretch of time"),
        ("10-20", "“10-20” is no stretch of time"),
        ("1:2:3", "is no stretch of time"),
        ("0:501", "has 500 frames"),
        ("500:", "“500:” starts after the recording, which has 500 frames"),
        ("20:20", "holds no frame"),
        ("30:20", "holds no frame"),
        ("0:100, 99:200", "The stretches 0:100, 99:200 overlap"),
    ],
)
def test_what_is_no_stretch_is_refused_in_one_sentence(text: str, part: str) -> None:
    with pytest.raises(InputError, match=part) as caught:
        parse_ranges(text, 500)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_frames_in_stretches() -> None:
    ranges = [range(3), range(7, 9)]
    assert frames_in(ranges, 10).nonzero()[0].tolist() == [0, 1, 2, 7, 8]
    assert stretches(frames_in(ranges, 10)) == ranges
