"""Words of the sources of executions."""

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
    ]
