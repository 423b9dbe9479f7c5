"""A server says how many calls it takes, of all callers together and of strangers."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('flows', '0003_links_failures'),
    ]

    operations = [
        migrations.AddField(
            model_name='server',
            name='calls_at_once',
            field=models.PositiveIntegerField(blank=True, help_text='Of all its callers together, in each process. Empty: as many as come.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000)]),
        ),
        migrations.AddField(
            model_name='server',
            name='calls_per_minute',
            field=models.PositiveIntegerField(blank=True, help_text='Of all its callers together. Empty: as many as come.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000)]),
        ),
        migrations.AddField(
            model_name='server',
            name='stranger_calls_at_once',
            field=models.PositiveIntegerField(blank=True, help_text='From one address without an API key, in each process. Empty: what this FlowHub allows.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000)]),
        ),
        migrations.AddField(
            model_name='server',
            name='stranger_calls_per_minute',
            field=models.PositiveIntegerField(blank=True, help_text='From one address without an API key. Empty: what this FlowHub allows.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000)]),
        ),
    ]
