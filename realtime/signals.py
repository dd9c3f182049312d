"""Who hears of a change: pure generators over saved rows, run inside the transaction.

    @pushes(Message, watch=("text", "deleted_at"))
    def message_changed(message: Message, change: Change) -> Pushes:
        if change.created:
            yield Push(ConversationRoom(message.conversation_id), MessageNew.of(message))

Whatever saves the row — a socket command, REST, the admin, a management command — the push goes
out after the commit. A bulk write fires no signal of Django's: send one of your own beside it and
map that with `@pushes(my_signal)`; the generator then gets the signal's keyword arguments.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from django.db.models import Model
from django.db.models.expressions import BaseExpression, Combinable
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import Signal

from realtime.events import Event
from realtime.publishing import Admit, Disconnect, Evict, Intent, Push, Void, publish

__all__ = [
    "Admit",
    "Change",
    "Disconnect",
    "Evict",
    "Push",
    "Pushes",
    "Void",
    "connect_listeners",
    "going_on",
    "on_connect",
    "on_presence",
    "presence_listeners",
    "pushes",
]

Pushes = Iterator[Intent]
F = TypeVar("F", bound=Callable[..., Pushes])


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a row: `created`, `deleted`, or some watched fields changed.

    `origin` is what a deletion began with: the row itself, another that takes it along, or a queryset.
    """

    created: bool = False
    deleted: bool = False
    origin: Any = field(default=None, compare=False)
    before: dict[str, Any] = field(default_factory=dict)

    def was(self, name: str) -> Any:
        """The watched field's value before; KeyError if it did not change."""
        return self.before[name]

    def changed(self, name: str) -> bool:
        """Whether this watched field has another value now."""
        return name in self.before


def pushes(source: type[Model] | Signal, *, watch: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Publish what the generator yields when a row of the model is created, deleted or changed in `watch`."""
    if isinstance(source, Signal):
        return _on_signal(source)
    if not issubclass(source, Model):
        raise TypeError("@pushes takes a model class or a django.dispatch.Signal")
    return _on_model(source, watch)


def _on_signal(source: Signal) -> Callable[[F], F]:
    def register(function: F) -> F:
        def receive(*, signal: Signal, sender: object, **kwargs: Any) -> None:
            publish(*function(**kwargs))

        source.connect(receive, weak=False, dispatch_uid=_name(function))
        return function

    return register


def _on_model(model: type[Model], watch: tuple[str, ...]) -> Callable[[F], F]:
    attributes = {name: model._meta.get_field(name).attname for name in watch}  # type: ignore[union-attr]

    def register(function: F) -> F:
        watcher = _Watcher(model, attributes, function)
        for signal, receiver in (
            (pre_save, watcher.before_save),
            (post_save, watcher.after_save),
            (post_delete, watcher.after_delete),
        ):
            signal.connect(receiver, sender=model, weak=False, dispatch_uid=_name(function))
        return function

    return register


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


class _Watcher:
    """Compares a row with what the database held before it was saved.

    The old values come from the database, not from the instance, which may be partly loaded,
    refreshed or stale; they are asked for only when a save can touch a watched field.
    """

    def __init__(self, model: type[Model], attributes: dict[str, str], function: Callable[..., Pushes]) -> None:
        self.model, self.attributes, self.function = model, attributes, function
        self.stash = f"_before_{_name(function)}"

    def before_save(
        self, *, instance: Model, raw: bool, using: str, update_fields: frozenset[str] | None, **_: object
    ) -> None:
        touched = self._touched(update_fields)
        if raw or instance._state.adding or not touched:
            return
        old = self.model._base_manager.using(using).filter(pk=instance.pk).values(*touched).first()
        if old is not None:
            instance.__dict__[self.stash] = old

    def _touched(self, update_fields: frozenset[str] | None) -> list[str]:
        if update_fields is None:
            return list(self.attributes)
        return [name for name, attname in self.attributes.items() if {name, attname} & update_fields]

    def after_save(self, *, instance: Model, created: bool, raw: bool, **_: object) -> None:
        old = instance.__dict__.pop(self.stash, {})
        if raw:
            return
        if created:
            publish(*self.function(instance, Change(created=True)))
        elif before := {name: value for name, value in old.items() if self._differs(instance, name, value)}:
            publish(*self.function(instance, Change(before=before)))

    def _differs(self, instance: Model, name: str, old: Any) -> bool:
        value = getattr(instance, self.attributes[name])
        if isinstance(value, BaseExpression | Combinable):
            return True
        return bool(self.model._meta.get_field(name).to_python(value) != old)  # type: ignore[union-attr]

    def after_delete(self, *, instance: Model, origin: object = None, **_: object) -> None:
        publish(*self.function(instance, Change(deleted=True, origin=origin)))


PresenceListener = Callable[[str, bool], Pushes]
presence_listeners: Final[dict[str, PresenceListener]] = {}
"""What runs when a user's first device came or the last one went, by name."""


def on_presence(function: PresenceListener) -> PresenceListener:
    """Register a generator `(user_id, online) -> Pushes`; it runs in a database thread."""
    presence_listeners[_name(function)] = function
    return function


ConnectListener = Callable[[str], Iterator[Event]]
connect_listeners: Final[dict[str, ConnectListener]] = {}
"""What a new connection is told, by name."""


def on_connect(function: ConnectListener) -> ConnectListener:
    """Register a generator `(user_id) -> events`, of what is going on; it runs in a database thread.

    Each connection of the user that does not go on with a lost session is told, before all that is told since.
    """
    connect_listeners[_name(function)] = function
    return function


def going_on(user: str) -> list[Event]:
    """What a new connection of the user is told; nothing for nobody. In a database thread."""
    return [event for tell in connect_listeners.values() for event in tell(user)] if user else []
