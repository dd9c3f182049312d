"""Migrations that some databases have had under other names.

For a time the tree did in two migrations, chat 0003_owners_and_positions and accounts 0003_confirmed_email, what
several do now. Databases of then have all of it.
"""

from typing import ClassVar

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState


class RenumberedMigration(migrations.Migration):
    """Where the other one was applied, it changes nothing but what Django knows of the models."""

    other: ClassVar[tuple[str, str]]

    def apply(
        self, project_state: ProjectState, schema_editor: BaseDatabaseSchemaEditor, collect_sql: bool = False
    ) -> ProjectState:
        """As any migration, or the state alone."""
        if self.other in MigrationRecorder(schema_editor.connection).applied_migrations():
            return self.mutate_state(project_state, preserve=False)
        return super().apply(project_state, schema_editor, collect_sql)
