"""The app of docs/adding-an-app.md, taken from the page, works as the page says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime.testing import Client
from tests.integration.servers import ROOT, ServerProcess

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "adding-an-app.md"
BLOCK = re.compile(r"^```python\n# (polls/\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's files, with the migration that its last step makes."""
    folder = tmp_path_factory.mktemp("team")
    files = BLOCK.findall(PAGE.read_text())
    assert len(files) == PAGE.read_text().count("```python")
    for name, content in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    manage(folder, {}, "makemigrations", "polls")
    return folder


def manage(folder: Path, env: dict[str, str], *words: str) -> str:
    run = [sys.executable, "manage.py", *words]
    done = subprocess.run(
        run, cwd=ROOT, env={**os.environ, **settings(folder), **env}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def settings(folder: Path) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "realtime_project.settings",
        "EXTRA_APPS": "polls",
        "PYTHONPATH": str(folder),
        "DATA_DIR": str(folder),
        "DATABASE_URL": "",
    }


def test_the_pages_own_tests_pass(folder: Path) -> None:
    env = {**os.environ, **settings(folder), "DJANGO_SETTINGS_MODULE": "tests.settings", "TEST_SQLITE": "1"}
    run = [sys.executable, "-m", "pytest", str(folder / "polls" / "tests.py"), "-q"]
    run += ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider"]
    done = subprocess.run(run, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_declarations_pass_the_checks(folder: Path) -> None:
    assert "no issues" in manage(folder, {}, "check")
    assert "No changes" in manage(folder, {}, "makemigrations", "--check", "--dry-run", "polls")


@pytest.fixture
def server(folder: Path) -> Iterator[ServerProcess]:
    """A server with the page's app, on a SQLite of its own."""
    manage(folder, {}, "migrate", "-v0")
    server = ServerProcess(**settings(folder)).start()
    yield server
    server.stop()


@pytest.mark.django_db(transaction=True)
def test_a_vote_over_rest_and_in_a_shell_is_seen_on_the_socket(folder: Path, server: ServerProcess) -> None:
    make = (
        "from accounts.models import User; from accounts.tokens import access_token; from polls.models import Poll;"
        "alice = User.objects.create_user('alice'); poll = Poll.objects.create(question='Tea?', author=alice);"
        "print(f'token={access_token(alice)} poll={poll.pk} user={alice.pk}')"
    )
    made = dict(word.split("=", 1) for word in manage(folder, {}, "shell", "-v0", "-c", make).split())
    with Client(server.url, token=made["token"]) as client:
        client.expect("connected")
        client.call("rooms.subscribe", {"room": f"poll:{made['poll']}"})
        assert client.call("poll.vote", {"pollId": int(made["poll"]), "isYes": True})["yes"] == 1
        assert client.expect("poll.changed") == {"pollId": made["poll"], "yes": 1, "no": 0}
        vote = f"from polls.services import vote; vote(user_id='{made['user']}', poll_id={made['poll']}, is_yes=False)"
        manage(folder, {}, "shell", "-v0", "-c", vote)
        assert client.expect("poll.changed") == {"pollId": made["poll"], "yes": 0, "no": 1}
        server.rest_with(made["token"], "PUT", f"polls/{made['poll']}/vote/", {"isYes": True})
        assert client.expect("poll.changed") == {"pollId": made["poll"], "yes": 1, "no": 0}
