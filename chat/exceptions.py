"""What chat refuses beyond Django's own exceptions."""

from django.core.exceptions import PermissionDenied, ValidationError


class TextTooLong(ValidationError):
    """A message over the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A message has at most {limit} characters.", code="payload_too_large")


class FileTooLarge(ValidationError):
    """An upload over the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A file has at most {limit} bytes.", code="payload_too_large")


class PictureTooLarge(ValidationError):
    """More pixels than are decoded here, however few bytes they take."""

    def __init__(self, limit: int) -> None:
        super().__init__({"file": f"A picture has at most {limit} pixels."})


class BrokenFile(ValidationError):
    """A picture that cannot be shown."""

    def __init__(self) -> None:
        super().__init__({"file": "This picture is broken."})


class TypeRefused(ValidationError):
    """A type that is not among those that are allowed."""

    def __init__(self, content_type: str) -> None:
        super().__init__({"file": f"Files of this type ({content_type}) are not allowed."})


class TooManyUploads(ValidationError):
    """One who uploads and never sends."""

    def __init__(self, limit: int) -> None:
        message = f"{limit} uploads of yours are in no message yet: send or delete some of them first."
        super().__init__(message, code="conflict")


class QuotaExceeded(ValidationError):
    """More than one person's files may take."""

    def __init__(self, limit: int) -> None:
        message = f"Your files take at most {limit} bytes: delete some of them, or messages that have some, first."
        super().__init__(message, code="payload_too_large")


class UploadInUse(ValidationError):
    """A file that is in a message stays until the message is deleted."""

    def __init__(self) -> None:
        super().__init__("This file is in a message; delete that.", code="conflict")


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
