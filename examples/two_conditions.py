"""Simulate dishes of two conditions and compare them: ``python examples/two_conditions.py``."""

from __future__ import annotations

import napari_calcdyn as cd

DISHES = 4


def main() -> None:
    recordings, conditions = [], []
    for condition, kind in (("control", "RS"), ("diseased", "IB")):
        cultures = cd.simulate_cultures((kind,), DISHES, neurons=60, frame_rate=20, seed=0)
        for dish in range(DISHES):
            traces = cultures.traces[cultures.table["culture"] == dish]
            name = f"{condition} {dish + 1}"
            recordings.append(cd.Traces.from_array(traces, frame_rate=20, name=name))
            conditions.append(condition)
    encoder = cd.KindEncoder().fit(recordings)
    found = cd.map_recordings(encoder, recordings, labels={"condition": conditions})
    test = cd.compare_conditions(found.latents, found.dishes, found.label("condition"))
    print(
        f"{DISHES} dishes against {DISHES}: p = {test.p_value:.3g}; at least {test.smallest_p:.3g} in any case."
    )


if __name__ == "__main__":
    main()
