"""Logs are JSON lines, whoever writes them."""

import json
import subprocess
import sys

PROGRAM = """
import logging, structlog
from process.log import configure
configure("sample", extra=[lambda _l, _m, event: {**event, "trace_id": "abc"}])
structlog.get_logger().info("order taken", order=7)
structlog.get_logger().debug("not shown")
logging.getLogger("library").warning("disk %s", "full")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger().exception("could not divide")
"""


def test_every_event_is_one_json_object_on_stderr() -> None:
    """Ours and the standard library's alike, with time, level, service, and what processors add."""
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert result.stdout == ""
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert [(e["level"], e["event"], e["service"], e["trace_id"]) for e in events] == [
        ("info", "order taken", "sample", "abc"),
        ("warning", "disk full", "sample", "abc"),
        ("error", "could not divide", "sample", "abc"),
    ]
    assert events[0]["order"] == 7
    assert events[0]["ts"].endswith("Z")
    assert "ZeroDivisionError" in events[2]["exception"]
