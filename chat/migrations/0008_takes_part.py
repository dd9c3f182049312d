from django.db import migrations, models


def note_who_takes_part(apps, schema_editor):
    """Whoever has begun a conversation, or said something in it."""
    membership, message = apps.get_model("chat", "Membership"), apps.get_model("chat", "Message")
    said = message.objects.filter(conversation=models.OuterRef("conversation"), sender=models.OuterRef("user"))
    begun = models.Q(conversation__created_by=models.F("user"))
    found = membership.objects.filter(begun | models.Exists(said)).values("pk")
    membership.objects.filter(pk__in=found).update(takes_part=True)


class Migration(migrations.Migration):
    dependencies = [("chat", "0007_calls_ring_for_who_comes")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="takes_part",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.RunPython(note_who_takes_part, migrations.RunPython.noop),
    ]
