"""Numbers with their unit, and durations, as people read them. Units are Grafana's ids (the `unit` annotation)."""

from datetime import timedelta

SUFFIX = {
    "percent": " %",
    "reqps": " req/s",
    "rps": " req/s",
    "ops": " ops/s",
    "cps": " /s",
    "wps": " writes/s",
    "cores": " cores",
    "ms": " ms",
    "none": "",
    "short": "",
    "": "",
}
SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"))
LARGEST = 1e100
"""Nothing that is measured is beyond it; sums and shares of such numbers would be none any more."""

BINARY = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))


def number(text: str | None) -> float | None:
    """Read an annotation's plain number; None when it is none, not finite or beyond LARGEST."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < LARGEST else None


def quantity(text: str, unit: str) -> str:
    """Write a value with its unit: ``0.97, percentunit`` is ``97 %``. What is no number is shown as it came."""
    value = number(text)
    if value is None:
        return text
    if unit == "percentunit":
        return f"{_plain(value * 100)} %"
    if unit in {"s", "dtdurations"}:
        return seconds(value)
    if unit == "bytes":
        return _bytes(value)
    return f"{_plain(value)}{SUFFIX.get(unit, f' {unit}')}"


def duration(span: timedelta) -> str:
    """Write how long something lasted, in its two largest units: ``3m 20s``."""
    total = max(0, round(span.total_seconds()))
    parts = [
        (total // 86400, "d"),
        (total // 3600 % 24, "h"),
        (total // 60 % 60, "m"),
        (total % 60, "s"),
    ]
    largest = next((index for index, (count, _) in enumerate(parts) if count), 3)
    return " ".join(f"{count}{letter}" for count, letter in parts[largest : largest + 2] if count) or "0s"


def seconds(value: float) -> str:
    """Write a number of seconds: ``250 ms``, ``2.5 s``, ``3m 20s``."""
    shown = abs(_three_digits(value))
    if 0 < shown < 1:
        return f"{_plain(value * 1000)} ms"
    if shown < 60 or abs(value) > 1e12:
        return f"{_plain(value)} s"
    return f"{'-' if value < 0 else ''}{duration(timedelta(seconds=abs(value)))}"


def _plain(value: float) -> str:
    """Three digits that count; whole numbers below a million in full, with separators.

    Rounded before the scale is chosen: 999.6 million is 1 G, not 1,000 M.
    """
    if abs(round(value)) < 1_000_000:
        return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    shown = _three_digits(value)
    size, letter = next(scale for scale in SCALES if abs(shown) >= scale[0])
    return f"{shown / size:.3g} {letter}"


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def _bytes(value: float) -> str:
    for size, letter in BINARY:
        if round(abs(value) / size * 1024) >= 1024:
            return f"{_plain(value / size)} {letter}"
    return f"{_plain(value)} B"
