"""Who is turned away: a few named clients on each route, whatever callers send.

A client is named while it is certainly among those that make more than one in `SPARE` × `named` of the route's recent
rejections; the rest are counted together. What is counted for a name is exact since it was named, and all counts
together are all rejections that were read, but for what names that were given up had counted. So a caller that invents
a name for each request gets none, and can take none from a client that is hit.
"""

from collections.abc import Callable

from exporters.gateway_limits.sketch import Sketch
from exporters.gateway_limits.snapshot import Client

SPARE = 10
"""Counters of the sketch for each client that may be named."""

HALF_LIFE = 60.0
"""Seconds after which a rejection weighs half in who is named."""

MOST_ROUTES = 100
"""Routes with clients of their own; a log may have paths of callers' choosing as routes. Further ones share one."""

OTHER = "other"
"""Route and client of all that have no series of their own."""

LONGEST_NAME = 100
"""Characters of a client, and of a route that a log names: the rest is cut, for a caller may choose them."""


class Clients:
    """Rejections by route and client."""

    def __init__(self, named: int, clock: Callable[[], float]) -> None:
        """At most `named` clients of a route get a series; `clock` gives seconds and never jumps."""
        self._named = named
        self._clock = clock
        self._routes: dict[str, _Route] = {}
        self._aged = clock()

    def rejected(self, route: str, client: str) -> None:
        """Count one; an empty `client` is one that the gateway did not know."""
        known = self._routes.get(route)
        if known is None:
            if len(self._routes) >= MOST_ROUTES:
                route = OTHER
            known = self._routes.setdefault(route, _Route(self._named))
        known.rejected(client[:LONGEST_NAME])

    def counts(self) -> dict[Client, int]:
        """Rejections by client since it was named, and of all others."""
        while self._clock() - self._aged >= HALF_LIFE:
            self._aged += HALF_LIFE
            for known in self._routes.values():
                known.sketch.age()
        found = {}
        for route, known in self._routes.items():
            known.name()
            found[Client(route, OTHER)] = known.others
            found.update({Client(route, client): count for client, count in known.named.items()})
        return found


class _Route:
    def __init__(self, most: int) -> None:
        self.sketch = Sketch(most * SPARE)
        self.named: dict[str, int] = {}
        self.others = 0
        self._most = most

    def rejected(self, client: str) -> None:
        if client and client != OTHER:
            self.sketch.add(client)
        if client in self.named:
            self.named[client] += 1
        else:
            self.others += 1

    def name(self) -> None:
        """Choose anew who has a name; who keeps it keeps its count."""
        # more than the sketch can be wrong by
        enough = max(1, self.sketch.total // (self._most * SPARE))
        certain = {who: most - error for who, (most, error) in self.sketch if most - error > enough}
        # who has a name keeps it against equals, or names would come and go
        ranked = sorted(certain, key=lambda who: (-certain[who], who not in self.named, who))
        self.named = {who: self.named.get(who, 0) for who in ranked[: self._most]}
