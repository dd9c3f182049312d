"""`make bench`: one server process under broadcasts, on this machine alone.

    python bench/run.py --listeners 200 --messages 300 --rounds 3

Prints, for each round and as medians: server CPU for each delivery (user and system, outbox rows
and all), latency from the sender to the listeners, and memory for each connection. Figures of a
shared machine: compare them within one run only.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from websockets.asyncio.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
TEXT = "x" * 60
ISSUE = (
    "from accounts.models import User; from accounts.tokens import access_token;"
    "print('token=' + access_token(User.objects.get_or_create(username='bench')[0]))"
)


@dataclass(frozen=True)
class Figures:
    """One round."""

    cpu: float  # microseconds of server CPU for each delivery
    p50: float  # milliseconds
    p99: float
    memory: float  # KiB for each connection

    def __str__(self) -> str:
        return (
            f"{self.cpu:8.1f} us CPU a delivery   p50 {self.p50:6.2f} ms   p99 {self.p99:6.2f} ms"
            f"   {self.memory:6.1f} KiB a connection"
        )


class Server:
    """`manage.py serve` on a free port, with a database of its own."""

    def __init__(self, folder: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.env = {**os.environ, "ENVIRONMENT": "development", "EXTRA_APPS": "bench", "LOG_LEVEL": "ERROR"}
        self.env |= {"DATA_DIR": folder, "PYTHONPATH": str(ROOT)}
        self._manage("migrate", "-v0")
        self.token = self._manage("shell", "-v0", "-c", ISSUE).split("token=")[1].strip()
        run = [sys.executable, "manage.py", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(run, cwd=ROOT, env=self.env)
        while not self._is_ready():
            time.sleep(0.05)

    def _manage(self, *words: str) -> str:
        run = [sys.executable, "manage.py", *words]
        return subprocess.run(run, cwd=ROOT, env=self.env, check=True, capture_output=True, text=True).stdout

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except (URLError, OSError):
            return False

    def cpu(self) -> float:
        """Seconds, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> int:
        """KiB of resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


async def enter(server: Server) -> ClientConnection:
    """A client that is in the room."""
    headers = {"Authorization": f"Bearer {server.token}"}
    client = await connect(
        f"ws://127.0.0.1:{server.port}/ws/", additional_headers=headers, compression=None, ping_interval=None
    )
    await client.recv()
    await client.send(json.dumps({"event": "rooms.subscribe", "id": 1, "data": {"room": "bench:hall"}}))
    while json.loads(await client.recv())["event"] != "reply":
        pass
    return client


async def listen(client: ClientConnection, messages: int) -> list[float]:
    """How long each message was under way, in milliseconds."""
    delays: list[float] = []
    while len(delays) < messages:
        frame = json.loads(await client.recv())
        if frame["event"] == "bench.spoken":
            assert frame["data"]["number"] == len(delays), "a message was lost, doubled or out of order"
            delays.append((time.monotonic() - frame["data"]["sentAt"]) * 1000)
    return delays


async def speak(client: ClientConnection, messages: int) -> None:
    """One message after the other, each when the last one was answered."""
    for number in range(messages):
        data = {"room": "hall", "number": number, "sentAt": time.monotonic(), "text": TEXT}
        await client.send(json.dumps({"event": "bench.speak", "id": number, "data": data}))
        while json.loads(await client.recv())["event"] != "reply":
            pass


async def measure(server: Server, listeners: int, messages: int) -> Figures:
    """One round, every listener in one room."""
    empty = server.memory()
    clients = [await enter(server) for _ in range(listeners)]
    speaker = await enter(server)
    memory = (server.memory() - empty) / (listeners + 1)
    before = server.cpu()
    heard = asyncio.gather(*(listen(client, messages) for client in clients))
    await speak(speaker, messages)
    delays = sorted(delay for client in await heard for delay in client)
    cpu = (server.cpu() - before) / (messages * (listeners + 1)) * 1e6
    for client in (*clients, speaker):
        await client.close()
    return Figures(cpu, delays[len(delays) // 2], delays[len(delays) * 99 // 100], memory)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    print(f"1 room x {words.listeners} listeners, {words.messages} messages, window 1")
    rounds = []
    for number in range(words.rounds):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            server = Server(folder)  # fresh for each round
            try:
                rounds.append(asyncio.run(measure(server, words.listeners, words.messages)))
            finally:
                server.stop()
        print(f"round {number + 1}:  {rounds[-1]}", flush=True)
    names = ("cpu", "p50", "p99", "memory")
    print(f"median:   {Figures(*(statistics.median(getattr(figures, name) for figures in rounds) for name in names))}")


if __name__ == "__main__":
    main()
