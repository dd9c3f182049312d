"""A mail server that keeps what it gets, and can refuse, hang or be away."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from tests.services import free_port

PATIENCE = 20.0


class MailServer:
    """`answers["RCPT"] = "550 no such person"` refuses, by command or by address; `hold` makes it hang on a mail."""

    def __init__(self) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.answers: dict[str, str] = {}
        self.asked: list[str] = []  # the recipients that were named, refused ones too
        self.holding = threading.Event()
        self.reached = threading.Event()  # a mail has come while it hangs
        self._changed = threading.Condition()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    @property
    def url(self) -> str:
        """As EMAIL_URL has it."""
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """No mail is accepted, nor refused, until the end of the block."""
        self.reached.clear()
        self.holding.set()
        yield
        self.holding.clear()

    def wait_for(self, number: int) -> list[EmailMessage]:
        """All mails, when there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.mails) >= number, PATIENCE), self.mails
            return list(self.mails)

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd looks for this name
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        self.asked.append(address)
        if answer := self.answers.get(address) or self.answers.get("RCPT"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.reached.set()
        while self.holding.is_set():  # noqa: ASYNC110 -- it is set in another thread
            await asyncio.sleep(0.01)  # whoever hangs up cancels this
        if answer := self.answers.get("DATA"):
            return answer
        with self._changed:
            self.mails.append(message_from_bytes(cast(bytes, envelope.content), policy=policy.default))
            self._changed.notify_all()
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """One that is there."""
    server = MailServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
