"""What `manage.py check` says of the core's declarations."""

from collections.abc import Iterable

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from realtime import rooms
from realtime.auth import authenticator, verifier
from realtime.conf import conf
from realtime.redis_pools import require_address


@register("realtime")
def check_settings(**_: object) -> Iterable[CheckMessage]:
    """`settings.REALTIME` is whole, its authenticator and verifier can be imported, and its Redis has an address."""
    try:
        conf()
        authenticator()
        if settings.BODY_LIMITS:
            verifier()
    except (ImproperlyConfigured, ImportError, AttributeError) as error:
        return [Error(str(error), hint="See realtime/conf.py for the settings.", id="realtime.E001")]
    try:
        if conf().redis_url:
            require_address(conf().redis_url)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="realtime.E002")]
    return []


@register("realtime")
def check_rooms(**_: object) -> Iterable[CheckMessage]:
    """A room that does not say who may listen lets nobody in: surely forgotten."""
    return [
        Warning(
            f"{kind.__module__}.{kind.__qualname__} lets nobody in.",
            hint="Define `allows(self, user) -> bool`.",
            obj=kind,
            id="realtime.W001",
        )
        for kind in rooms.registry.values()
        if kind.allows is rooms.Room.allows
    ]
