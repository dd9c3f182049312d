"""Rates of claims, against those who would use up somebody's one-time keys."""

from rest_framework.request import Request

from realtime.rest.throttling import Throttle
from realtime.rest.views import reader


class ClaimThrottle(Throttle):
    """One asker's claims of anybody's keys."""

    scope = "keys_claim"

    def key(self, request: Request) -> tuple[str, ...]:
        """The asker, on all devices."""
        return ("user", reader(request))


class ClaimPairThrottle(ClaimThrottle):
    """One asker's claims of one person's keys."""

    scope = "keys_claim_pair"

    def key(self, request: Request) -> tuple[str, ...]:
        """Both."""
        assert request.parser_context is not None
        return (*super().key(request), str(request.parser_context["kwargs"]["user_id"]))
