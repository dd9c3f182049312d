"""What lists of the chat can be narrowed down to."""

from typing import cast

import django_filters
from django.db.models import QuerySet
from rest_framework.request import Request

from chat import selectors
from chat.models import Conversation
from realtime.rest.views import reader


class ConversationFilter(django_filters.FilterSet):  # type: ignore[misc]
    """By kind, by what they are called or who is in them, and by whether they are pinned."""

    kind = django_filters.ChoiceFilter(choices=Conversation.Kind.choices)
    search = django_filters.CharFilter(method="named", max_length=150, label="In the title, or in a member's name.")
    pinned = django_filters.BooleanFilter()

    def named(self, queryset: QuerySet[Conversation], name: str, value: str) -> QuerySet[Conversation]:
        """With that text in a name that the reader may see."""
        return selectors.named(queryset, reader(cast(Request, self.request)), value)
