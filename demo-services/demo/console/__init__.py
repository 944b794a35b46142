"""The console: one page with the path of a request, what fires, the dashboards, the scenarios and the Slack channels.

For who has no Grafana at hand; it draws the same dashboard files. In the order of what happens::

    panels      a dashboard's JSON -> frozen dataclasses
    variables   what may be chosen, what the URL chose          interpolate   choices -> PromQL
    timerange   now-15m -> instants                             prometheus    PromQL -> series, one answer for all pages
    ask         a panel's questions put to Prometheus
    charts, readings, tables    series -> what is drawn         display, units    a number -> its text and state
    pages/      the NiceGUI pages                               app           HTTP: pages, health, metrics
"""
