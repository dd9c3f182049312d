"""What the services refuse, with the code that a client is told."""

from django.core.exceptions import PermissionDenied, ValidationError


class Blocked(PermissionDenied):
    """One of the two has blocked the other."""

    code = "BLOCKED"

    def __init__(self, message: str = "You cannot reach this person.") -> None:
        super().__init__(message)


class TooManyBlocks(ValidationError):
    """One who blocks without end."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"You have blocked {limit} people: take a block back first.", code="conflict")


class WrongCredentials(PermissionDenied):
    """No active account has this name and password; which of the two is wrong is not told."""

    code = "AUTH_FAILED"

    def __init__(self) -> None:
        super().__init__("Authentication failed")
