"""Check that votes, sessions, days and retention are of a video where their writers are already: at its hot counters.

Each check against `videos` marked a row of a wide table that nobody else touched then: two fifths of what a vote cost.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

REFERRING = (  # model, table, foreign key, related name
    ("upvote", "upvotes", "media", "upvotes"),
    ("watchsession", "watch_sessions", "media", "watch_sessions"),
    ("mediaday", "media_days", "video", "days"),
    ("retentionbucket", "retention_buckets", "video", "retention"),
)


def refer(model: str, table: str, key: str, related_name: str) -> list[Operation]:
    """The foreign key of one model without an index, which its unique constraint is, and checked against `media_stats`."""
    to_a_video = models.ForeignKey(
        "media_library.video", on_delete=django.db.models.deletion.PROTECT, related_name=related_name, db_index=False, db_constraint=False
    )
    name = f"{table}_of_counted_media"
    check = f"ADD CONSTRAINT {name} FOREIGN KEY ({key}_id) REFERENCES media_stats (video_id) DEFERRABLE INITIALLY DEFERRED"
    return [
        migrations.AlterField(model, key, to_a_video),
        migrations.RunSQL(f"ALTER TABLE {table} {check}", f"ALTER TABLE {table} DROP CONSTRAINT {name}"),
    ]


class Migration(migrations.Migration):
    dependencies = [("gallery", "0019_order_stats_by_upvotes")]

    operations = [operation for referring in REFERRING for operation in refer(*referring)]
