"""How to cite the program and the papers behind it; the same as in ``CITATION.cff``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """One paper.

    Attributes
    ----------
    authors, year, title, arxiv : str
        As they are cited.
    """

    authors: str
    year: str
    title: str
    arxiv: str

    @property
    def link(self) -> str:
        """Where it can be read."""
        return f"https://arxiv.org/abs/{self.arxiv}"


SOFTWARE = "The napari-calcdyn developers"
VAR_PAPER = Paper(
    "Kabus F., Hackenberg M., Hindel J., Cholvin T., Kilias A., Brox T., Valada A., Bartos M., Binder H.",
    "2026",
    "Embedding interpretable ℓ1-regression into neural networks for uncovering temporal structure in cell imaging",
    "2603.02899",
)
AVAE_PAPER = Paper(
    "Abante J., Piga A., Ros B., López-León C. F., Canals J. M., Soriano J.",
    "2025",
    "Single-neuron deep generative model uncovers underlying physics of neuronal activity in Ca imaging data",
    "2501.14615",
)
