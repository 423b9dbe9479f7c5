"""Payloads become `json` on PostgreSQL, with the text that they are.

PostgreSQL writes the table of executions anew, once for all five columns: meanwhile it is locked, and it takes about as
much room again. On SQLite nothing changes, payloads are text there.
"""

from django.db import migrations

import executions.record.payload_column

PAYLOADS = ('initial_params', 'node_executions', 'result', 'error_info', 'caller')


def retype(schema_editor, kind):
    if schema_editor.connection.vendor == 'postgresql':
        changes = ', '.join(f'ALTER COLUMN "{name}" TYPE {kind} USING "{name}"::{kind}' for name in PAYLOADS)
        schema_editor.execute(f'ALTER TABLE "executions_execution" {changes}')


class Migration(migrations.Migration):

    dependencies = [
        ('executions', '0001_squashed'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunPython(
                    lambda apps, schema_editor: retype(schema_editor, 'json'),
                    lambda apps, schema_editor: retype(schema_editor, 'text'),
                ),
            ],
            state_operations=[
                migrations.AlterField('execution', name, executions.record.payload_column.PayloadField(**options))
                for name, options in (
                    ('initial_params', {'default': dict}),
                    ('node_executions', {'default': list}),
                    ('result', {'null': True}),
                    ('error_info', {'null': True}),
                    ('caller', {'default': dict}),
                )
            ],
        ),
    ]
