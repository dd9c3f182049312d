"""The page behind a mail's "no more mail": whoever has the link needs no log-in."""

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from accounts.models import User
from chat import services, unsubscribing

POLICY = "; ".join(
    ("default-src 'none'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'")
)
OLD, BAD, GONE = "old", "bad", "gone"
STATUS = {OLD: 410, BAD: 404, GONE: 410}


# Without a token against forged requests: mail programs post here by themselves (RFC 8058). The link is what counts.
@method_decorator([never_cache, csrf_exempt], name="dispatch")
class UnsubscribeView(View):
    """GET asks and changes nothing, because programs that look for bad links follow every one; POST does it."""

    http_method_names = ("get", "head", "post", "options")

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """The question."""
        return _answer(request, token, does=False)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """It is done; again, it stays done."""
        return _answer(request, token, does=True)


def _answer(request: HttpRequest, token: str, *, does: bool) -> HttpResponse:
    try:
        wish = unsubscribing.read(token)
        if does:
            services.stop_mail(user_id=wish.user_id, conversation_id=wish.conversation_id)
    except signing.SignatureExpired:
        return _page(request, OLD)
    except signing.BadSignature:
        return _page(request, BAD)
    except User.DoesNotExist:
        return _page(request, GONE)
    return _page(request, "done" if does else "ask", is_one_conversation=wish.conversation_id is not None)


def _page(request: HttpRequest, state: str, **facts: bool) -> HttpResponse:
    page = render(request, "chat/mail/unsubscribe.html", {"state": state, **facts}, status=STATUS.get(state, 200))
    page["Content-Security-Policy"] = POLICY
    page["Referrer-Policy"] = "no-referrer"  # the address is the key
    return page
