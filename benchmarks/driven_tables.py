"""Tables of driven.py, from its rows."""

from __future__ import annotations

from itertools import product

import numpy as np
from resumable import Row, mean_sd
from scipy.stats import binomtest

MAPS = {
    "driven": "**driven**",
    "passing": "**driven**, in ROIs that a connection that passes leads to",
    "explained": "explained",
    "latents": "explained, sources are latents",
    "LassoLars": "painted, LassoLars",
    "cross-correlation": "painted, lagged cross-correlations",
}
ERRORS = {
    "latent_prediction_error": "VAR between cells",
    "own_past_error": "own past in it",
    "sparse": "sparse VAR of latents",
    "AR(1)": "AR(1)",
    "AR(2)": "AR(2)",
    "AR(3)": "AR(3)",
    "persistence_error": "persistence",
}


def of_maps(rows: list[Row]) -> list[Row]:
    """One line for each map and noise."""
    titles = {
        "driven": "driven against autonomous cells",
        "all": "dynamic cells against all other pixels",
        "cells": "against other cells' pixels",
    }
    lines: list[Row] = []
    for noise in dict.fromkeys(row["noise"] for row in rows):
        mine = [row for row in rows if row["noise"] == noise]
        for name, title in MAPS.items():
            line: Row = {"noise": noise, "map": title}
            for key, heading in titles.items():
                values = [row[f"{name}, {key}"] for row in mine if f"{name}, {key}" in row]
                line[heading] = mean_sd(values, 3) if values else ""
            lines.append(line)
    return lines


def of_tables(rows: list[Row]) -> list[Row]:
    """One line for each noise, with cells found and given."""
    lines: list[Row] = []
    for noise, (suffix, title) in product(
        dict.fromkeys(row["noise"] for row in rows), (("", "found"), (", given", "given"))
    ):
        mine = [row for row in rows if row["noise"] == noise]
        lines.append(
            {"noise": noise, "cells": title}
            | {"AUPR": mean_sd((row[f"AUPR{suffix}"] for row in mine), 3)}
            | {"connections that pass": mean_sd((row[f"found{suffix}"] for row in mine), 2)}
            | {
                heading: mean_sd((row[f"{name}{suffix}"] for row in mine), 1)
                for name, heading in (
                    ("false", "false ones"),
                    ("unrelated", "of them, cells without a chain"),
                )
            }
            | {"movies with a false one": f"{sum(row[f'false{suffix}'] != 0 for row in mine)} of {len(mine)}"}
        )
    return lines


def of_errors(rows: list[Row]) -> list[Row]:
    """One line for each kind of recording."""
    lines: list[Row] = []
    for name in dict.fromkeys(name_of(row) for row in rows):
        mine = [row for row in rows if name_of(row) == name and row["rois"]]
        none = sum(name_of(row) == name and not row["rois"] for row in rows)
        line: Row = {
            "recording": name,
            "cells found": mean_sd((row["rois"] for row in mine), 1) if mine else "0",
        }
        if mine:
            line |= {title: mean_sd((row[key] for row in mine), 4) for key, title in ERRORS.items()}
            best = [min(float(str(row[f"AR({order})"])) for order in (1, 2, 3)) for row in mine]
            better = sum(
                float(str(row["latent_prediction_error"])) < it for row, it in zip(mine, best, strict=True)
            )
            line["below the best AR"] = f"{better} of {len(mine)}"
            line["what others add, %"] = mean_sd(
                (100 * float(str(row["gain_from_others"])) for row in mine), 2
            )
            sure = sum(float(str(row["gain_from_others_low"])) > 0 for row in mine)
            line["interval above 0"] = f"{sure} of {len(mine)}"
        lines.append(line | ({"without cells": none} if none else {}))
    return lines


def name_of(row: Row) -> str:
    if row["what"] == "simulated":
        return f"simulated, {row['noise']} noise"
    if row["what"] == "real":
        return str(row["movie"])
    neuropil = "neuropil" if row["neuropil"] else "no neuropil"
    return f"semi-real, {row['diameter']} px, {neuropil}, {row['photons']} photons"


def of_null(rows: list[Row]) -> list[Row]:
    """How often something is seen where there is nothing."""
    lines: list[Row] = []
    for noise in dict.fromkeys(row["noise"] for row in rows):
        mine = [row for row in rows if row["noise"] == noise]
        line: Row = {
            "noise": noise,
            "movies": len(mine),
            "cells found": mean_sd((it["rois"] for it in mine), 1),
        }
        for title, seen in (
            ("with a connection that passes", [float(str(it["smallest"])) <= 0.05 for it in mine]),
            ("with anything in the driven map, passing or not", [bool(it["drawn"]) for it in mine]),
        ):
            ends = binomtest(sum(seen), len(seen)).proportion_ci()
            line[f"{title}, %"] = f"{100 * np.mean(seen):.1f} ({100 * ends.low:.1f} to {100 * ends.high:.1f})"
        lines.append(line | {"connections drawn in a movie": mean_sd((it["drawn"] for it in mine), 2)})
    return lines
