"""Drills: break the demo on purpose, wait for Slack, end the cause, wait for Slack again.

A drill passes when the right alert fires in the right channel, its message is edited in place once the cause is gone,
and nothing else fires meanwhile. Slack is read through its own Web API, so a drill is the same against the real one.

    table.py      each drill: what is broken, and what must come of it; read it first
    breaking.py   the ways to break something, each with the way to mend it; cgroups.py is one of them
    observer.py   what Prometheus and Slack say; the only file that asks them
    run.py        one drill after the other, from quiet to quiet; course.py is what it saw, and whether that is right
    gameday.py    all of them in random order, with a report (report.py, chart.py)
"""
