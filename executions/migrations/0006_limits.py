"""Calls over a limit are counted, and of executions of strangers that wait it is known which belong together."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('executions', '0005_exchange'),
    ]

    operations = [
        migrations.AddField(
            model_name='suspension',
            name='asked_at',
            field=models.CharField(blank=True, db_default='', default='', help_text='Of a stranger: a keyed hash of the address.', max_length=64),
        ),
        migrations.CreateModel(
            name='RefusedCalls',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('minute', models.IntegerField(help_text='Minutes since 1970-01-01 UTC.')),
                ('principal_id', models.CharField(help_text='Whose calls: `key:12`, `user:3`, or `anonymous` for all strangers.', max_length=64)),
                ('flow_key', models.BigIntegerField()),
                ('server_key', models.BigIntegerField()),
                ('number', models.PositiveIntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['flow_key', 'minute'], name='refused_calls_of_flow')],
                'constraints': [models.UniqueConstraint(fields=('minute', 'principal_id', 'flow_key', 'server_key'), name='refused_calls_unique')],
            },
        ),
    ]
