"""Drafts that ran are kept; the column is added without writing the table of executions anew."""

import flows.values.json_column
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('executions', '0003_tests_apart'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptDraft',
            fields=[
                ('digest', models.CharField(help_text='SHA-256 of the definition.', max_length=64, primary_key=True, serialize=False)),
                ('definition', flows.values.json_column.JsonTextField()),
                ('kept_at', models.DateTimeField(help_text='When it ran last.')),
            ],
        ),
        migrations.AddField(
            model_name='execution',
            name='draft_digest',
            field=models.CharField(editable=False, help_text='The draft that ran; see KeptDraft.', max_length=64, null=True),
        ),
        migrations.AddIndex(
            model_name='execution',
            index=models.Index(condition=models.Q(('draft_digest__isnull', False)), fields=['draft_digest'], name='execution_drafts'),
        ),
    ]
