"""What the tests of the sources share: a process that burns what it is told to, and a clock of the test's."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

BURNER = """
import sys, time
for line in sys.stdin:
    end = time.process_time() + float(line)
    while time.process_time() < end:
        pass
    print(time.process_time(), flush=True)
"""


@dataclass
class Burner:
    """A process that uses as much CPU as it is told."""

    process: "subprocess.Popen[str]"

    @property
    def pid(self) -> int:
        return self.process.pid

    def burn(self, seconds: float) -> float:
        """Use CPU for so many seconds, however long that takes; returns all that it has used so far."""
        assert self.process.stdin
        assert self.process.stdout
        print(seconds, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


@pytest.fixture
def burner() -> Iterator[Burner]:
    """One that is ended after the test."""
    process = subprocess.Popen([sys.executable, "-c", BURNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    found = Burner(process)
    found.burn(0)  # the interpreter has started
    yield found
    process.communicate()


@dataclass
class Clock:
    """Seconds, moved by the test."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """At 0."""
    return Clock()
