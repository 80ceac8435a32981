"""Wilson's interval for a share."""

import math

# The quantile of the normal distribution at 0.975, for 95 %.
QUANTILE = 1.959963984540054


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Lower and upper end of the 95 % interval of `hits / of`, both within 0 and 1."""
    if of == 0:
        return 0.0, 1.0
    share, square = hits / of, QUANTILE * QUANTILE
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = QUANTILE / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)
