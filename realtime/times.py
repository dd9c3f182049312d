"""How a moment is written on every wire."""

from datetime import UTC, datetime


def iso(value: datetime) -> str:
    """ISO 8601 in UTC with `Z` and milliseconds: `2026-01-31T12:00:00.000Z`."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """The present moment, as `iso` writes it."""
    return iso(datetime.now(UTC))


def iso_unix(seconds: float) -> str:
    """The same for seconds since 1970."""
    return iso(datetime.fromtimestamp(seconds, UTC))
