"""Every address of the project.

An app adds its own: `api_urlpatterns` in its `urls` module come below `/api/`, `urlpatterns` at the root.
"""

from collections.abc import Iterator
from importlib import import_module

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.utils.module_loading import module_has_submodule
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from realtime.rest.views import NotFoundView

Route = URLPattern | URLResolver


def discover(attribute: str, configs: list[AppConfig]) -> Iterator[Route]:
    """What the apps' `urls` modules hold under this name, in the order of INSTALLED_APPS."""
    for config in configs:
        if config.module and module_has_submodule(config.module, "urls"):
            yield from getattr(import_module(f"{config.name}.urls"), attribute, ())


def own_apps() -> list[AppConfig]:
    """The core and the project's apps; what else is installed adds nothing at the root unasked."""
    own = {"realtime", *settings.PROJECT_APPS}
    return [config for config in apps.get_app_configs() if config.name in own]


api_urlpatterns: list[Route] = [
    *discover("api_urlpatterns", list(apps.get_app_configs())),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    re_path(r"", NotFoundView.as_view()),
]

urlpatterns: list[Route] = [
    path("admin/", admin.site.urls),
    path("api/", include(api_urlpatterns)),
    *discover("urlpatterns", own_apps()),
]
