from django.db import migrations, models
from django.db.models import Case, OuterRef, Q, Subquery, Value, When

from accounts.renumbered import RenumberedMigration


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


class Migration(RenumberedMigration):
    other = ("chat", "0003_owners_and_positions")

    dependencies = [("chat", "0002_complete")]

    operations = [
        migrations.RunPython(repair_owners, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(
                condition=Q(("role", "owner")), fields=("conversation",), name="chat_membership_one_owner"
            ),
        ),
    ]
