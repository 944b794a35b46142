"""Who is named, whatever callers send."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.gateway_limits.clients import HALF_LIFE, LONGEST_NAME, MOST_ROUTES, Clients
from exporters.gateway_limits.sketch import Sketch
from exporters.gateway_limits.snapshot import Client


@settings(deadline=None)
@given(st.lists(st.integers(0, 30).map(str), max_size=400), st.integers(1, 8))
def test_the_sketch_keeps_its_bounds(arrivals: list[str], size: int) -> None:
    """No count is too low or more than n / size too high, and whoever came more often than that is counted."""
    sketch = Sketch(size)
    for who in arrivals:
        sketch.add(who)
    true, bound = Counter(arrivals), len(arrivals) / size
    counts = dict(sketch)
    assert len(counts) <= size
    assert all(most - error <= true[who] <= most and error <= bound for who, (most, error) in counts.items())
    assert {who for who, count in true.items() if count > bound} <= counts.keys()
    assert sketch.total == len(arrivals)


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(0, 12).map(str), st.none()), max_size=200))
def test_an_aged_sketch_is_still_sound(arrivals: list[str | None]) -> None:
    """Halved at any time, it goes on counting: never more counters, never a certain count above what was."""
    sketch, true = Sketch(4), Counter[str]()
    for who in arrivals:
        if who is None:
            sketch.age()
        else:
            sketch.add(who)
            true[who] += 1
        assert all(0 <= most - error <= true[who] + 1 and most > 0 for who, (most, error) in sketch)
        assert len(dict(sketch)) <= 4


def named(clients: Clients, route: str = "orders") -> dict[str, int]:
    return {client.name: count for client, count in clients.counts().items() if client.route == route}


def test_the_clients_that_are_hit_most_have_names(clock: Any) -> None:
    """At most as many as are wanted; what was counted before a name was given is among the others."""
    clients = Clients(2, clock)
    for client, times in {"gold": 50, "silver": 30, "bronze": 20, "": 7, "rare": 1}.items():
        for _ in range(times):
            clients.rejected("orders", client)
    assert named(clients) == {"other": 108, "gold": 0, "silver": 0}
    for client in ("gold", "gold", "bronze", ""):
        clients.rejected("orders", client)
    assert named(clients) == {"other": 110, "gold": 2, "silver": 0}


def test_a_caller_can_not_grow_our_series(clock: Any) -> None:
    """100,000 different names make one series, and don't hide the clients that are really hit."""
    clients = Clients(10, clock)
    seen = set()
    for number in range(100_000):
        clients.rejected("orders", f"invented-{number}")
        if number % 20 == 0:
            clients.rejected("orders", "gold")
        if number % 1000 == 0:
            seen |= named(clients).keys()
            clock.now += 1
    assert seen <= {"other", "gold"}
    counts = named(clients)
    assert counts["gold"] > 4000
    assert sum(counts.values()) == 105_000


def test_many_routes_share_one(clock: Any) -> None:
    """Also when paths of callers' choosing are logged as routes."""
    clients = Clients(10, clock)
    for number in range(100_000):
        clients.rejected(f"/orders/{number}", "gold")
    counts = clients.counts()
    assert len({client.route for client in counts}) == MOST_ROUTES + 1
    assert sum(counts.values()) == 100_000
    assert counts[Client("other", "other")] == 100_000 - MOST_ROUTES


def test_names_are_cut_and_never_the_others_own(clock: Any) -> None:
    """A client called "other" is counted with the others; a long name is not a long label."""
    clients = Clients(2, clock)
    for _ in range(2):
        for _ in range(10):
            clients.rejected("orders", "x" * 5000)
            clients.rejected("orders", "other")
        counts = named(clients)
    assert counts == {"other": 30, "x" * LONGEST_NAME: 10}


def test_who_is_no_longer_hit_loses_the_name(clock: Any) -> None:
    """After some half-lives; a client that is hit now takes the place."""
    clients = Clients(1, clock)
    for _ in range(1000):
        clients.rejected("orders", "yesterday")
    assert set(named(clients)) == {"other", "yesterday"}
    clock.now += 8 * HALF_LIFE
    clients.counts()
    for _ in range(20):
        clients.rejected("orders", "today")
    assert set(named(clients)) == {"other", "today"}


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), max_size=300))
def test_every_rejection_is_counted_once(arrivals: list[tuple[str, bool]]) -> None:
    """However often it is looked at in between, others only rise, and so does every name while it is there."""
    clients = Clients(2, lambda: 0.0)
    before: dict[str, int] = {}
    given_up = 0
    for number, (client, look) in enumerate(arrivals, 1):
        clients.rejected("orders", client)
        if look:
            counts = named(clients)
            assert len(counts) <= 3
            assert all(counts[name] >= count for name, count in before.items() if name in counts)
            given_up += sum(count for name, count in before.items() if name not in counts)
            before = counts
            assert sum(counts.values()) + given_up <= number


@pytest.mark.parametrize("route", ["orders", "other"])
def test_one_rejection_is_nobody(clock: Any, route: str) -> None:
    """It makes the series of the others, from which a rate can be taken."""
    clients = Clients(10, clock)
    clients.rejected(route, "gold")
    assert clients.counts() == {Client(route, "other"): 1}
