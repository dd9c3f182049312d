"""What chat refuses beyond Django's own exceptions."""

from django.core.exceptions import ValidationError


class TextTooLong(ValidationError):
    """A message over the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A message has at most {limit} characters.", code="payload_too_large")
