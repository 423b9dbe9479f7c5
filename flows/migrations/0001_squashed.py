"""What servers, flows and versions are made of, as the six first migrations left it.

A database that had all six counts as migrated. Their one step over data, which wrote each version's tool name beside
its contract, has nothing to do in an empty database and is done in all others.
"""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import flows.models
import flows.values.json_column
import flows.values.reserved_names
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('flows', '0001_initial'),
        ('flows', '0002_secrets'),
        ('flows', '0003_json_as_text'),
        ('flows', '0004_saved_cases'),
        ('flows', '0005_prompts_and_resources'),
        ('flows', '0006_answers_in_time'),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Flow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('tool_name', models.CharField(help_text='What clients call; snake_case.', max_length=64, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9_]{0,63}$', 'Use snake_case: a letter, then letters, digits and underscores.'), flows.values.reserved_names.not_reserved])),
                ('tool_description', models.TextField(help_text='One or two sentences for the model.')),
                ('when_to_use', models.TextField(blank=True)),
                ('when_not_to_use', models.TextField(blank=True)),
                ('input_schema', flows.values.json_column.JsonTextField(default=flows.models.empty_input_schema)),
                ('output_schema', flows.values.json_column.JsonTextField(blank=True, null=True)),
                ('annotations', flows.values.json_column.JsonTextField(blank=True, default=dict, help_text='MCP tool annotations, as readOnlyHint.')),
                ('definition', flows.values.json_column.JsonTextField(default=flows.models.empty_definition)),
                ('is_active', models.BooleanField(default=True)),
                ('timeout_seconds', models.PositiveIntegerField(default=300, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(86400)])),
                ('answer_seconds', models.PositiveIntegerField(blank=True, help_text='After so long the client is told that the execution goes on, and fetches its end with get_result. Empty: it waits for the end.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3600)])),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='FlowVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('tool_name', models.CharField(help_text='As in the contract, for queries.', max_length=64)),
                ('definition', flows.values.json_column.JsonTextField()),
                ('contract', flows.values.json_column.JsonTextField(help_text='The tool as clients see it: name, title, description, schemas, annotations.')),
                ('timeout_seconds', models.PositiveIntegerField()),
                ('answer_seconds', models.PositiveIntegerField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('flow', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='versions', to='flows.flow')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.AddField(
            model_name='flow',
            name='published_version',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='flows.flowversion'),
        ),
        migrations.CreateModel(
            name='SavedCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('arguments', flows.values.json_column.JsonTextField(blank=True, default=dict)),
                ('omitted', flows.values.json_column.JsonTextField(blank=True, default=list, help_text='Paths of write-only arguments, which are not stored.')),
                ('expectation', flows.values.json_column.JsonTextField(blank=True, default=dict)),
                ('last_execution_id', models.UUIDField(blank=True, editable=False, null=True)),
                ('last_target', models.CharField(blank=True, editable=False, help_text='The print of what was called.', max_length=64)),
                ('last_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_passed', models.BooleanField(blank=True, editable=False, null=True)),
                ('last_reason', models.TextField(blank=True, editable=False)),
                ('last_differences', flows.values.json_column.JsonTextField(blank=True, default=list, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('flow', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='cases', to='flows.flow')),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Server',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(help_text='Its address: /mcp/<slug>', max_length=63, unique=True, validators=[django.core.validators.RegexValidator('^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$', 'Use lower-case letters, digits and inner hyphens.')])),
                ('name', models.CharField(max_length=200)),
                ('description', models.TextField(blank=True, help_text="Sent to clients as the server's instructions.")),
                ('access', models.CharField(choices=[('key', 'With an API key'), ('public', 'Anybody')], default='key', max_length=10)),
                ('is_published', models.BooleanField(default=True, help_text='Off: no client gets in, as if there were no server at its address.')),
                ('agent_tools', models.BooleanField(default=False, help_text='Clients can look at the executions of their own API key: what each node was given and gave.')),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='servers', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['slug'],
            },
        ),
        migrations.CreateModel(
            name='Secret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Flows write {{ secrets.NAME }}.', max_length=64, validators=[django.core.validators.RegexValidator('^[A-Z][A-Z0-9_]{0,63}\\Z', 'Use capital letters, digits and underscores, a letter first: API_KEY.')])),
                ('encrypted', models.TextField(editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='secrets', to='flows.server')),
            ],
            options={
                'ordering': ['server', 'name'],
            },
        ),
        migrations.CreateModel(
            name='Resource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uri', models.CharField(help_text='orders:summary, or with variables: orders:{order_id}', max_length=2000, verbose_name='URI')),
                ('name', models.CharField(help_text='What it is called in lists.', max_length=200)),
                ('title', models.CharField(blank=True, help_text='What people see in their client, if it differs.', max_length=200)),
                ('description', models.TextField(blank=True, help_text='What is found there.', max_length=2000)),
                ('mime_type', models.CharField(blank=True, help_text='text/markdown, image/png, ...', max_length=200, verbose_name='media type')),
                ('text', models.TextField(blank=True, help_text='What it says.')),
                ('blob', models.TextField(blank=True, help_text='Its bytes as base64, when it is no text.')),
                ('annotations', flows.values.json_column.JsonTextField(blank=True, default=dict, help_text='Hints for clients: audience, priority.')),
                ('completions', flows.values.json_column.JsonTextField(blank=True, default=dict, help_text='What to propose for each variable.')),
                ('is_active', models.BooleanField(default=True, help_text='Off: clients do not see it.')),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('flow', models.ForeignKey(blank=True, help_text='What answers instead.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='resources', to='flows.flow')),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='resources', to='flows.server')),
            ],
            options={
                'ordering': ['uri', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Prompt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='What clients ask for.', max_length=64, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9_.-]{1,64}\\Z', 'Use letters, digits, dots, hyphens and underscores, at most 64 of them.')])),
                ('title', models.CharField(blank=True, help_text='What people see in their client, if it differs.', max_length=200)),
                ('description', models.TextField(help_text='What the prompt is for, in one or two sentences.', max_length=2000)),
                ('arguments', flows.values.json_column.JsonTextField(blank=True, default=list, help_text='name, title, description, required, completions.')),
                ('messages', flows.values.json_column.JsonTextField(blank=True, default=list, help_text='role and content, a block as MCP writes it.')),
                ('is_active', models.BooleanField(default=True, help_text='Off: clients do not see it.')),
                ('created_at', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('flow', models.ForeignKey(blank=True, help_text='What answers instead.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='prompts', to='flows.flow')),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='prompts', to='flows.server')),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.AddField(
            model_name='flow',
            name='server',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='flows', to='flows.server'),
        ),
        migrations.AddConstraint(
            model_name='flowversion',
            constraint=models.UniqueConstraint(fields=('flow', 'number'), name='flow_version_number_unique'),
        ),
        migrations.AddConstraint(
            model_name='savedcase',
            constraint=models.UniqueConstraint(fields=('flow', 'name'), name='saved_case_name_unique_in_flow', violation_error_message='This flow has a case of that name.'),
        ),
        migrations.AddConstraint(
            model_name='secret',
            constraint=models.UniqueConstraint(fields=('server', 'name'), name='secret_name_unique_in_server', violation_error_message='This server has a secret of that name.'),
        ),
        migrations.AddConstraint(
            model_name='resource',
            constraint=models.UniqueConstraint(fields=('server', 'uri'), name='resource_uri_unique_in_server', violation_error_message='This server has a resource at that URI.'),
        ),
        migrations.AddConstraint(
            model_name='prompt',
            constraint=models.UniqueConstraint(fields=('server', 'name'), name='prompt_name_unique_in_server', violation_error_message='This server has a prompt of that name.'),
        ),
        migrations.AddConstraint(
            model_name='flow',
            constraint=models.UniqueConstraint(fields=('server', 'tool_name'), name='flow_tool_name_unique_in_server', violation_error_message='Another flow of this server has that tool name.'),
        ),
    ]
