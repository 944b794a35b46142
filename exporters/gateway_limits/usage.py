"""The share of a limit that is in use: from how its count of requests grows, or from what responses say is left."""

import re
from collections import deque
from collections.abc import Callable, Mapping

from exporters.gateway_limits.snapshot import Bucket, Limit

POINTS = 60
"""Readings kept of one window: a window of an hour is known to the minute."""

LATELY = 60.0
"""Seconds that a response's word holds."""

MOST_BUCKETS = 100
"""A log may have paths of callers' choosing as routes; further ones are left out."""


class Usage:
    """Counts of one gateway over the last window of each of its limits."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._points: dict[Bucket, deque[tuple[float, int]]] = {}

    def update(self, now: float, taken: Mapping[Bucket, int], limits: Mapping[Bucket, Limit]) -> dict[Bucket, float]:
        """Shares by bucket, for those that were read before.

        `now` is in seconds of a clock that never jumps, `taken` the requests that passed since the gateway started.
        A window shorter than the time between two readings counts for that time on average.
        """
        self._points = {bucket: self._points.get(bucket, deque()) for bucket in taken if bucket in limits}
        shares = {}
        for bucket, points in self._points.items():
            limit = limits[bucket]
            if limit.window is None:
                continue
            share = _share(points, now, taken[bucket], limit.requests, limit.window)
            if share is not None:
                shares[bucket] = share
        return shares


def _share(points: deque[tuple[float, int]], now: float, taken: int, requests: float, window: float) -> float | None:
    """Move `points` on to `now`, and say how full the window is."""
    if points and taken < points[-1][1]:  # the gateway was restarted
        points.clear()
    while len(points) > 1 and points[1][0] <= now - window:
        points.popleft()
    share = None
    if points and now > points[0][0]:
        since, before = points[0]
        windows = max(1.0, (now - since) / window)
        share = (taken - before) / (requests * windows)
    if not points or now - points[-1][0] >= window / POINTS:
        points.append((now, taken))
    return share


class Fullest:
    """The fullest bucket that lately answered a request, by what the response headers said was left in it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds and never jumps."""
        self._clock = clock
        self._met: dict[Bucket, deque[tuple[float, float]]] = {}

    def met(self, bucket: Bucket, limit: object, remaining: object) -> None:
        """Take what the headers of one response said: ``5`` or, with the windows after it, ``5, 5;w=60``."""
        share = share_in_use(leading_number(limit), leading_number(remaining))
        if share is None or (bucket not in self._met and len(self._met) >= MOST_BUCKETS):
            return
        now = self._clock()
        met = self._met.setdefault(bucket, deque())
        # only those matter that nothing fuller came after
        while met and met[-1][1] <= share:
            met.pop()
        met.append((now, share))

    def shares(self) -> dict[Bucket, float]:
        """Shares by bucket of the last minute; a route without a request has none."""
        oldest = self._clock() - LATELY
        for met in self._met.values():
            while met and met[0][0] < oldest:
                met.popleft()
        self._met = {bucket: met for bucket, met in self._met.items() if met}
        return {bucket: met[0][1] for bucket, met in self._met.items()}


def share_in_use(allowed: int | None, left: int | None) -> float | None:
    """Share of a bucket by the headers of a response; None when they don't say it, or nothing is allowed."""
    return None if not allowed or left is None else min(1.0, max(0.0, 1 - left / allowed))


def leading_number(value: object) -> int | None:
    """Number that a header begins with; None when there is none, or no header."""
    match = re.match(r"\s*(\d{1,15})(?!\d)", str(value))
    return int(match[1]) if match else None
