"""How OpenAPI names our authentication."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object


class JWTScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """HTTP bearer. Not in authentication.py: what it imports would import that, by settings."""

    target_class = "accounts.authentication.JWTAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Of OpenAPI."""
        return dict(build_bearer_security_scheme_object("Authorization", "Bearer", bearer_format="JWT"))
