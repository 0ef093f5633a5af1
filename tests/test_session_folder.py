"""A session on disk is the old one or the new one, and nothing in it is believed."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_calcdyn.jobs.saved.contents import Kept, Part
from napari_calcdyn.jobs.saved.result_session import results_as_session
from napari_calcdyn.jobs.saved.session_folder import is_session, read_session, write_session
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.packed import load_packed, save_packed


def rooms(number: int, made_of: object = None) -> dict[str, Kept]:
    part = Part((made_of or number,), lambda place, _: (place / "number.txt").write_text(str(number)))
    return {"numbers": Kept({"number": number}, {"one": part})}


def number_in(folder: Path) -> tuple[int, int]:
    saved = read_session(folder)["numbers"]
    return saved.values["number"], int((saved.parts["one"] / "number.txt").read_text())


def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    folder, same = tmp_path / "some.calcdyn", object()
    written = write_session(folder, rooms(1, same))
    written = write_session(folder, rooms(2, same), written)
    assert number_in(folder) == (2, 1)
    write_session(folder, rooms(3, object()), written)
    assert number_in(folder) == (3, 3)
    assert sorted(it.name for it in folder.iterdir()) == ["numbers-one-2", "session.json"]


def test_parts_made_of_texts_and_of_arrays_are_told_apart() -> None:
    drawn, image = (Part((it, "{}"), lambda *_: None) for it in ("digest", np.zeros((2, 2))))
    assert not drawn.same(image)
    assert not image.same(drawn)


@pytest.mark.parametrize("step", ["part", "json", "after"])
def test_a_saving_that_is_killed_leaves_a_whole_session(tmp_path: Path, step: str) -> None:
    folder = tmp_path / "some.calcdyn"
    write_session(folder, rooms(1))
    script = f"""
import os, signal
from pathlib import Path
from napari_calcdyn.jobs.saved import session_folder as it
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
def write(place, _):
    (place / "number.txt").write_text("2")
    if {step!r} == "part": die()
if {step!r} == "json": it.os.fsync = die
if {step!r} == "after": it._remove_others = die
it.write_session(Path({str(folder)!r}), {{"numbers": it.Kept({{"number": 2}}, {{"one": it.Part((2,), write)}})}})
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert number_in(folder) == ((2, 2) if step == "after" else (1, 1))
    write_session(folder, rooms(3))
    assert number_in(folder) == (3, 3)
    assert len(list(folder.iterdir())) == 2  # what was left half-written is gone


def test_a_part_stays_where_it_is_under_another_name(tmp_path: Path) -> None:
    folder, part = tmp_path / "some.calcdyn", rooms(1)["numbers"].parts["one"]
    written = write_session(folder, rooms(1) | {"numbers": Kept({}, {"one": part})})
    write_session(folder, {"numbers": Kept({}, {"other": part}), "others": Kept({}, {"one": part})}, written)
    found = read_session(folder)
    assert found["numbers"].parts["other"] == folder / "numbers-one-1"
    assert found["others"].parts["one"] == folder / "others-one-1"


def test_a_session_of_a_newer_version_is_not_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "some.calcdyn"
    write_session(folder, rooms(1))
    text = (folder / "session.json").read_text().replace('"version": 1', '"version": 2')
    (folder / "session.json").write_text(text)
    with pytest.raises(InputError, match="newer version"):
        write_session(folder, rooms(2))
    assert (folder / "session.json").read_text() == text


def test_results_of_several_recordings_in_one_are_of_one_joined_recording(tmp_path: Path) -> None:
    inputs = [{"kind": "movie", "name": name, "files": [[name, 1]]} for name in ("a.tif", "b.tif")]
    text = json.dumps({"provenance": {"inputs": inputs}})
    (tmp_path / "metrics.json").write_text(text)
    found = results_as_session(tmp_path)["recording"].values
    assert [it["name"] for it in found["movie"]["recordings"]] == ["a.tif", "b.tif"]
    assert found["others"] == []


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2\n")
    with pytest.raises(InputError, match="holds something that is no session"):
        write_session(tmp_path, rooms(1))
    assert [it.name for it in tmp_path.iterdir()] == ["data.csv"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "something else"}, "holds no session"),
        ({"version": 2}, "newer version"),
        ({"rooms": [1]}, "is damaged"),
        ({"rooms": {"numbers": {"values": {}, "parts": {"one": "../../etc"}}}}, "outside of itself"),
        ({"rooms": {"numbers": {"values": {}, "parts": {"one": "numbers-one-9"}}}}, "is missing"),
    ],
)
def test_a_session_that_was_tampered_with_is_refused(tmp_path: Path, change: dict, sentence: str) -> None:
    folder = tmp_path / "some.calcdyn"
    write_session(folder, rooms(1))
    content = json.loads((folder / "session.json").read_text()) | change
    (folder / "session.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=sentence):
        read_session(folder)


def test_links_out_of_a_session_and_broken_files_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "some.calcdyn"
    write_session(folder, rooms(1))
    (tmp_path / "outside").mkdir()
    os.rename(folder / "numbers-one-1", tmp_path / "away")
    (folder / "numbers-one-1").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="is missing"):
        read_session(folder)
    (folder / "session.json").write_text("[" * 100_000)
    assert not is_session(folder)
    with pytest.raises(InputError, match="is damaged"):
        read_session(folder)


def test_arrays_are_read_without_running_anything(tmp_path: Path) -> None:
    file, ran = tmp_path / "some.npz", tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(ran),)

    np.savez(file, **{"array.x": np.array([Bomb()], object), "values": "{}"})
    with pytest.raises(InputError, match=r"some\.npz is damaged"):
        load_packed(file)
    file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match=r"some\.npz is damaged"):
        load_packed(file)
    assert not ran.exists()
    np.savez_compressed(
        file, **{"array.x": np.zeros(10**7), "values": "{}"}
    )  # small, and large when it is read
    with pytest.raises(InputError, match=r"some\.npz is damaged"):
        load_packed(file)
    save_packed(file, {"x": np.arange(3), "names": np.array(["ä", "b"])}, {"n": [1, None]})
    arrays, values = load_packed(file)
    assert values == {"n": [1, None]}
    assert arrays["x"].tolist() == [0, 1, 2]
    assert arrays["names"].tolist() == ["ä", "b"]
