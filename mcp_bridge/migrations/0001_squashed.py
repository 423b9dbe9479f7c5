"""What API keys are made of, as the two first migrations left it."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('mcp_bridge', '0001_initial'),
        ('mcp_bridge', '0002_all_servers'),
    ]

    initial = True

    dependencies = [
        ('flows', '0001_squashed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Who or what uses it; shown with every call.', max_length=100)),
                ('prefix', models.CharField(editable=False, max_length=11)),
                ('key_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('tools', models.JSONField(blank=True, default=list, help_text='Tool names it may call. Empty: all.')),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to=settings.AUTH_USER_MODEL)),
                ('servers', models.ManyToManyField(blank=True, help_text='The servers it opens, unless it opens all.', related_name='api_keys', to='flows.server')),
                ('all_servers', models.BooleanField(default=True, help_text='It opens every server that its owner may see.')),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
                'ordering': ['-created_at', '-id'],
            },
        ),
    ]
