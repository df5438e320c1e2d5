"""Where two clips match: stretches of time in both, not just the clips."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dejabug.ranking.types import Floats, Moment

# How much of two frames' backgrounds is subtracted from their cosine before the best pair is
# chosen: a frame that looks like everything else shows the place, not the bug. Measured in
# docs/explanation/quality.md.
BACKGROUND_SHARE = 0.75
# A moment is the stretch around the best pair whose frames stay within this of it, in those units.
MOMENT_DEPTH = 0.15
# Moments per match, and how far below the best pair another one may be.
MAX_MOMENTS = 2
SECOND_MOMENT_DEPTH = 0.08


def matching_moments(
    cosines: Floats,
    query_times: Floats,
    match_times: Floats,
    query_background: Floats | None = None,
    match_background: Floats | None = None,
) -> tuple[Moment, ...]:
    """Cosines [m, n], times [m] and [n] in seconds, backgrounds [m] and [n] → moments, best first.

    A moment is, around the pair of frames that is most similar beyond both backgrounds, the stretch
    in each clip whose frames have a counterpart nearly as good. The search repeats among the
    remaining frames. No moments if no two frames are similar at all.
    """
    if float(cosines.max()) <= 0:
        return ()
    left = cosines.astype(np.float32, copy=True)
    if query_background is not None:
        left -= BACKGROUND_SHARE * query_background[:, None]
    if match_background is not None:
        left -= BACKGROUND_SHARE * match_background[None, :]
    found: list[Moment] = []
    best = float(left.max())
    while len(found) < MAX_MOMENTS:
        i, j = np.unravel_index(int(left.argmax()), left.shape)
        peak = float(left[i, j])
        if not np.isfinite(peak) or (found and peak < best - SECOND_MOMENT_DEPTH):
            break
        rows = _stretch(left.max(axis=1) >= peak - MOMENT_DEPTH, int(i))
        columns = _stretch(left[rows].max(axis=0) >= peak - MOMENT_DEPTH, int(j))
        found.append(
            Moment(
                query_start=float(query_times[rows][0]),
                query_end=float(query_times[rows][-1]),
                match_start=float(match_times[columns][0]),
                match_end=float(match_times[columns][-1]),
                query_time=float(query_times[i]),
                match_time=float(match_times[j]),
                similarity=float(cosines[i, j]),
            )
        )
        left[rows, :] = -np.inf
        left[:, columns] = -np.inf
    return tuple(found)


def _stretch(inside: npt.NDArray[np.bool_], start: int) -> slice:
    """The unbroken run of True around `start`, as a slice."""
    first = last = start
    while first > 0 and inside[first - 1]:
        first -= 1
    while last + 1 < len(inside) and inside[last + 1]:
        last += 1
    return slice(first, last + 1)
