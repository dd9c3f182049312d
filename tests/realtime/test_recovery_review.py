"""What a reviewer tried to break in coming back, and could not."""

import pytest

from accounts.models import User
from realtime.process import Process
from realtime.publishing import Admit, Evict
from tests.realtime.test_recovery import NOTES, back, listening, note, numbers, offset_of, settled, tell

pytestmark = pytest.mark.asyncio


async def test_who_was_put_out_and_let_in_again_hears_nothing_of_the_time_between(
    process: Process, alice: User
) -> None:
    lost = await listening(alice)
    await settled(lost)
    await lost.leave()
    await tell(Evict(alice.pk, NOTES))
    await note(1)
    await tell(Admit(alice.pk, NOTES))
    await note(2)
    for _ in range(2):  # the first greeting may have been lost
        found = await back(lost).greeted()
        await settled(found)
        assert found.events("connected")[0]["recovered"] is True
        assert numbers(found) == [2]


async def test_what_was_on_its_way_to_who_was_put_out_comes_after_all(process: Process, alice: User) -> None:
    lost = await listening(alice)
    await settled(lost)
    offset = offset_of(lost)
    await note(1)
    await tell(Evict(alice.pk, NOTES))
    await note(2)
    await settled(lost)
    await lost.leave()
    found = await back(lost, offset=offset).greeted()
    await settled(found)
    assert found.events("connected")[0]["recovered"] is True
    assert NOTES.address not in found.events("connected")[0]["rooms"]
    assert numbers(found) == [1]
