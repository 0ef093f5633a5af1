"""Open napari with every dock of the installed plugin, and close it: ``python scripts/open_window.py pyside6``.

Ends with an error where the plugin is not the installed one, Qt is another, or anything goes wrong on the way.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import napari
import qtpy
from napari.utils.notifications import NotificationSeverity, notification_manager
from npe2 import PluginManifest

import napari_calcdyn

PLUGIN = "napari-calcdyn"


def open_window() -> list[str]:
    """Open the sample recording and every dock, close all, and return the names of the docks."""
    contributions = PluginManifest.from_distribution(PLUGIN).contributions
    viewer = napari.Viewer()
    viewer.open_sample(PLUGIN, contributions.sample_data[0].key)
    docks = [widget.display_name for widget in contributions.widgets]
    for dock in docks:
        viewer.window.add_plugin_dock_widget(PLUGIN, dock)
    napari.qt.get_qapp().processEvents()
    if viewer.screenshot(canvas_only=False, flash=False).max() == 0 or not viewer.layers:
        sys.exit("The window is empty.")
    viewer.close()
    return docks


if __name__ == "__main__":
    faults: list[str] = []
    sys.excepthook = lambda *error: (faults.append(str(error[1])), traceback.print_exception(*error))
    docks = open_window()
    faults += [
        notice.message
        for notice in notification_manager.records
        if notice.severity >= NotificationSeverity.WARNING
    ]
    if sys.prefix not in map(str, Path(napari_calcdyn.__file__).parents):
        faults.append(f"The plugin is not the installed one but {napari_calcdyn.__file__}.")
    if sys.argv[1] != qtpy.API:
        faults.append(f"Qt is {qtpy.API}, not {sys.argv[1]}.")
    if faults:
        sys.exit("\n".join(faults))
    print(f"napari {napari.__version__} on {qtpy.API_NAME} {qtpy.QT_VERSION}: {', '.join(docks)} open.")
