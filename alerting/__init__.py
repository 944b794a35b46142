"""The alert router: Alertmanager's notifications become one living Slack message a group.

``pipeline``  READ FIRST: the five steps in order
``receive``   webhook body -> Notification, or Rejected with the HTTP status and a sentence (pure)
``grafana``   the same for a body of Grafana's, and its signature (pure)
``routes``    labels -> channel, whom to call (``people``), whether to hold it back (``quiet``) (pure)
``intake``    notifications -> store, those that come together in one commit
``episodes``  which of two reports is the newer, and which message an alert belongs to (pure)
``store/``    what was heard, and what Slack was confirmed to show; durable, in SQLite or PostgreSQL
``reconcile`` Alertmanager's list of alerts against the store, for what no notification tells (``discrepancy`` judges)
``plan``      stored state -> the one next step towards what Slack should show (pure): the message (``view``), then its
              thread (``history``); ``storm`` says when many groups share one message
``illustrate`` the chart of a message: which series, in which form (``charts`` draws it, pure)
``render``    step -> Block Kit within Slack's limits (pure; ``text`` and ``units`` hold escaping and numbers)
``handling``  what was done about a message, whom it calls, what one can still do (pure; ``controls`` draws it)
``actions``   what Slack sends for a click -> Click (pure); it comes as a signed request (``clicks``) or by a socket
              (``socket_mode``), ``desk`` keeps it, ``errands`` does it (``silences``); ``escalation``
``mornings``  the digest of what quiet hours held back (``night`` writes it, pure)
``deadman``   no Watchdog comes: which part of the way is silent (``watchdog`` judges, pure)
``relay``     what Slack has not shown for long goes to another system (``fallback`` writes it, pure)
``deliver``   steps -> Slack: the most urgent first, look-up of unknown outcomes; the only place that sleeps
``pace``      how fast Slack may be called (pure)
``slack``     the one door to Slack's Web API; ``alertmanager`` and ``prometheus`` those to theirs
``webhooks``  HTTP: the two doors that alerts come in by, and who may (``auth``)
``operators`` HTTP: the status page (``page``), messages, noise and audit log as JSON
``cli``       ``bongsu router …``: ``examine`` asks Slack, ``preview`` renders a body, ``drill`` makes a test alert
``app``       HTTP: the webhooks, metrics, health (``openapi`` describes what FastAPI can't see)
"""
