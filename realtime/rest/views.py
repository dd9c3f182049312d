"""What all views share."""

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView


def reader(request: Request) -> str:
    """The id of the user who is asking; for views that only users reach."""
    assert request.user.pk is not None
    return str(request.user.pk)


@extend_schema(exclude=True)
class NotFoundView(APIView):
    """404 in the shape of all errors, also while developing, where Django would answer in HTML."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Refuse every method alike."""
        super().initial(request, *args, **kwargs)
        raise NotFound("There is nothing at this address.")
