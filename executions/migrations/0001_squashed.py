"""What executions are made of, as the eight first migrations left it: payloads are text until 0002."""

import django.db.models.deletion
import executions.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('executions', '0001_initial'),
        ('executions', '0002_runners_and_counts'),
        ('executions', '0003_leaner_indexes'),
        ('executions', '0004_replays'),
        ('executions', '0005_notes'),
        ('executions', '0006_suspensions'),
        ('executions', '0007_kept_answers'),
        ('executions', '0008_callers_that_wait'),
    ]

    initial = True

    dependencies = [
        ('flows', '0001_squashed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Runner',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('host', models.CharField(max_length=255)),
                ('pid', models.PositiveIntegerField()),
                ('process_started', models.CharField(blank=True, help_text='Tells it from a later one of that pid.', max_length=40)),
                ('started_at', models.DateTimeField()),
                ('heartbeat_at', models.DateTimeField(db_index=True)),
            ],
            options={
                'ordering': ['started_at'],
            },
        ),
        migrations.CreateModel(
            name='ExecutionCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('flow_key', models.BigIntegerField()),
                ('owner_key', models.BigIntegerField()),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('fulfilled', 'Fulfilled'), ('error', 'Error')], max_length=10)),
                ('hour', models.IntegerField(help_text='Hours since 1970-01-01 UTC in which they started; -1 for all together.')),
                ('number', models.BigIntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['hour', 'owner_key', 'status'], name='execution_count_by_owner')],
                'constraints': [models.UniqueConstraint(fields=('flow_key', 'hour', 'status', 'owner_key'), name='execution_count_unique')],
            },
        ),
        migrations.CreateModel(
            name='CallKey',
            fields=[
                ('scope', models.CharField(help_text='Hash of principal, server and key.', max_length=64, primary_key=True, serialize=False)),
                ('request', models.CharField(help_text='Keyed hash of the arguments.', max_length=64)),
                ('tool_name', models.CharField(max_length=128)),
                ('execution_id', models.UUIDField()),
                ('waited_until', models.DateTimeField(help_text='Somebody in another process waits until then.', null=True)),
                ('expires_at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='Execution',
            fields=[
                ('id', models.UUIDField(default=executions.models.new_id, editable=False, primary_key=True, serialize=False)),
                ('flow_name', models.CharField(max_length=200)),
                ('flow_tool_name', models.CharField(max_length=128)),
                ('server_slug', models.CharField(blank=True, max_length=63)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('fulfilled', 'Fulfilled'), ('error', 'Error')], default='pending', max_length=10)),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('duration_ms', models.FloatField(help_text='Milliseconds, from the monotonic clock.', null=True)),
                ('initial_params', models.TextField(default=dict)),
                ('params_preview', models.CharField(blank=True, max_length=200)),
                ('node_executions', models.TextField(default=list)),
                ('result', models.TextField(null=True)),
                ('error_info', models.TextField(null=True)),
                ('error_kind', models.CharField(blank=True, max_length=20)),
                ('failed_node_name', models.CharField(blank=True, max_length=200)),
                ('error_preview', models.CharField(blank=True, max_length=200)),
                ('caller', models.TextField(default=dict)),
                ('caller_name', models.CharField(blank=True, max_length=200)),
                ('source', models.CharField(choices=[('mcp', 'MCP'), ('test', 'Test'), ('replay', 'Replay'), ('api', 'API')], default='mcp', max_length=10)),
                ('updated_at', models.DateTimeField()),
                ('flow', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='executions', to='flows.flow')),
                ('flow_version', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='executions', to='flows.flowversion')),
                ('owner', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('parent', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='children', to='executions.execution')),
                ('deadline_at', models.DateTimeField(help_text='Nothing stays pending long after this moment.', null=True)),
                ('is_pinned', models.BooleanField(default=False, help_text='Pruning leaves it alone.')),
                ('runner_id', models.UUIDField(editable=False, help_text='The process that runs it; see Runner.', null=True)),
                ('replay_of', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='replays', to='executions.execution')),
                ('note', models.CharField(blank=True, help_text='What people wrote about it.', max_length=2000)),
                ('principal_id', models.CharField(editable=False, help_text='The key that called, as `key:12`.', max_length=64, null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['flow', '-started_at', '-id'], name='execution_of_flow'), models.Index(fields=['flow', 'status', '-started_at', '-id'], name='execution_of_flow_status'), models.Index(fields=['owner', '-started_at', '-id'], name='execution_of_owner'), models.Index(fields=['-started_at', '-id'], name='execution_newest'), models.Index(condition=models.Q(('status', 'pending')), fields=['started_at'], name='execution_pending'), models.Index(condition=models.Q(('status', 'error')), fields=['-started_at', '-id'], name='execution_errors'), models.Index(condition=models.Q(('parent__isnull', False)), fields=['parent'], name='execution_children'), models.Index(condition=models.Q(('replay_of__isnull', False)), fields=['replay_of'], name='execution_replays'), models.Index(condition=models.Q(('principal_id__isnull', False)), fields=['principal_id', '-started_at', '-id'], name='execution_of_principal')],
            },
        ),
        migrations.CreateModel(
            name='KeptAnswer',
            fields=[
                ('execution_id', models.UUIDField(primary_key=True, serialize=False)),
                ('size', models.PositiveIntegerField(help_text='Characters of the encrypted answer.')),
                ('expires_at', models.DateTimeField()),
                ('encrypted', models.TextField(editable=False)),
            ],
            options={
                'indexes': [models.Index(fields=['expires_at', 'size'], name='kept_answer_expiry')],
            },
        ),
        migrations.CreateModel(
            name='Suspension',
            fields=[
                ('execution_id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('step', models.PositiveIntegerField(help_text='How often the execution had waited before.')),
                ('nonce_hash', models.CharField(help_text='SHA-256 of the secret that an answer has to bring.', max_length=64)),
                ('answers_from', models.CharField(blank=True, help_text='Who may answer; empty for anybody.', max_length=100)),
                ('state', models.TextField(help_text='What it takes to go on: compressed, then encrypted for this execution and step.')),
                ('suspended_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(db_index=True)),
            ],
            options={
                'indexes': [models.Index(fields=['answers_from', 'expires_at'], name='suspension_of_caller')],
            },
        ),
    ]
