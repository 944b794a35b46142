"""What was done about a message, whom it calls, what one can still do: derived from the acts that are kept. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerting.model import Act, Deed, Episode, Outcome, Suppression
from alerting.routes import Policy, Routes


@dataclass(frozen=True)
class Offer:
    """What the settings let people do: whether Slack can send clicks, whether there is an Alertmanager to silence."""

    routes: Routes
    clicks: bool = False
    silences: bool = False


NOBODY = Offer(Routes((), Policy("", {})))
"""Nobody is called and nothing can be clicked."""


@dataclass(frozen=True)
class Handling:
    """What a message shows of it. `buttons` are deeds; `links` says that links are buttons too."""

    mention: tuple[str, ...] = ()
    acknowledged: Act | None = None
    silenced: Act | None = None
    escalated: Act | None = None
    buttons: tuple[Deed, ...] = ()
    links: bool = False


def handling(episode: Episode, labels: Mapping[str, str], *, open_: bool, active: bool, offer: Offer) -> Handling:
    """Derive it for an episode whose worst alert has these labels.

    `open_` says that something fires, `active` that Alertmanager tells of it.
    """
    policy = offer.routes.policy(labels)
    done = [act for act in episode.acts if act.outcome is Outcome.DONE]
    acknowledged = acknowledgement(done)
    silenced = _silence(done) if _is_silenced(episode) else None
    return Handling(
        mention=policy.mention.get(labels.get("severity", ""), ()) if active else (),
        acknowledged=acknowledged,
        silenced=silenced,
        escalated=_last(done, Deed.ESCALATE),
        buttons=_buttons(episode, acknowledged, silenced, policy, offer) if open_ and offer.clicks else (),
        links=offer.clicks,
    )


def acknowledgement(acts: Iterable[Act]) -> Act | None:
    """Return the first acknowledgement: it holds until the message is over."""
    return next((act for act in acts if act.deed is Deed.ACKNOWLEDGE), None)


def escalations(acts: Iterable[Act]) -> frozenset[int]:
    """Return the steps that were taken."""
    return frozenset(act.step for act in acts if act.deed is Deed.ESCALATE and act.step is not None)


def _buttons(
    episode: Episode, acknowledged: Act | None, silenced: Act | None, policy: Policy, offer: Offer
) -> tuple[Deed, ...]:
    offered = {
        Deed.ACKNOWLEDGE: acknowledged is None,
        Deed.SILENCE: offer.silences and episode.group.reconcilable and silenced is None,
        Deed.UNSILENCE: offer.silences and silenced is not None,
        Deed.ESCALATE: len(escalations(episode.acts)) < len(policy.escalation),
    }
    return tuple(deed for deed, possible in offered.items() if possible)


def _is_silenced(episode: Episode) -> bool:
    return any(alert.suppressed is Suppression.SILENCED for alert in episode.alerts)


def _silence(acts: Iterable[Act]) -> Act | None:
    """Return the last silence, unless it was ended since."""
    last = None
    for act in acts:
        if act.deed is Deed.SILENCE:
            last = act
        elif act.deed is Deed.UNSILENCE:
            last = None
    return last


def _last(acts: Iterable[Act], deed: Deed) -> Act | None:
    return max((act for act in acts if act.deed is deed), key=lambda act: act.id, default=None)
