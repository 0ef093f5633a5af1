"""The command line as ``python -m napari_calcdyn``, for programs that start Python, such as ``torchrun``."""

from napari_calcdyn.cli import main

if __name__ == "__main__":
    main()
