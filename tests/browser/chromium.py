"""Playwright, and Chromium for it; who imports this without the one, or starts it without the other, is skipped."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 15_000  # milliseconds; an expectation that is met waits no longer than it must


def unavailable(reason: str) -> NoReturn:
    """Skip; but in CI a test that does not run is a test that fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)


try:
    from playwright.sync_api import Browser, Route, WebSocketRoute, expect, sync_playwright
except ImportError:
    unavailable("The PyPI package playwright is missing: `make install` brings it.")

__all__ = ["Browser", "Route", "WebSocketRoute", "expect", "launched"]


@contextmanager
def launched() -> Iterator[Browser]:
    """CHROMIUM, the system's, or the one that `playwright install chromium` brought."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        installed = next(filter(None, map(shutil.which, PROGRAMS)), None)
        program = os.environ.get("CHROMIUM") or installed or playwright.chromium.executable_path
        if not Path(program).exists():
            unavailable(f"There is no Chromium at {program}: install the system's, or `playwright install chromium`.")
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()
