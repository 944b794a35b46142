"""What was heard, and what Slack was confirmed to show: durable before anybody is told that it is.

Each room holds functions of a connection; ``await store.run(outbox.load, 7)`` runs one of them as one transaction.

``database``  SQLite or PostgreSQL: opened, brought to the newest schema, one transaction a call
``schema``    the tables and the steps from one version of them to the next; ``rows`` reads them as the model's values
``inbox``     what a notification changes
``outbox``    what delivery has to do, and what came of it
``digests``   messages that several groups share in a storm
``notices``   messages about no group of alerts
``watch``     when the Watchdog came last, and the message that says that it does not
``nights``    what quiet hours hold back, and the digest of it
``fallbacks`` which alerts another system has to be told of, because Slack does not show them
``leases``    which of several routers calls Slack about a channel
``strays``    posts that may turn up late, and are doubled then
``upkeep``    forgetting, counting, probing
"""

from alerting.store.database import Store, open_store

__all__ = ["Store", "open_store"]
