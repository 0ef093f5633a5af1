"""The dock *Recording*: choose a movie, see what it is, compute its mean frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QAbstractButton, QComboBox, QFileDialog, QLabel, QSizePolicy
from superqt.utils import signals_blocked

from napari_calcdyn.gui.docks.dock import caption
from napari_calcdyn.gui.docks.message import duration
from napari_calcdyn.gui.docks.more import MoreButton
from napari_calcdyn.gui.docks.side_dock import SideDock
from napari_calcdyn.gui.forms.number import frame_rate_box
from napari_calcdyn.gui.forms.pieces import beside, button, wrapped
from napari_calcdyn.gui.forms.rows import in_rows
from napari_calcdyn.gui.opening.dialog import look_box
from napari_calcdyn.gui.plots.theme import PlotColours
from napari_calcdyn.gui.saved.example import MAKING
from napari_calcdyn.gui.saved.menu import open_in_place
from napari_calcdyn.gui.saved.opening import opens_as_session
from napari_calcdyn.gui.saved.row import SessionRow
from napari_calcdyn.jobs.scripts.dynamics import check_script
from napari_calcdyn.recording.movies import recorded_frames

from .file_rows import FileRows, part_boxes
from .findings_view import FindingsView
from .opened import Choice, opened_by_us
from .recordings import (
    MEAN,
    compute_mean,
    give_back,
    image_layers,
    looks_like_a_movie,
    open_recording,
    use_layer,
)
from .source import source_of
from .together import open_together

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_calcdyn.jobs.scripts.pieces import Script

_FILTER = (
    "Movies (*.tif *.tiff *.btf *.npy *.bin *.h5 *.hdf5 *.nwb *.mat *.mesc *.isxd *.sbx *.raw zarr.json .zgroup);;"
    "All files (*)"
)
_STOPPABLE = (MEAN, MAKING)  # titles of the jobs that the button of the mean frame stops
_SEVERAL = "Several movies were added at once: choose the recording above."
_MEAN_TIP = (
    "<qt>The mean frame is the still image of the field of view. The model is trained on what is left "
    "after it is subtracted: what changes.</qt>"
)


class RecordingDock(SideDock):
    """Choose or open a recording, and compute its mean frame."""

    topic = "recording"
    own = ("look",)

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.setAcceptDrops(True)
        self._unasked: Image | None = None  # taken for the recording in this turn of the event loop
        self.saved = SessionRow(self.session, self._listener)
        self.body.addWidget(self.saved)
        self.saved.head.addWidget(self.help)
        self.body.addSpacing(4)
        self._build_choice()
        self._build_facts()
        self.check = FindingsView(self.session, self._listener)
        self.body.addWidget(self.check)
        self._build_mean()
        self.body.addStretch(1)

        self.listen(self.session.recording.events.movie, self._show_movie)
        self.listen(self.session.work.events.job, self._show_job)
        layers = napari_viewer.layers.events
        for signal in (layers.inserted, layers.removed, layers.renamed):
            self.listen(signal, self._refresh_layers)
        self._refresh_layers()
        self._show_movie()
        self._show_job()
        self.follow_time(napari_viewer)
        self.follow_theme(napari_viewer)
        self.show_remembered()

    # What the dock is made of

    def _build_choice(self) -> None:
        self.body.addWidget(caption("Movie"))
        self.choice = QComboBox()
        self.choice.setToolTip(
            "<qt>The images in the viewer. One with three axes (time, y, x) can be the recording.</qt>"
        )
        self.choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.choice.activated.connect(self._on_choice)
        self.body.addWidget(self.choice)
        self.open_file = button(
            "Open file …",
            "A TIFF stack of any kind, a .npy array, an HDF5, NWB, .mat, .mesc, .isxd, .sbx or .raw file,"
            " or suite2p's data.bin.",
            self._ask_file,
        )
        self.open_folder = button(
            "Open folder …",
            "A folder of TIFF files, read in natural order (2 before 10), or one of Zarr, OME-Zarr or suite2p.",
            self._ask_folder,
        )
        self.body.addLayout(beside(self.open_file, self.open_folder))
        self.open_several = button(
            "Open several as one …",
            "<qt>Several recordings of one field of view, such as trials or days. Each is checked and laid on top of"
            " the first. They become one movie with gaps in time, across which nothing is compared or"
            " predicted.</qt>",
            self._ask_several,
        )
        self.body.addWidget(self.open_several)
        self.body.addWidget(QLabel("… or drop a movie here."))
        self.look = look_box("the movie")
        self.body.addWidget(self.look)
        self.file = FileRows(self._on_file)
        self.body.addWidget(self.file)

    def _build_facts(self) -> None:
        self.channel, self.plane = part_boxes()
        self.frame_rate = frame_rate_box("Frames per second. Please enter it where the file does not say it.")
        for part in (self.channel, self.plane):
            part.changed.connect(self._on_part)
        self.frame_rate.changed.connect(self._on_frame_rate)
        rows = Container(widgets=[self.channel, self.plane, self.frame_rate], labels=False)
        self.facts, self.form = rows.native, in_rows(rows, margins=(0, 6, 0, 0))
        self.fact: dict[str, QLabel] = {}
        for name, tip in (
            ("Frames", "Number of frames, and their height × width in pixels."),
            ("Duration", "How long the recording is."),
            ("Numbers", "How a pixel is stored in the file. The file is never changed."),
            ("Pixel size", "Height × width of a pixel, as the file says."),
            ("Memory", "Size of the whole movie; it is read piece by piece, never at once."),
        ):
            self.fact[name] = wrapped(tooltip=f"<qt>{tip}</qt>")
            self.form.insertRow(2 if name == "Frames" else self.form.rowCount(), name, self.fact[name])
        self.length = self.fact["Duration"]
        self.body.addWidget(self.facts)

    def _build_mean(self) -> None:
        self.mean = button("Compute mean frame", _MEAN_TIP, self._on_mean)
        self.body.addSpacing(4)
        self.more = MoreButton(self.session, self.topic, self.script)
        self.body.addLayout(beside((self.mean, 1), self.more))
        self.body.addWidget(self.progress)
        self.body.addWidget(self.message)

    # What the user does

    def _ask_file(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Open a movie", filter=_FILTER)
        if names:
            self.open([Path(name) for name in names])

    def _ask_several(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Open several recordings as one movie", filter=_FILTER)
        if len(names) == 1:
            self.session.work.tell("recording", "Choose two or more recordings of one field of view.", True)
        elif names:
            open_together(self.session, [Path(name) for name in names])

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Open a folder of TIFF files, Zarr or suite2p")
        if name:
            self.open([Path(name)])

    def open(self, paths: list[Path]) -> None:
        """Open a file, a folder, or several files as one movie."""
        path = paths[0] if len(paths) == 1 else paths
        open_recording(self.session, path, look=self.look.isChecked())

    def dropped(self, paths: list[Path]) -> None:
        """Open what was dropped, several files as one movie; or a session."""
        if opens_as_session(paths[0]):
            open_in_place(self.session, self, paths[0])
        else:
            self.open(paths)

    def _on_choice(self, index: int) -> None:
        name = self.choice.itemText(index)
        layer = next((it for it in image_layers(self.session) if it.name == name), None)
        if layer is not None:
            use_layer(self.session, layer)
        self._refresh_choice()  # it stays with the recording where the other image is none

    def _on_part(self) -> None:
        """Open another channel or plane of the file, into the same layer."""
        layer = self.session.movie_layer
        opened = opened_by_us(layer)
        if opened is not None:
            choice = replace(opened.choice, channel=self.channel.value, plane=self.plane.value)
            open_recording(self.session, opened.path, choice=choice, into=layer)

    def _on_file(self, dataset: str | None, axes: str | None) -> None:
        """Open another data set, or the same with other axes, into the same layer."""
        layer = self.session.movie_layer
        opened = opened_by_us(layer)
        if opened is not None:
            choice = Choice(dataset=dataset, axes=axes)
            open_recording(self.session, opened.path, choice=choice, into=layer)

    def _on_frame_rate(self) -> None:
        recording, rate = self.session.recording, self.frame_rate.value
        for movie in (recording.movie, recording.source):
            if movie is not None:
                movie.frame_rate = rate
        if self.session.movie_layer is not None:  # where the TIFF writer looks for it
            self.session.movie_layer.metadata["frame_rate"] = rate
        self._show_length()

    def _on_mean(self) -> None:
        if self.session.work.doing in _STOPPABLE:
            self.session.work.stop()
        else:
            compute_mean(self.session)

    # What the dock shows

    def _refresh_layers(self, event: Any = None) -> None:
        layers = image_layers(self.session)
        names = [it.name for it in layers]
        layer = self.session.movie_layer
        with signals_blocked(self.choice):
            self.choice.clear()
            self.choice.addItems(names)
            self.choice.setEnabled(bool(names))
            self.choice.setPlaceholderText("choose a movie" if names else "no movie open")
            self.choice.setCurrentIndex(-1 if layer is None else self.choice.findText(layer.name))
        movies = [it for it in layers if looks_like_a_movie(it)]
        if self.session.recording.movie is None and len(movies) == 1:
            use_layer(self.session, movies[0])
            if event is not None and event.type == "inserted" and opened_by_us(movies[0]) is None:
                self._unasked = movies[0]
                QTimer.singleShot(0, self._keep)
        elif self._unasked is not None and layer is self._unasked and len(movies) > 1:
            self._keep()
            give_back(self.session, _SEVERAL)

    def _keep(self) -> None:
        """Keep what was taken unasked: no others came with it, as the channels of a stack that is split do."""
        self._unasked = None

    def _show_movie(self, *_: object) -> None:
        movie = self.session.recording.source
        self.facts.setVisible(movie is not None)
        self._show_job()
        self._refresh_choice()
        self._show_parts()
        if movie is None:
            return
        height, width = movie.frame_shape
        frames, several = recorded_frames(movie), f"in {len(movie.parts)} recordings, "
        self.fact["Frames"].setText(
            f"{frames:,} {several * (len(movie.parts) > 1)}of {height:,} × {width:,} px"
        )
        self.fact["Numbers"].setText(str(movie.dtype))
        pixel = movie.pixel_size
        self.fact["Pixel size"].setText("unknown" if pixel is None else f"{pixel[0]:.3g} × {pixel[1]:.3g} µm")
        self.fact["Memory"].setText(_bytes(movie.nbytes))
        with self.frame_rate.changed.blocked():
            self.frame_rate.value = movie.frame_rate or None
        self._show_length()

    def _show_parts(self, *_: object) -> None:
        """Offer data set, axes, channel and plane only where the file has several."""
        opened = opened_by_us(self.session.movie_layer)
        self.file.show_file(opened)
        for box, number, chosen in (
            (self.channel, opened.info.channels if opened else 1, opened.choice.channel if opened else 0),
            (self.plane, opened.info.planes if opened else 1, opened.choice.plane if opened else 0),
        ):
            with box.changed.blocked():
                box.range, box.value = (0, number - 1), chosen or 0
            self.form.setRowVisible(box.native, number > 1)

    def _refresh_choice(self) -> None:
        layer = self.session.movie_layer
        self.choice.setCurrentIndex(-1 if layer is None else self.choice.findText(layer.name))

    def _show_length(self) -> None:
        movie = self.session.recording.movie
        rate = movie.frame_rate if movie is not None else None
        if movie is not None:
            self.length.setText(duration(recorded_frames(movie) / rate) if rate else "enter the frame rate")

    def _show_job(self, *_: object) -> None:
        running = self.session.work.doing in _STOPPABLE
        self.mean.setText("Stop" if running else "Compute mean frame")
        self.mean.setEnabled(running or self.session.recording.source is not None)

    def show_time(self) -> None:
        """Follow the viewer's time slider; nothing is drawn anew."""
        self.check.show_time()

    def script(self) -> Script:
        """Return what checks the recording again."""
        return check_script(source_of(self.session))

    def main_button(self) -> QAbstractButton:
        """Return the button that computes the mean frame."""
        return self.mean

    def settings(self) -> dict[str, Any]:
        """Return whether to look before opening."""
        return {"look": self.look}

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the viewer's theme."""
        self.check.set_colours(colours)


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
