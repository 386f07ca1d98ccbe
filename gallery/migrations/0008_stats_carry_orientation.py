"""Let the most-viewed order too find a page of one orientation in its index alone."""

from django.db import migrations, models
from django.db.models import F, Q

IS_OPEN = Q(is_public=True, is_locked=False)
COPY = "UPDATE media_stats AS stats SET orientation = media.orientation FROM public_media AS media WHERE media.id = stats.video_id"
ORDER = (F("view_count").desc(), F("created_at").desc(), F("video").desc())


class Migration(migrations.Migration):
    dependencies = [("gallery", "0007_costly_short_grams")]

    operations = [
        migrations.AddField("mediastats", "orientation", models.TextField(blank=True, null=True)),
        migrations.RemoveIndex("mediastats", "idx_public_media_views"),
        migrations.RemoveIndex("mediastats", "idx_public_media_category_views"),
        migrations.RunSQL(COPY, migrations.RunSQL.noop),
        migrations.AddIndex("mediastats", models.Index(*ORDER, name="idx_public_media_views", condition=IS_OPEN, include=("orientation",))),
        migrations.AddIndex(
            "mediastats",
            models.Index("category", *ORDER, name="idx_public_media_category_views", condition=IS_OPEN, include=("orientation",)),
        ),
    ]
