"""Production is the default, and it is whole."""

import os
import subprocess
import sys

import pytest

from tests.integration.servers import ROOT

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "x" * 25 + "abcdefghijklmnopqrstuvwxyz0123456789",
    "JWT_SECRET": "y" * 64,
    "ALLOWED_HOSTS": "example.org",
    "EXTRA_APPS": "",
}


def manage(*words: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """A management command in that environment; None takes a variable out."""
    changed = {**os.environ, "DJANGO_SETTINGS_MODULE": "realtime_project.settings", **PRODUCTION, **changes}
    env = {name: value for name, value in changed.items() if value is not None}
    run = [sys.executable, "manage.py", *words]
    return subprocess.run(run, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_the_deployment_check_is_clean() -> None:
    done = manage("check", "--deploy", "--fail-level", "INFO")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_openapi_is_whole_and_without_a_warning() -> None:
    done = manage("spectacular", "--validate", "--fail-on-warn", "--file", os.devnull)
    assert done.returncode == 0, done.stderr


def test_no_migration_is_missing() -> None:
    assert manage("makemigrations", "--check", "--dry-run").returncode == 0


@pytest.mark.parametrize("secret", ["SECRET_KEY", "JWT_SECRET"])
def test_a_missing_secret_is_named_with_its_remedy(secret: str) -> None:
    done = manage("check", **{secret: None})
    assert done.returncode != 0
    assert f"{secret} is not set. Generate one with" in done.stderr


def test_an_unknown_environment_is_refused() -> None:
    done = manage("check", ENVIRONMENT="prod")
    assert done.returncode != 0
    assert "set it to development or production" in done.stderr


@pytest.mark.parametrize("name", ["english'", "a b", "English", "a.b.c", "1a", "a;b"])
def test_a_search_configuration_is_a_name_and_nothing_else(name: str) -> None:
    done = manage("check", CHAT_SEARCH_CONFIG=name)
    assert done.returncode != 0
    assert "CHAT_SEARCH_CONFIG is" in done.stderr


@pytest.mark.parametrize(("name", "value"), [("AUTH_TIMEOUT", "soon"), ("AUTH_TIMEUOT", "5"), ("MAX_ROOMS", "1.5")])
def test_an_ill_typed_or_misspelt_setting_of_the_core_is_refused_by_name(name: str, value: str) -> None:
    done = manage("check", **{f"REALTIME_{name}": value})
    assert done.returncode != 0
    assert name in done.stderr


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (None, "smtp localhost 25   False False noreply@chat.example.org"),
        ("smtp://mail.example.org", "smtp mail.example.org 25   False False noreply@chat.example.org"),
        (
            "smtp+tls://u:p%40ss@mail.example.org",
            "smtp mail.example.org 587 u p@ss True False noreply@chat.example.org",
        ),
        ("smtp+ssl://mail.example.org:466", "smtp mail.example.org 466   False True noreply@chat.example.org"),
    ],
)
def test_one_url_names_the_mail_server_and_how_to_talk_to_it(url: str | None, told: str) -> None:
    script = (
        "from django.conf import settings as s; print(s.EMAIL_BACKEND.split('.')[-2], s.EMAIL_HOST, s.EMAIL_PORT,"
        " s.EMAIL_HOST_USER, s.EMAIL_HOST_PASSWORD, s.EMAIL_USE_TLS, s.EMAIL_USE_SSL, s.DEFAULT_FROM_EMAIL)"
    )
    done = manage("shell", "-v", "0", "-c", script, EMAIL_URL=url, PUBLIC_URL="https://chat.example.org")
    assert done.stdout.strip() == told, done.stderr
