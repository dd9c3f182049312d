"""Health: `/healthz` says that the process lives, `/readyz` that clients may be sent to it."""

import asyncio

from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse

from realtime import database
from realtime.process import Process
from realtime.publisher import LAYER_ERRORS

READY_TIMEOUT = 2  # seconds; a balancer does not wait longer


async def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the event loop turns."""
    return JsonResponse({"status": "ok"})


async def readyz(request: HttpRequest) -> JsonResponse:
    """200 if the database, the channel layer and all background loops work, else 503 with the reasons."""
    troubles: list[str] = []
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            await database.run(_ask_database)
    except (DatabaseError, TimeoutError):
        troubles.append("the database does not answer")
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            process = await Process.started()
            troubles += process.troubles
            await process.publisher.probe()
    except (*LAYER_ERRORS, TimeoutError):
        troubles.append("the channel layer does not answer")
    status = {"status": "unready" if troubles else "ok", "troubles": troubles}
    return JsonResponse(status, status=503 if troubles else 200)


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
