"""Pickled .npy files are read, and never run."""

from __future__ import annotations

import datetime
import os
import pathlib
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_input import Runs

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.saved_arrays import load_array


def save(path: Path, thing: Any, protocol: int = 4) -> Path:
    """As numpy.save does it, with the pickle's protocol of choice."""
    array = np.empty((), object)
    array[()] = thing
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        pickle.dump(array, file, protocol=protocol)
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_plain_things_are_read(tmp_path: Path, protocol: int) -> None:
    things = {
        "array": np.arange(6.0).reshape(2, 3),
        "bools": np.array([True, False]),
        "texts": np.array(["a", "bc"]),
        "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "nested": np.array([{"x": np.float32(1.5)}, [1, (2, None)]], dtype=object),
        "number": np.float64(0.25),
        "bytes": b"\xff\x00",
        "when": datetime.datetime(2024, 5, 1, 12, 30),
        "ordered": OrderedDict(a=1),
    }
    found = load_array(save(tmp_path / "a.npy", things, protocol)).item()
    assert found.keys() == things.keys()
    for name in ("array", "bools", "texts", "fortran"):
        np.testing.assert_array_equal(found[name], things[name])
    assert found["nested"].tolist() == [{"x": 1.5}, [1, (2, None)]]
    assert [found[name] for name in ("number", "bytes", "when", "ordered")] == [
        things[name] for name in ("number", "bytes", "when", "ordered")
    ]


def test_paths_become_texts(tmp_path: Path) -> None:
    found = load_array(
        save(tmp_path / "a.npy", [pathlib.PurePosixPath("/data/x"), pathlib.PureWindowsPath("c:/x")])
    )
    assert found.item()[0].endswith("data/x")


def test_numpy_writes_what_is_read(tmp_path: Path) -> None:
    plain = np.arange(6, dtype=np.int16).reshape(2, 3)
    np.save(tmp_path / "a.npy", plain)
    np.testing.assert_array_equal(load_array(tmp_path / "a.npy"), plain)
    ragged = np.array([np.arange(3.0), np.arange(5.0)], dtype=object)
    np.save(tmp_path / "b.npy", ragged, allow_pickle=True)
    assert [len(row) for row in load_array(tmp_path / "b.npy")] == [3, 5]


def test_code_in_a_file_is_never_run(tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    attacks = [
        Runs(os.system, f"touch '{mark}'"),
        Runs(eval, f"open({str(mark)!r}, 'w')"),
        Runs(exec, f"open({str(mark)!r}, 'w')"),
        Runs(open, str(mark), "w"),
        Runs(getattr, np.ndarray, "tofile"),
        Runs(np.load, str(tmp_path / "other.npy")),
        Runs(Path.touch, mark),
        Runs(__import__, "subprocess"),
    ]
    for attack in attacks:
        for hidden in (attack, [attack], {"ypix": attack}, np.array([attack], object)):
            path = save(tmp_path / "stat.npy", hidden)
            with pytest.raises(InputError, match=r"^stat.npy asks for .*could run code and is refused: \w+"):
                load_array(path)
    assert not mark.exists()
    np.load(save(tmp_path / "stat.npy", attacks[0]), allow_pickle=True)
    assert mark.exists(), "the attack works on an ordinary reader"


class Forged:
    """An array whose parts do not belong together."""

    def __init__(self, dtype: object, shape: object, content: object) -> None:
        self.state = 1, shape, dtype, False, content

    def __reduce__(self) -> Any:
        rebuild = np.empty(0).__reduce__()[0]
        return rebuild, (np.ndarray, (0,), b"b"), self.state


def test_arrays_are_never_larger_than_their_bytes(tmp_path: Path) -> None:
    """Nor are bytes taken for objects: both would hand memory to whoever wrote the file."""
    right = load_array(save(tmp_path / "a.npy", Forged(np.dtype("<i2"), (2,), b"\1\0\2\0"))).item()
    assert right.tolist() == [1, 2]
    number = np.float64(0).__reduce__()[0]
    for wrong in (
        Forged(np.dtype("i2"), (3,), b"1234"),
        Forged(np.dtype("i2"), (-1, -2), b"1234"),
        Forged(np.dtype("i8"), (2**61,), b""),
        Forged(np.dtype(object), (1,), b"12345678"),
        Forged(np.dtype(object), (2,), [1]),
        Forged(np.dtype("i8"), (1,), [1]),
        Forged(np.dtype([("a", "i4"), ("b", object)]), (1,), b"123456789012"),
        Runs(number, np.dtype("f8"), b"1234"),
        Runs(number, np.dtype(object), b"12345678"),
    ):
        with pytest.raises(InputError, match=r"^a.npy is truncated or no .npy file"):
            load_array(save(tmp_path / "a.npy", wrong))


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.arange(1000.0))
    whole = path.read_bytes()
    pickled = save(tmp_path / "b.npy", {"x": np.arange(1000.0)}).read_bytes()
    for content in (
        whole[:5000],
        whole[:100],
        whole[:8],
        b"",
        b"text",
        pickled[:3000],
        pickled[:130],
        b"PK\3\4" * 99,
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"^a.npy is truncated or no .npy file: copy it again"):
            load_array(path)
    with pytest.raises(InputError, match=r"^b\.npy holds no array"):
        load_array(save_bare(tmp_path / "b.npy"))
    with pytest.raises(InputError, match="could not be opened: "):
        load_array(tmp_path)


def save_bare(path: Path) -> Path:
    """A header that promises objects, and a list after it."""
    array = np.empty((), object)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        pickle.dump([1, 2], file)
    return path


def test_times_with_a_zone(tmp_path: Path) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=-4), "EDT")
    when = datetime.datetime(2026, 11, 27, 8, 8, tzinfo=zone)
    found = load_array(save(tmp_path / "a.npy", [when, when - when])).item()
    assert found == [when, datetime.timedelta(0)]
    assert found[0].tzinfo == zone


def raw_pickle(path: Path, content: bytes) -> Path:
    with path.open("wb") as file:
        header = np.lib.format.header_data_from_array_1_0(np.empty((), object))
        np.lib.format.write_array_header_1_0(file, header)
        file.write(content)
    return path


def test_a_file_cannot_reserve_memory_by_a_number(tmp_path: Path) -> None:
    """Each of these would make Python's own reader fill gigabytes."""
    number = 2**27
    binary = pickle.LONG_BINPUT + number.to_bytes(4, "little")
    array = save(tmp_path / "whole.npy", {"x": np.arange(3)}).read_bytes()[128:]
    bundled = binary + array[11:]  # after the protocol and the start of the frame
    frame = pickle.FRAME + len(bundled).to_bytes(8, "little")
    for put in (
        b"]" + binary + b".",
        b"]" + pickle.PUT + str(number).encode() + b"\n.",
        array[:2] + pickle.FRAME + (7).to_bytes(8, "little") + b"]" + binary + b".",
        array[:2] + frame + bundled,
        pickle.BYTEARRAY8 + (2**62).to_bytes(8, "little") + b"abc.",
        pickle.BINBYTES + (2**31).to_bytes(4, "little") + b"abc.",
    ):
        with pytest.raises(InputError, match=r"^a.npy is truncated or no .npy file"):
            load_array(raw_pickle(tmp_path / "a.npy", put))
    lying = tmp_path / "b.npy"
    for shape in ((2**31,), (2**40,), (2**62, 4)):
        with lying.open("wb") as file:
            header = {"descr": "<f8", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.write(bytes(64))
        with pytest.raises(InputError, match=r"^b.npy is truncated"):
            load_array(lying)
    with pytest.raises(InputError, match=r"^a.npy is truncated"):
        load_array(save(tmp_path / "a.npy", Forged(np.dtype("S0"), (2**40,), b"")))


def test_a_file_leaves_nothing_behind(tmp_path: Path) -> None:
    """It cannot give attributes to what reads the next file, nor hide behind those of what it holds."""
    mark = b"}S'mark'\nI1\nsb."
    for named in (b"cpathlib\nPath\n", b"cnumpy._core.multiarray\nscalar\n", b"c_codecs\nencode\n"):
        with pytest.raises(InputError, match=r"holds no array"):
            load_array(raw_pickle(tmp_path / "a.npy", named + mark))
    for named in (b"cnumpy\ndtype\n", b"ccollections\nOrderedDict\n", b"cdatetime\ntimezone\n"):
        with pytest.raises(InputError, match=r"is truncated or no .npy file"):
            load_array(raw_pickle(tmp_path / "a.npy", named + mark))
    from napari_calcdyn.recording import saved_arrays

    assert not any(hasattr(it, "mark") for it in vars(saved_arrays).values())
    ordered = OrderedDict(x=1)
    ordered.get = 5  # type: ignore[assignment, method-assign]
    with pytest.raises(InputError, match=r"is truncated or no .npy file"):
        load_array(save(tmp_path / "a.npy", ordered))
