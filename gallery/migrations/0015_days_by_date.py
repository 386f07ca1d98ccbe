"""Find the days of a range without reading all; built beside the flushes that go on writing days."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations

CREATE = """
    CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_media_days_day ON media_days USING brin (day)
    WITH (autosummarize = on, pages_per_range = 32)
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("gallery", "0014_reconcilers")]

    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(CREATE, "DROP INDEX CONCURRENTLY IF EXISTS idx_media_days_day")],
            [migrations.AddIndex("mediaday", BrinIndex(fields=["day"], name="idx_media_days_day", pages_per_range=32, autosummarize=True))],
        ),
    ]
