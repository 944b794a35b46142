"""Grafana's unit ids into text that a person reads: ``percentunit`` 0.8312 -> ``83.1 %``."""

import math
from dataclasses import dataclass

_FACTORS: dict[str, tuple[tuple[float, str], ...]] = {
    # unit id: (how large one of it is in the base unit, its suffix), smallest first
    "short": ((1, ""), (1e3, " K"), (1e6, " M"), (1e9, " G"), (1e12, " T")),
    "percentunit": ((0.01, " %"),),
    "percent": ((1, " %"),),
    "s": ((1e-6, " µs"), (1e-3, " ms"), (1, " s"), (60, " min"), (3600, " h"), (86400, " d")),
    "ms": ((1e-3, " µs"), (1, " ms"), (1e3, " s"), (6e4, " min"), (3.6e6, " h"), (8.64e7, " d")),
    "bytes": ((1, " B"), (2**10, " KiB"), (2**20, " MiB"), (2**30, " GiB"), (2**40, " TiB")),
    "decbytes": ((1, " B"), (1e3, " kB"), (1e6, " MB"), (1e9, " GB"), (1e12, " TB")),
}
_PER_SECOND = {"reqps": "req/s", "rps": "reads/s", "wps": "writes/s", "ops": "ops/s", "cps": "/s", "mps": "msg/s"}


@dataclass(frozen=True)
class Scale:
    """How the values of one axis or one tile are written: divided by `size`, then `suffix`."""

    size: float
    suffix: str
    decimals: int | None
    """Digits after the point; None lets each number have three significant ones."""

    def text(self, value: float | None) -> str:
        """``12.3 %``; an em dash when there is no number (no data is not 0)."""
        if value is None or math.isnan(value):
            return "—"
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        return _number(value / self.size, self.decimals) + self.suffix


def scale(unit: str, largest: float, decimals: int | None = None) -> Scale:
    """Choose the scale of `unit` for values up to `largest` (in absolute terms).

    An id that isn't known is shown as a suffix, as Grafana does: ``cores`` -> ``0.42 cores``.
    """
    if unit in ("", "none"):
        return Scale(1, "", decimals)
    if unit in _FACTORS:
        size, suffix = _largest(_FACTORS[unit], unit, abs(largest))
        return Scale(size, suffix, decimals)
    if unit.startswith("suffix:"):
        return Scale(1, unit.removeprefix("suffix:"), decimals)
    size, suffix = _largest(_FACTORS["short"], "short", abs(largest))
    return Scale(size, f"{suffix} {_PER_SECOND.get(unit, unit)}", decimals)


def text(value: float | None, unit: str, decimals: int | None = None) -> str:
    """Write one number with the scale that fits it."""
    finite = 0.0 if value is None or not math.isfinite(value) else value
    return scale(unit, finite, decimals).text(value)


EXACT = 1e4
"""Counts are written out below this: 1,349 records say more than 1.35 K."""


def _largest(factors: tuple[tuple[float, str], ...], unit: str, largest: float) -> tuple[float, str]:
    if unit == "short" and largest < EXACT:
        return factors[0]
    fitting = [(size, suffix) for size, suffix in factors if size <= largest]
    if fitting:
        return fitting[-1]
    # zero has no size of its own: it is written in the base unit
    return next((factor for factor in factors if factor[0] == 1), factors[0]) if largest == 0 else factors[0]


def _number(value: float, decimals: int | None) -> str:
    if decimals is None:
        magnitude = math.floor(math.log10(abs(value))) if value else 0
        digits = min(6, max(0, 2 - magnitude)) if value else 0
        written = f"{value:,.{digits}f}"
        written = written.rstrip("0").rstrip(".") if "." in written else written
    else:
        written = f"{value:,.{decimals}f}"
    negative = written.startswith("-") and any(digit in written for digit in "123456789")
    return f"−{written[1:]}" if negative else written.removeprefix("-")
