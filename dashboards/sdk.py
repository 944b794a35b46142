"""The one door to grafana-foundation-sdk, which warns at import.

It prefers the v2 model, which Grafana before 12.4 can't load; the classic model, ours, loads in Grafana 10 to 13.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import common as common_models
    from grafana_foundation_sdk.models import dashboard as dashboard_models
    from grafana_foundation_sdk.models import prometheus as prometheus_models

__all__ = [
    "JSONEncoder",
    "bargauge",
    "common",
    "common_models",
    "dashboard",
    "dashboard_models",
    "prometheus",
    "prometheus_models",
    "stat",
    "table",
    "timeseries",
]
