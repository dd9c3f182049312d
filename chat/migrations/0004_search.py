"""The full text index of messages, on PostgreSQL: made while others write, so outside a transaction."""

from django.db import migrations

from chat import search_index


def build(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        search_index.rebuild(schema_editor.connection)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        search_index.drop(schema_editor.connection)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("chat", "0002_complete")]  # alone: see accounts.renumbered

    operations = [migrations.RunPython(build, drop)]
