"""A key says how many calls it may make."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mcp_bridge', '0002_scopes'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='calls_at_once',
            field=models.PositiveIntegerField(blank=True, help_text='In each process. Empty: so many that others do not starve.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000)]),
        ),
        migrations.AddField(
            model_name='apikey',
            name='calls_per_minute',
            field=models.PositiveIntegerField(blank=True, help_text='Empty: as many as come.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000)]),
        ),
    ]
