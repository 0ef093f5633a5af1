"""Open a recording, print what it contains, and save its mean frame.

Run: python examples/open_recording.py MOVIE [--channel 0] [--plane 0] [--out mean.tif]
"""

from __future__ import annotations

import argparse
import sys

import tifffile

import napari_calcdyn as cd


def show_progress(done: int, total: int) -> None:
    print(f"\r{done} of {total} frames", end="", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("movie", nargs="+", help="a TIFF or .npy file, a folder of TIFFs, or several TIFFs")
    parser.add_argument("--channel", type=int)
    parser.add_argument("--plane", type=int)
    parser.add_argument("--out", default="mean.tif")
    arguments = parser.parse_args()
    path = arguments.movie[0] if len(arguments.movie) == 1 else arguments.movie
    try:
        print(cd.inspect_movie(path))
        movie = cd.open_movie(path, channel=arguments.channel, plane=arguments.plane)
        statistics = movie.statistics(show_progress)
        statistics.check_dynamic(movie.name)
    except cd.InputError as error:
        sys.exit(f"\n{error}")
    print(f"\nThe pixels range from {statistics.minimum:g} to {statistics.maximum:g}.")
    print(f"Their standard deviation over time is {statistics.std.mean():.3g} on average.")
    tifffile.imwrite(arguments.out, statistics.mean)
    print(f"The mean frame is in {arguments.out}.")


if __name__ == "__main__":
    main()
