"""Calls to test with."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.models import User
from chat import services
from chat.exceptions import Busy, CallOver
from chat.models import Call, Conversation


def ring(conversation: Conversation, caller: User, device: str = "phone", **more: Any) -> Call:
    """One person calls the other."""
    return services.invite_to_call(caller_id=caller.pk, device=device, conversation_id=conversation.pk, **more)


def answer(call: Call, device: str = "laptop", **more: Any) -> Call:
    """Who is called answers."""
    return services.accept_call(user_id=call.callee_id, device=device, call_id=call.pk, **more)


def hang_up(call: Call, user: User, device: str = "phone") -> Call:
    """One of the two ends it."""
    return services.hang_up(user_id=user.pk, device=device, call_id=call.pk)


def grow_old(call: Call, seconds: float = 46) -> None:
    """It began so long ago."""
    Call.objects.filter(pk=call.pk).update(created_at=timezone.now() - timedelta(seconds=seconds))


def how_it_stands(call: Call) -> tuple[str, str]:
    """State and reason in the database."""
    state, reason = Call.objects.values_list("state", "end_reason").get(pk=call.pk)
    return state, reason


def refusal(action: Callable[[], Any]) -> tuple[str, Any]:
    """Code and reason of a refusal."""
    with pytest.raises(PermissionDenied) as refused:
        action()
    error = refused.value
    assert isinstance(error, Busy | CallOver)
    return error.code, error.details["reason"]
