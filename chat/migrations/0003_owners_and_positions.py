from django.db import migrations, models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When


def repair_owners(apps, schema_editor):
    """Of several owners one remains, and a group without any gets one: by the rules of `hand_over`."""
    memberships = apps.get_model("chat", "Membership").objects.using(schema_editor.connection.alias)
    is_owner = {"role": "owner"}
    ranked = memberships.filter(conversation=OuterRef("conversation")).order_by(
        # A closed account owns nothing that an open one could; a direct conversation passes to nobody.
        Case(
            When(conversation__kind="direct", **is_owner, then=Value(0)),
            When(user__is_active=True, then=Value(1)),
            default=Value(2),
        ),
        Case(When(**is_owner, then=Value(0)), default=Value(1)),
        "joined_at",
        "id",
    )
    first = Subquery(ranked.values("id")[:1])
    memberships.filter(**is_owner).exclude(id=first).update(role="admin")
    memberships.filter(conversation__kind="group", id=first).exclude(**is_owner).update(**is_owner)


def take_all_for_read(apps, schema_editor):
    """Nobody knows what was read before that was noted: nothing of it is unread, and nobody gets mail about it."""
    alias = schema_editor.connection.alias
    conversations = apps.get_model("chat", "Conversation").objects.using(alias).filter(id=OuterRef("conversation_id"))
    last = Subquery(conversations.values("last_position"))
    memberships = apps.get_model("chat", "Membership").objects.using(alias)
    memberships.filter(conversation__last_position__gt=0).update(
        delivered_position=last, read_position=last, mailed_position=last
    )


def note_who_takes_part(apps, schema_editor):
    """Whoever has begun a conversation, or said something in it."""
    alias = schema_editor.connection.alias
    said = apps.get_model("chat", "Message").objects.using(alias)
    said = said.filter(conversation=OuterRef("conversation"), sender=OuterRef("user"))
    memberships = apps.get_model("chat", "Membership").objects.using(alias)
    active = memberships.filter(Q(conversation__created_by=F("user")) | Exists(said)).values("id")
    memberships.filter(id__in=active).update(takes_part=True)


class Migration(migrations.Migration):
    dependencies = [("chat", "0002_complete")]

    operations = [
        migrations.RunPython(repair_owners, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(
                condition=Q(("role", "owner")), fields=("conversation",), name="chat_membership_one_owner"
            ),
        ),
        # Last: where a row was changed twice, PostgreSQL takes no more changes of its table in this transaction.
        migrations.RunPython(take_all_for_read, migrations.RunPython.noop),
        migrations.RunPython(note_who_takes_part, migrations.RunPython.noop),
    ]
