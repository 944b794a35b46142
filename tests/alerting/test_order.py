"""Notifications come twice, late and out of order, from several Alertmanagers: Slack ends the same."""

import uuid

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

few = examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

spans = st.lists(st.tuples(st.integers(0, 9), st.integers(10, 19)), min_size=1, max_size=4)
"""Start and end of each alert: all overlap, so they are one episode."""


def told(alert, webhook_body, alerts):
    """The bodies that Alertmanager sends: at each change, what fires and what has resolved since the last one."""
    bodies = []
    before = -1
    for now in sorted({moment for span in alerts.values() for moment in span}):
        listed = [
            alert(name, starts, ends if ends <= now else None)
            for name, (starts, ends) in alerts.items()
            if starts <= now and ends > before
        ]
        bodies.append(webhook_body(*listed))
        before = now
    return bodies


async def outcome(start, settings, workspace, bodies, pauses=frozenset()):
    """What Slack shows after these bodies, with Slack brought up to date after some of them."""
    workspace.messages.clear()
    fresh = settings.model_copy(update={"store": settings.store.replace("router.db", f"{uuid.uuid4().hex}.db")})
    async with start(settings=fresh) as router:
        for index, body in enumerate(bodies):
            await router.accept(body)
            if index in pauses:
                await router.settled()
        await router.settled()
    return [(root["text"], root["blocks"], root["attachments"]) for root in workspace.roots()]


@few
@given(spans=spans, data=st.data())
async def test_any_order_and_any_repetition_end_in_the_same_message(
    start, settings, workspace, webhook_body, alert, spans, data
):
    """One group, heard up to any moment of its life, shuffled, with repetitions, delivered at any time between."""
    bodies = told(alert, webhook_body, {f"t{number}": span for number, span in enumerate(spans)})
    bodies = bodies[: data.draw(st.integers(1, len(bodies)))]
    repeated = data.draw(st.lists(st.sampled_from(bodies), max_size=4))
    shuffled = data.draw(st.permutations([*bodies, *repeated]))
    pauses = data.draw(st.sets(st.integers(0, len(shuffled))))
    expected = await outcome(start, settings, workspace, bodies)
    assert len(expected) == 1
    assert await outcome(start, settings, workspace, shuffled, pauses) == expected


@few
@given(rounds=st.integers(1, 3), data=st.data())
async def test_two_alertmanagers_make_no_more_messages_than_one(
    start, settings, workspace, webhook_body, alert, rounds, data
):
    """Each tells in order what the other tells too, one behind the other: fires, ends, fires again."""
    bodies = []
    for number in range(rounds):
        bodies += [webhook_body(alert("a", number * 10)), webhook_body(alert("a", number * 10, number * 10 + 5))]
    first_turn = data.draw(st.lists(st.booleans(), min_size=2 * len(bodies), max_size=2 * len(bodies)))
    queues = [list(bodies), list(bodies)]
    mixed = []
    for turn in first_turn:
        queue = queues[turn] or queues[not turn]
        mixed.append(queue.pop(0))
    pauses = frozenset(range(len(mixed)))
    expected = await outcome(start, settings, workspace, bodies, frozenset(range(len(bodies))))
    assert len(expected) == rounds
    assert await outcome(start, settings, workspace, mixed, pauses) == expected
