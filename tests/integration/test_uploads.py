"""Files over real servers: from one person's client to another's."""

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from accounts.models import User
from accounts.tokens import access_token
from chat import services
from chat.events import UploadProgress
from chat.images import read_picture
from chat.models import Attachment, Conversation
from realtime.testing import Client, Server
from tests.chat.files import media, photograph
from tests.integration.conftest import Site, pair
from tests.integration.families import Connect, logged_in
from tests.realtime.waiting import until

__all__ = ["media"]
Join = Callable[..., Client]


class Browser:
    """HTTP as a user's client speaks it."""

    def __init__(self, port: int, user: User | None = None) -> None:
        self.port = port
        self.headers = {} if user is None else {"Authorization": f"Bearer {access_token(user)}"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of the answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, self.headers | headers)
            response = connection.getresponse()
            return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()

    def upload(self, content: bytes, name: str = "a.bin", **fields: str) -> tuple[int, Any]:
        """A form of several parts, by hand."""
        boundary = uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}'
            for key, value in fields.items()
        ]
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n"
        )
        body = "\r\n".join(parts).encode() + b"\r\n" + content + f"\r\n--{boundary}--\r\n".encode()
        form = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        status, answer, _ = self.ask("POST", "/api/attachments/", body, **form)
        return status, json.loads(answer)


def local(url: str) -> str:
    """Path and query of an absolute URL."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


@pytest.mark.parametrize("size", [10_000, 20_000_000], ids=["in memory", "on the disk"])
@pair
def test_a_file_goes_from_one_person_to_the_other(
    site: Site, join: Join, group: Conversation, alice: User, bob: User, size: int
) -> None:
    first, second = site.servers
    content = photograph(6) + bytes(range(256)) * (size // 256)
    listener = join(second, bob)
    status, told = Browser(first.port, alice).upload(content, "Ferien ☀.jpg", conversationId=str(group.pk))
    assert (status, told["type"], told["size"], told["width"], told["height"]) == (
        201,
        "image/jpeg",
        len(content),
        40,
        60,
    )
    services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="look", attachments=[{"id": told["id"]}])
    listener.expect("message.new", text="look")
    reader = Browser(second.port, bob)
    status, downloaded, headers = reader.ask("GET", local(told["url"]))
    assert (status, headers["content-type"], headers["content-length"]) == (200, "image/jpeg", str(len(content)))
    assert headers["content-disposition"] == "inline; filename*=utf-8''Ferien%20%E2%98%80.jpg"
    assert headers["x-content-type-options"] == "nosniff"
    assert downloaded == content
    part = reader.ask("GET", local(told["url"]), Range=f"bytes=5000-{len(content) - 1}")
    assert (part[0], part[1] == content[5000:]) == (206, True)
    assert reader.ask("HEAD", local(told["url"]))[:2] == (200, b"")


@pair
def test_a_picture_in_a_page_needs_only_its_link(
    site: Site, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    first, second = site.servers
    _, told = Browser(first.port, alice).upload(photograph(), "a.jpg")
    services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="", attachments=[{"id": told["id"]}])
    status, link, _ = Browser(second.port, bob).ask("POST", f"/api/attachments/{told['id']}/link/")
    assert status == 200
    page = Browser(first.port)  # knows no token
    answer = page.ask("GET", local(json.loads(link)["thumbnailUrl"]), Accept="image/webp,*/*;q=0.8")
    assert (answer[0], answer[2]["content-type"]) == (200, "image/webp")
    assert page.ask("GET", local(told["url"]))[0] == 401
    token = local(json.loads(link)["url"]).partition("token=")[2]
    for server in site.servers:
        assert token not in server.log.read_text()


@pair
def test_what_is_too_large_is_refused_while_it_comes_in(site: Site, alice: User, bob: User, media: Path) -> None:
    browser = Browser(site.servers[0].port, alice)
    status, told = browser.upload(b"x" * 25_000_001)
    assert (status, told["code"]) == (413, "PAYLOAD_TOO_LARGE")
    status, told = browser.upload(b"x" * 30_000_000)
    assert (status, told["message"]) == (413, "The request is too large.")
    assert not Attachment.objects.exists()


@pair
def test_progress_is_told_in_every_family(
    site: Site, join: Join, javascript: Connect, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    sender = logged_in(javascript(site.servers[0]), alice, group.pk)
    plain, messenger = join(site.servers[1], carol), logged_in(javascript(site.servers[1]), bob, group.pk)
    progress = {"uploadId": "u1", "conversationId": str(group.pk), "loaded": 5, "total": 10}
    sender.emit("upload-progress", progress | {"unknown": "is ignored"})
    told = progress | {"userId": str(alice.pk)}
    assert messenger.expect("upload-progress") == told
    assert plain.expect(UploadProgress).loaded == 5
    sender.hears_nothing("upload-progress")
    assert sender.call("upload-progress", progress | {"loaded": 11})["code"] == "INVALID_PAYLOAD"
    messenger.hears_nothing("upload-progress")


@pytest.mark.django_db(transaction=True)
def test_an_upload_holds_nobody_else(
    realtime_server: Server, connect: Join, alice: User, bob: User, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upload goes on when somebody else has been answered: were the loop held by it, both would wait for ever."""
    begun, answered = Event(), Event()

    def slowly(*arguments: Any) -> Any:
        begun.set()
        assert answered.wait(20)
        return read_picture(*arguments)

    monkeypatch.setattr("chat.media.read_picture", slowly)
    results: list[Any] = []
    browser = Browser(int(realtime_server.address.rpartition(":")[2]), alice)
    upload = Thread(target=lambda: results.append(browser.upload(photograph(), "a.jpg")))
    upload.start()
    assert begun.wait(20)
    assert connect(bob).call("ping")["timestamp"]
    other = Browser(browser.port, bob)
    assert other.upload(b"hello")[0] == 201
    answered.set()
    upload.join()
    assert results[0][0] == 201


def open_files(folder: Path) -> list[str]:
    """What this process holds open there."""
    held = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            held.append(str(link.readlink()))
    return [name for name in held if name.startswith(str(folder))]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="which files are open is told by Linux alone")
@pytest.mark.django_db(transaction=True)
def test_a_reader_that_leaves_in_the_midst_leaves_nothing_open(
    realtime_server: Server, alice: User, media: Path
) -> None:
    browser = Browser(int(realtime_server.address.rpartition(":")[2]), alice)
    _, told = browser.upload(photograph() + bytes(20_000_000), "a.jpg")
    with socket.create_connection(("127.0.0.1", browser.port)) as client:
        lines = [f"GET {local(told['url'])} HTTP/1.1", "Host: x", f"Authorization: {browser.headers['Authorization']}"]
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        asyncio.run(until(lambda: bool(open_files(media))))
    asyncio.run(until(lambda: not open_files(media)))
    assert browser.ask("GET", local(told["url"]), Range="bytes=0-1")[1] == photograph()[:2]
