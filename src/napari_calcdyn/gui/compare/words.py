"""A comparison in words: the answer in one sentence, and what it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_calcdyn.analysis.sequences.comparison import Comparison

ALPHA = 0.05
FEW_BLOCKS = 10  # in a condition: a change has to be large to be seen with fewer


def verdict(comparison: Comparison) -> str:
    """Say whether the dynamics changed, as rich text.

    Parameters
    ----------
    comparison : Comparison
        The test.

    Returns
    -------
    str
        One sentence with p-value and effect size.
    """
    p, gain = p_words(comparison.p_value), percent(comparison.effect)
    if comparison.p_value <= ALPHA:
        return (
            f"<b>The dynamics differ</b> between A and B ({p}): separate models of A and B reduce the prediction"
            f" error by {gain} more than chance does on average."
        )
    return (
        f"<b>No change of the dynamics</b> was found between A and B ({p}): separate models of A and B reduce the"
        f" prediction error no more than chance can ({gain} more than its average)."
    )


def livelier(comparison: Comparison) -> str:
    """Say how many latents or ROIs are livelier in one condition than in the other, whatever the dynamics.

    Parameters
    ----------
    comparison : Comparison
        The test.

    Returns
    -------
    str
        One sentence.
    """
    clear = comparison.loudness_p <= ALPHA
    one = "latent" if comparison.ids is None else "ROI"
    more, less = (int((clear & it).sum()) for it in (comparison.loudness > 1, comparison.loudness < 1))
    if not more + less:
        return f"No {one} is clearly livelier in A or in B."
    counts = [f"{count:,} in {name}" for count, name in ((less, "A"), (more, "B")) if count]
    is_one = more + less == 1
    return (
        f"{f'One {one} is' if is_one else f'Some {one}s are'} livelier than in the other stretch:"
        f" {' and '.join(counts)} ({p_words(float(comparison.loudness_p.min()))})."
    )


def cautions(comparison: Comparison) -> list[str]:
    """Return what limits the conclusion, one sentence each; none where nothing does."""
    found = ["This does not prove that the dynamics are the same."] if comparison.p_value > ALPHA else []
    in_a, in_b = block_counts(comparison)
    ways, shuffles = 2 ** (in_a + in_b - 1), comparison.permutations + 1
    if min(in_a, in_b) < FEW_BLOCKS:
        small = ways < shuffles and comparison.p_value <= ALPHA
        least = f", and no p-value below {1 / ways:.1g} is possible" if small else ""
        found.append(
            f"There are only {in_a} and {in_b} blocks that can change sign: only a large change shows in so"
            f" few{least}. Longer stretches have more."
        )
    elif comparison.p_value * shuffles < 1.5 and shuffles < 1000:
        found.append(
            f"With {comparison.permutations} shuffles no p-value below {1 / shuffles:.1g} is possible: take more for a"
            " smaller one."
        )
    return found


def block_counts(comparison: Comparison) -> tuple[int, int]:
    """Return how many blocks of A and of B were shuffled."""
    in_a, in_b = (max(1, it // comparison.block_length) for it in comparison.samples)
    return in_a, in_b


def p_words(p_value: float) -> str:
    """Return a p-value with as many digits as it deserves, such as ``"p = 0.012"``."""
    return f"p = {p_value:.2g}" if p_value < 0.1 else f"p = {p_value:.2f}"


def percent(share: float) -> str:
    """Return a share in per cent, such as ``"3.2 %"``."""
    words = f"{100 * share:.2g} %" if abs(share) < 0.0995 else f"{100 * share:.0f} %"
    return words.replace("-", "−")
