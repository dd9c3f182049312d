"""What chat refuses beyond Django's own exceptions."""

from django.core.exceptions import PermissionDenied, ValidationError


class TextTooLong(ValidationError):
    """A message over the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A message has at most {limit} characters.", code="payload_too_large")


class SignalTooLarge(ValidationError):
    """What a call's devices tell each other, over the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A signal has at most {limit} bytes.", code="payload_too_large")


class Busy(PermissionDenied):
    """One of the two is in another call; `call_id` is told of one's own alone."""

    code = "CONFLICT"

    def __init__(self, message: str, *, call_id: object = None) -> None:
        super().__init__(message)
        self.details = {"reason": "busy"} | ({} if call_id is None else {"callId": str(call_id)})


class CallOver(PermissionDenied):
    """Too late: the call was answered by another device, or is over; `reason` tells which."""

    code = "CONFLICT"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.details = {"reason": reason}
