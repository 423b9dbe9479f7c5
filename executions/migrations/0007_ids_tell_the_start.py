"""Every id tells when its execution started, as lists rely on from now on.

FlowHub's own do. One that is no UUIDv7 (written by hand), or whose time is more than an hour off (the clock was set
back meanwhile), is replaced, and what names the execution follows. Links to it end; the record stays as it is. What is
pending, or has an answer that somebody may come back for, keeps its id, which both are sealed with.
"""

from django.db import migrations

from executions.record.moments import new_id

TOLERANCE_MS = 3_600_000


def tell_the_start(apps, schema_editor):
    def model(name, app='executions'):
        return apps.get_model(app, name).objects.using(schema_editor.connection.alias)

    ended = model('Execution').exclude(status='pending').order_by().values_list('pk', 'started_at')
    odd = {
        pk: started_at
        for pk, started_at in ended.iterator(chunk_size=10_000)
        if pk.version != 7 or abs((pk.int >> 80) - started_at.timestamp() * 1000) > TOLERANCE_MS
    }
    for pk in model('KeptAnswer').values_list('pk', flat=True) if odd else ():
        odd.pop(pk, None)
    for pk, started_at in odd.items():
        of_the_start = new_id(started_at)
        model('Execution').filter(pk=pk).update(id=of_the_start)
        model('Execution').filter(parent_id=pk).update(parent_id=of_the_start)
        model('Execution').filter(replay_of_id=pk).update(replay_of_id=of_the_start)
        model('CallKey').filter(execution_id=pk).update(execution_id=of_the_start)
        model('SavedCase', 'flows').filter(last_execution_id=pk).update(last_execution_id=of_the_start)


class Migration(migrations.Migration):

    dependencies = [
        ('executions', '0006_limits'),
    ]

    operations = [
        migrations.RunPython(tell_the_start, migrations.RunPython.noop),
    ]
