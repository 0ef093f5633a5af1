"""Traces: missing samples, problems, files, Eq. 4."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bad_input import Runs, refuses

from napari_calcdyn.recording import Scaling, Traces, open_traces

random = np.random.default_rng(0)


def save_objects(path: Path, things: list[object]) -> Path:
    table = np.empty(len(things), object)
    table[:] = things
    np.save(path, table, allow_pickle=True)
    return path


def suite2p(folder: Path, f: np.ndarray, neuropil: np.ndarray | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "F.npy", f.astype(np.float32))
    if neuropil is not None:
        np.save(folder / "Fneu.npy", neuropil.astype(np.float32))
    np.save(folder / "ops.npy", np.array({"fs": 7.5, "nplanes": 4}), allow_pickle=True)
    return folder


def test_problems_are_kept_and_flagged() -> None:
    values = random.normal(size=(5, 40))
    values[1] = 3
    values[2] = np.nan
    values[3, :39] = np.nan
    values[4, 5:9] = np.inf
    traces = Traces(values, np.array([10, 20, 30, 40, 50]), frame_rate=5)
    assert traces.problems == (None, "constant", "no valid samples", "constant", None)
    assert traces.usable.tolist() == [True, False, False, False, True]
    assert (len(traces), traces.samples, traces.values.dtype) == (5, 40, np.float32)
    assert traces.mask.sum(1).tolist() == [40, 40, 0, 1, 36]
    assert np.isnan(traces.values[~traces.mask]).all()
    good = traces.select(traces.usable)
    assert good.ids.tolist() == [10, 50]
    assert good.frame_rate == 5
    np.testing.assert_array_equal(traces.select([4, 0]).values, traces.values[[4, 0]])
    refuses("No trace of traces is left", traces.select, np.zeros(5, bool))


def test_given_arrays_stay_as_they_are() -> None:
    values = np.array([[1, np.inf, 2]], np.float32)
    assert np.isnan(Traces(values, np.array([0])).values[0, 1])
    assert np.isinf(values[0, 1])


def test_masks() -> None:
    values = random.normal(size=(3, 20)).astype(np.float32)
    mask = random.random((3, 20)) > 0.3
    traces = Traces.from_array(values, mask=mask)
    np.testing.assert_array_equal(traces.mask, mask)
    np.testing.assert_array_equal(traces.values[mask], values[mask])
    np.testing.assert_array_equal(Traces.from_array(values, mask=mask.astype(int)).mask, mask)
    refuses("The mask for traces must be 3 × 20", Traces.from_array, values, mask=mask[:, 1:])
    refuses("The mask for traces must be 3 × 20", Traces.from_array, values, mask=mask * 2)


def test_unequal_lengths_need_a_mask() -> None:
    rows = [random.normal(size=length) for length in (5, 9, 7)]
    refuses(r"unequal lengths \(5 to 9 samples\): fill", Traces.from_array, rows)
    mask = np.arange(9) < np.array([[5], [9], [7]])
    traces = Traces.from_array(rows, mask=mask)
    np.testing.assert_array_equal(traces.mask, mask)
    np.testing.assert_allclose(traces.values[2, :7], rows[2], rtol=1e-6)


def test_bad_traces() -> None:
    refuses("traces has 1 axis", Traces.from_array, np.ones(9))
    refuses("traces has 3 axes", Traces.from_array, np.ones((2, 3, 9)))
    refuses("true/false", Traces.from_array, np.ones((2, 3), bool))
    refuses("complex", Traces.from_array, np.ones((2, 3), complex))
    refuses("holds no traces", Traces.from_array, np.ones((0, 3)))
    refuses("holds no traces", Traces.from_array, [])
    refuses("no trace: save", Traces.from_array, [["a", "b"]])
    refuses("no list of traces", Traces.from_array, 5)
    refuses("2 traces but 3 ids", Traces, np.ones((2, 9)), np.arange(3))
    refuses("same id for two traces", Traces, np.ones((2, 9)), np.zeros(2, int))
    refuses("frame rate of -1", Traces.from_array, np.ones((2, 9)), frame_rate=-1)


def test_npy(tmp_path: Path) -> None:
    values = random.normal(size=(3, 20))
    values[0, 3] = np.nan
    path = tmp_path / "traces.npy"
    np.save(path, values)
    traces = open_traces(path, frame_rate=20)
    np.testing.assert_array_equal(traces.values, values.astype(np.float32))
    assert (traces.frame_rate, traces.name, traces.unit) == (20, "traces.npy", "fluorescence")
    assert traces.ids.tolist() == [0, 1, 2]
    assert json.loads(json.dumps(traces.provenance))["file"] == str(path)
    mask = np.ones((3, 20))
    mask[1, 4] = 0
    np.save(tmp_path / "mask.npy", mask)
    assert np.argwhere(~open_traces(path, mask=tmp_path / "mask.npy").mask).tolist() == [[0, 3], [1, 4]]
    refuses("There is no file", open_traces, path, mask=tmp_path / "none.npy")


def test_npy_of_unequal_traces(tmp_path: Path) -> None:
    path = save_objects(tmp_path / "traces.npy", [np.arange(5.0), np.arange(9.0)])
    refuses("traces.npy has traces of unequal lengths", open_traces, path)
    traces = open_traces(path, mask=np.arange(9) < np.array([[5], [9]]))
    assert traces.mask.sum(1).tolist() == [5, 9]
    save_objects(path, [np.arange(5.0), Runs(print, "hello")])
    refuses("traces.npy asks for builtins.print, which could run code", open_traces, path)


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "traces.csv"
    values = random.normal(size=(4, 30))
    np.savetxt(path, values, delimiter=",")
    np.testing.assert_array_equal(open_traces(path).values, values.astype(np.float32))
    path.write_text("1, 2,,3\nnan,5,6,7\n\n", encoding="utf-8-sig")
    np.testing.assert_array_equal(open_traces(path).values, [[1, 2, np.nan, 3], [np.nan, 5, 6, 7]])
    path.write_text("1,5;2,5\r\n3;4\r\n", encoding="utf-8")
    np.testing.assert_array_equal(open_traces(path).values, [[1.5, 2.5], [3, 4]])
    path.write_text("1\t2\n3\t4\n", encoding="utf-8")
    np.testing.assert_array_equal(open_traces(path).values, [[1, 2], [3, 4]])


def test_bad_csv(tmp_path: Path) -> None:
    path = tmp_path / "traces.csv"
    path.write_text("1,2\n3,cell 7\n", encoding="utf-8")
    refuses(r"traces.csv has text in row 2, column 2 \('cell 7'\): leave only", open_traces, path)
    path.write_text("neuron 1,neuron 2\n3,bad\n4,5\n", encoding="utf-8")
    refuses(r"text in row 2, column 2 \('bad'\)", open_traces, path)
    path.write_text("1,2,3\n4,5\n", encoding="utf-8")
    refuses("unequal lengths", open_traces, path)
    path.write_text("", encoding="utf-8")
    refuses("holds no traces", open_traces, path)
    path.write_bytes(b"\xff\xfe\x00\x01\x81")
    refuses("traces.csv is no text", open_traces, path)
    refuses("There is no file", open_traces, tmp_path / "none.csv")
    (tmp_path / "traces.ods").write_bytes(b"PK")
    refuses("traces.ods is a workbook of another kind: save the sheet", open_traces, tmp_path / "traces.ods")
    (tmp_path / "traces.doc").write_bytes(b"PK")
    refuses("traces.doc holds no traces: choose", open_traces, tmp_path / "traces.doc")


def test_truncated_npy(tmp_path: Path) -> None:
    path = tmp_path / "traces.npy"
    np.save(path, np.ones((9, 99)))
    path.write_bytes(path.read_bytes()[:-9])
    refuses("traces.npy is truncated", open_traces, path)


def test_suite2p(tmp_path: Path) -> None:
    f, neuropil = random.normal(100, 9, (4, 50)), random.normal(50, 9, (4, 50))
    f[2] = 0  # what suite2p saves for an ROI whose pixels all belong to others too
    folder = suite2p(tmp_path / "suite2p" / "plane2", f, neuropil)
    traces = open_traces(tmp_path)
    np.testing.assert_allclose(traces.values[[0, 1, 3]], (f - 0.7 * neuropil)[[0, 1, 3]], atol=1e-4)
    assert traces.problems == (None, None, "constant", None)
    assert traces.frame_rate == 7.5, "fs is that of one plane"
    assert traces.provenance == {"file": str(folder), "neuropil": {"coefficient": 0.7}}
    np.testing.assert_allclose(open_traces(folder, neuropil=None).values, f, rtol=1e-6)
    assert open_traces(folder, frame_rate=30).frame_rate == 30
    mask = np.ones((4, 50))
    mask[0] = 0
    assert open_traces(folder, mask=mask).problems[0] == "no valid samples"
    np.save(folder / "Fneu.npy", neuropil[:3])
    refuses("F.npy and Fneu.npy .* differ in size", open_traces, folder)
    (folder / "Fneu.npy").unlink()
    np.testing.assert_allclose(open_traces(folder).values, f, rtol=1e-6)
    assert open_traces(folder).provenance["neuropil"] is None
    np.save(folder / "F.npy", f[0])
    refuses("F.npy has 1 axis", open_traces, folder)
    (folder / "F.npy").unlink()
    np.save(folder / "stat.npy", np.zeros(3))
    refuses("holds no F.npy, in which suite2p saves its traces", open_traces, folder)


@pytest.mark.parametrize("per", ["recording", "trace"])
def test_scaling_there_and_back(per: str) -> None:
    values = random.normal(300, 40, (6, 80)).astype(np.float32)
    values[2] = 17
    values[3] = np.nan
    values[4, 10:20] = np.nan
    scaling = Scaling.fit(values, per)  # type: ignore[arg-type]
    scaled = scaling.apply(values)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(values))
    np.testing.assert_allclose(scaling.invert(scaled), values, atol=1e-4)
    low, high = np.nanmin(values), np.nanmax(values)
    if per == "recording":
        assert (scaling.low.shape, scaling.span.shape) == ((), ())
        np.testing.assert_allclose(scaled, (values - low) / (high - low) - 0.5, atol=1e-6)
        assert (np.nanmin(scaled), np.nanmax(scaled)) == (-0.5, 0.5)
    else:
        assert (scaling.low.shape, scaling.span.shape) == ((6, 1), (6, 1))
        np.testing.assert_array_equal(
            scaled[[0, 1, 4, 5]].min(1, where=~np.isnan(scaled[[0, 1, 4, 5]]), initial=9), -0.5
        )
        np.testing.assert_array_equal(
            scaled[[0, 1, 4, 5]].max(1, where=~np.isnan(scaled[[0, 1, 4, 5]]), initial=-9), 0.5
        )
        np.testing.assert_array_equal(scaled[2], -0.5)


def test_scaling_of_integers_and_of_nothing() -> None:
    np.testing.assert_array_equal(
        Scaling.fit(np.array([[0, 10]], np.uint16)).apply([[0, 5, 10]]), [[-0.5, 0, 0.5]]
    )
    empty = Scaling.fit(np.full((2, 5), np.nan))
    assert np.isnan(empty.apply(np.full((2, 5), np.nan))).all()
    refuses("scaled per 'neuron'", Scaling.fit, np.ones((2, 5)), "neuron")


def test_real_suite2p(data_folder: Path) -> None:
    traces = open_traces(data_folder / "suite2p_plane0")
    assert traces.values.shape == (219, 2000)
    assert traces.frame_rate == 10
    # suite2p saved zeros for 47 ROIs that lie wholly within others.
    assert (traces.usable.sum(), set(traces.problems)) == (172, {None, "constant"})
    assert open_traces(data_folder / "formats" / "suite2p").frame_rate == 10
