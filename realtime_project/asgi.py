"""The ASGI application: puts the pieces together and decides nothing."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realtime_project.settings")
django_application = get_asgi_application()  # first: it loads the apps that the rest imports from

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from realtime.bodies import BodyLimit  # noqa: E402
from realtime.lifespan import lifespan  # noqa: E402
from realtime.middleware import JWTAuthMiddleware, OriginMiddleware  # noqa: E402
from realtime.routing import socketio, websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": socketio(BodyLimit(django_application)),
        "websocket": socketio(OriginMiddleware(JWTAuthMiddleware(URLRouter(websocket_urlpatterns)))),
        "lifespan": lifespan,
    }
)
