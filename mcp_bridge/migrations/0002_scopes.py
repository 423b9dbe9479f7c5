"""Keys have scopes, and can be rotated. Keys from before keep what they could: those without limits opened REST too."""

from django.db import migrations, models

import mcp_bridge.models
from flows.values.scopes import EVERYTHING


def keep(apps, schema_editor):
    keys = apps.get_model('mcp_bridge', 'ApiKey').objects.filter(all_servers=True)
    # The tools are compared here: the databases do not agree on how JSON is compared.
    unlimited = [pk for pk, tools in keys.values_list('pk', 'tools') if not tools]
    keys.filter(pk__in=unlimited).update(scopes=list(EVERYTHING))


class Migration(migrations.Migration):

    dependencies = [
        ('mcp_bridge', '0001_squashed'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='former_hash',
            field=models.CharField(editable=False, max_length=64, null=True, unique=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='former_until',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='scopes',
            field=models.JSONField(
                blank=True, default=mcp_bridge.models.calls_only, help_text='What it may do: names of `Scope`.'
            ),
        ),
        migrations.RunPython(keep, migrations.RunPython.noop),
    ]
