"""What the new columns of 0006 say of each member who is there already.

Apart from it and in steps: the tables that it changes are locked against everybody until it ends, and there may be
many members.
"""

from django.db import migrations
from django.db.models import Exists, F, OuterRef, Q, Subquery

from accounts.renumbered import RenumberedMigration

STEP = 2000


def in_steps(memberships):
    last = None
    while ids := list(after(memberships, last).order_by("id").values_list("id", flat=True)[:STEP]):
        yield memberships.filter(id__in=ids)
        last = ids[-1]


def after(memberships, last):
    return memberships if last is None else memberships.filter(id__gt=last)


def take_all_for_mailed(apps, schema_editor):
    """Nobody gets mail about what was said before: of that, too, nobody knows what was mailed."""
    alias = schema_editor.connection.alias
    conversations = apps.get_model("chat", "Conversation").objects.using(alias).filter(id=OuterRef("conversation_id"))
    memberships = apps.get_model("chat", "Membership").objects.using(alias)
    # Where mail has been sent already, this was interrupted and is begun again.
    for some in in_steps(memberships.filter(conversation__last_position__gt=0, mailed_position=0)):
        some.update(mailed_position=Subquery(conversations.values("last_position")))


def note_who_takes_part(apps, schema_editor):
    """Whoever has begun a conversation, or said something in it."""
    alias = schema_editor.connection.alias
    said = apps.get_model("chat", "Message").objects.using(alias)
    said = said.filter(conversation=OuterRef("conversation"), sender=OuterRef("user"))
    memberships = apps.get_model("chat", "Membership").objects.using(alias)
    for some in in_steps(memberships):
        active = some.filter(Q(conversation__created_by=F("user")) | Exists(said)).values_list("id", flat=True)
        memberships.filter(id__in=list(active)).update(takes_part=True)


class Migration(RenumberedMigration):
    other = ("chat", "0003_owners_and_positions")

    atomic = False

    dependencies = [("chat", "0006_mail_and_contacts")]

    operations = [
        migrations.RunPython(take_all_for_mailed, migrations.RunPython.noop),
        migrations.RunPython(note_who_takes_part, migrations.RunPython.noop),
    ]
