"""Tests and replays are counted apart.

What was counted before stays as calls of clients; `manage.py recover --recount` takes the tests out of it.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('executions', '0002_payloads_are_json'),
    ]

    operations = [
        migrations.AlterField(
            model_name='execution',
            name='source',
            field=models.CharField(choices=[('mcp', 'Client'), ('test', 'Test'), ('replay', 'Replay'), ('api', 'REST')], default='mcp', max_length=10),
        ),
        migrations.AddField(
            model_name='executioncount',
            name='is_trial',
            field=models.BooleanField(default=False, help_text='Tests and replays; else the calls of clients.'),
        ),
        migrations.RemoveConstraint(
            model_name='executioncount',
            name='execution_count_unique',
        ),
        migrations.AddConstraint(
            model_name='executioncount',
            constraint=models.UniqueConstraint(fields=('flow_key', 'hour', 'status', 'owner_key', 'is_trial'), name='execution_count_unique'),
        ),
    ]
