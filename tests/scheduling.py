"""Which tests xdist keeps together: those of a file, and those that share servers; the slow ones alone."""

from typing import Final

from xdist.scheduler import LoadScopeScheduling

# Where every test is parametrized with the servers that it talks to: each start of them costs seconds.
SERVERS: Final = {
    "tests/integration": ("with Redis", "without Redis"),
    "tests/realtime/transports/engineio": ("ours", "uvicorn", "daphne"),
}
TOGETHER: Final = ("tests/browser",)  # one demonstration, one Chromium
ALONE: Final = ("tests/openapi",)  # minutes in few files, of which no test has anything of another


def place(test: str) -> str:
    """What goes to one process with this test."""
    file, _, name = test.partition("::")
    folder = file.rpartition("/")[0]
    parameters = name.partition("[")[2].removesuffix("]").split("-")
    for server in SERVERS.get(folder, ()):
        if server in parameters:
            return f"{folder}: {server}"
    if folder in TOGETHER:
        return folder
    return test if folder in ALONE else file


class ByServers(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """`--dist loadfile`, but for what shares servers over many files. What begins first is left to the collection."""

    def __init__(self, config: object, log: object) -> None:
        super().__init__(config, log)
        self.config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return place(nodeid)
