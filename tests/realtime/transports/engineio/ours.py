"""`python -m tests.realtime.transports.engineio.ours PORT APPLICATION`: uvicorn with the WebSocket protocol of ours."""

import sys

import uvicorn

from realtime.websockets import WebSocketProtocol

if __name__ == "__main__":
    uvicorn.run(
        sys.argv[2],
        port=int(sys.argv[1]),
        lifespan="off",
        ws=WebSocketProtocol,
        ws_max_size=1_000_000,
        ws_per_message_deflate=False,
        loop="uvloop",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
