"""The page at `/`: it is the same for all, and everything in it comes over REST and the socket."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from web.demo import PASSWORD, PEOPLE

View = Callable[[HttpRequest], HttpResponse]


def content_security_policy(view: View) -> View:
    """Nothing but this server's own files and sockets, and no HTML made from text, in this view's page."""

    @wraps(view)
    def secured(request: HttpRequest) -> HttpResponse:
        response = view(request)
        response["Content-Security-Policy"] = policy(request)
        return response

    return secured


def policy(request: HttpRequest) -> str:
    """The header's value."""
    # Safari before 15.4 does not count a WebSocket of the same host as 'self'. `get_host` is checked by Django.
    socket = f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}"
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": f"'self' {socket}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


@require_safe
@content_security_policy
def index(request: HttpRequest) -> HttpResponse:
    """Log in and talk; the demo people with their password are offered in development alone."""
    demo = {"people": PEOPLE, "password": PASSWORD} if settings.DEVELOPMENT else None
    return render(request, "web/index.html", {"demo": demo})
