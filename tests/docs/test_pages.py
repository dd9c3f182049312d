"""The pages tell all there is, and nothing that is not."""

import re
from collections.abc import Iterable

import msgspec
import pytest

from realtime import commands, events
from realtime.conf import Conf
from realtime.errors import STATUS, Close
from realtime.vocabulary import doors
from tests.integration.servers import ROOT

PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
SOCKETIO = (ROOT / "docs" / "socketio.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
SOURCE = "".join(path.read_text() for path in (ROOT / "realtime_project").glob("settings*.py"))
CORE_NAMES = {name.upper() for name in Conf.__struct_fields__}
NOT_BY_ENVIRONMENT = {
    "AUTHENTICATOR",
    "TOKEN_ISSUER",
    "TOKEN_VERIFIER",
    "REDIS_URL",
    "DATABASE_THREADS",
    "ALLOWED_ORIGINS",
    "TRUSTED_PROXIES",
    "BRIDGE",
}


def rows(page: str, *, first: str) -> dict[str, str]:
    """Name and default of the rows whose first cell begins so."""
    return dict(re.findall(rf"^\| `({first}\w*)` \| `?([^`|]*)`? *\|", page, re.MULTILINE))


def ours(names: Iterable[str]) -> set[str]:
    """Without those of the tests' own apps, and what only families of Socket.IO clients hear."""
    families = {name for name, event in events.registry.items() if not event.canonical}
    return {name for name in names if not name.startswith(("lab.", "test.", "probe."))} - families


def test_every_variable_is_in_the_table() -> None:
    read = set(re.findall(r"""env\.\w+\(\s*"([A-Z0-9_]+)\"""", SOURCE)) | set(
        re.findall(r"""secret\("(\w+)"\)""", SOURCE)
    )
    told = {name for name in re.findall(r"^\| `(\w+)` \|", SETTINGS, re.MULTILINE) if not name.startswith("REALTIME_")}
    assert told == read | {"PORT"}  # which the Makefile and the commands read


def test_every_setting_of_the_core_is_in_the_table_with_its_default() -> None:
    told = rows(SETTINGS, first="REALTIME_")
    assert {f"REALTIME_{name}" for name in CORE_NAMES - NOT_BY_ENVIRONMENT} == set(told)
    defaults = {field.encode_name: field.default for field in msgspec.structs.fields(Conf)}
    assert told == {f"REALTIME_{name}": str(defaults[name]) for name in CORE_NAMES - NOT_BY_ENVIRONMENT}


@pytest.mark.parametrize("name", sorted(ours(commands.registry)) + sorted(ours(events.registry)))
def test_every_command_and_event_is_in_the_protocol(name: str) -> None:
    assert re.search(rf"^\|[^|]*`{re.escape(name)}`", PROTOCOL, re.MULTILINE)


def test_every_word_of_a_family_is_on_the_page_of_socketio() -> None:
    profiles = [profile for door in doors.values() for profile in (door.profile, door.in_band, door.anonymous)]
    families = [profile for profile in profiles if profile is not None and "lab" not in profile.name]
    words = {word for profile in families for word in profile.asks}
    words |= {tell.name for profile in families for tell in profile.tells.values()}
    words |= {ask.reply.name for profile in families for ask in profile.asks.values() if ask.reply is not None}
    told = set(re.findall(r"`([a-zA-Z][\w.:-]*)", SOCKETIO))
    assert words >= {"sendMessage", "join-room", "users.checkOnline", "ping"}
    assert words <= told


def test_the_protocol_names_no_command_or_event_that_there_is_not() -> None:
    told = re.findall(r"^\| ((?:`[a-zA-Z.]+`(?:, )?)+) \|", PROTOCOL, re.MULTILINE)
    names = {name for cell in told for name in re.findall(r"`([a-z][a-zA-Z.]+)`", cell)}
    assert names == ours(commands.registry) | ours(events.registry) | {"auth", "error"}


def test_every_code_is_in_the_protocol() -> None:
    assert not [code for code in STATUS if f"`{code}`" not in PROTOCOL]
    assert not [close for close in Close if f"| {int(close)} |" not in PROTOCOL]
