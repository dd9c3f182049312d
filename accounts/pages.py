"""The pages behind the links in mails: whoever has the link needs no log-in."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from django.core import signing
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

POLICY = "; ".join(
    ("default-src 'none'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'")
)
OLD, BAD, GONE = "old", "bad", "gone"
STATUS = {OLD: 410, BAD: 404, GONE: 410}


# Without a token against forged requests: mail programs post here by themselves (RFC 8058). The link is what counts.
@method_decorator([never_cache, csrf_exempt], name="dispatch")
class LinkView(ABC, View):
    """GET asks and changes nothing, because programs that look for bad links follow every one; POST does it.

    The template extends `accounts/page.html` and knows the `state`, and what is `asked`.
    """

    http_method_names = ("get", "head", "post", "options")
    template: ClassVar[str]

    @abstractmethod
    def read(self, token: str) -> Any:
        """What the link asks for; signing.SignatureExpired for an old one, signing.BadSignature for any other."""

    @abstractmethod
    def do(self, asked: Any) -> None:
        """It, and again without harm; ObjectDoesNotExist if there is nobody for whom it could be done."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The question."""
        return self._answer(request, does=False)

    def post(self, request: HttpRequest) -> HttpResponse:
        """It is done; again, it stays done."""
        return self._answer(request, does=True)

    def _answer(self, request: HttpRequest, *, does: bool) -> HttpResponse:
        try:
            asked = self.read(request.GET.get("token", ""))
            if does:
                self.do(asked)
        except signing.SignatureExpired:
            return self._page(request, OLD)
        except signing.BadSignature:
            return self._page(request, BAD)
        except ObjectDoesNotExist:
            return self._page(request, GONE)
        return self._page(request, "done" if does else "ask", asked)

    def _page(self, request: HttpRequest, state: str, asked: Any = None) -> HttpResponse:
        page = render(request, self.template, {"state": state, "asked": asked}, status=STATUS.get(state, 200))
        page["Content-Security-Policy"] = POLICY
        page["Referrer-Policy"] = "no-referrer"  # the address is the key
        return page
