"""Find what was done to one video among millions of log entries; Django's own log has no index for that."""

from django.db import migrations


class Migration(migrations.Migration):
    atomic = False  # CONCURRENTLY

    dependencies = [("gallery", "0005_roles"), ("admin", "0003_logentry_add_action_flag_choices")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_admin_log_object ON django_admin_log (object_id, action_time DESC)",
            "DROP INDEX CONCURRENTLY IF EXISTS idx_admin_log_object",
        )
    ]
