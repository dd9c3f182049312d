"""A group of two, and their direct conversation."""

import pytest

from accounts.models import User
from chat import services
from chat.models import Conversation
from tests.accounts.conftest import published, stranger

__all__ = ["published", "stranger"]


@pytest.fixture
def group(alice: User, bob: User) -> Conversation:
    """Alice's, with bob in it."""
    return services.create_conversation(creator_id=alice.pk, kind="group", members=[bob.pk], title="Trip")


@pytest.fixture
def direct(alice: User, bob: User) -> Conversation:
    """Begun by alice, with bob."""
    return services.create_conversation(creator_id=alice.pk, kind="direct", members=[bob.pk])
