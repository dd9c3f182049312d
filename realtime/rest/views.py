"""What all views share."""

from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from realtime.rest.throttling import throttle


def reader(request: Request) -> str:
    """The id of the user who is asking; for views that only users reach."""
    assert request.user.pk is not None
    return str(request.user.pk)


class CountedView(APIView):
    """Some of its methods have a rate beside that of all requests: `counts = {"POST": "message.send"}`.

    The name is that of a socket command, which is counted together with it, or one of `settings.THROTTLES`.
    """

    counts: ClassVar[Mapping[str, str]] = {}

    def get_throttles(self) -> list[BaseThrottle]:
        """Its own first."""
        name = self.counts.get(self.request.method or "")
        return [*([throttle(name)] if name else []), *super().get_throttles()]


@extend_schema(exclude=True)
class NotFoundView(APIView):
    """404 in the shape of all errors, also while developing, where Django would answer in HTML."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Refuse every method alike."""
        super().initial(request, *args, **kwargs)
        raise NotFound("There is nothing at this address.")
