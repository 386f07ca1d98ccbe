"""Count what is said at each place along a medium in an index alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0020_engagement_refers_to_hot_counters")]

    operations = [
        migrations.AddIndex(
            "comment",
            models.Index(
                fields=["media", "video_timestamp", "id"],
                name="idx_comments_media_moment",
                condition=models.Q(status="visible", video_timestamp__isnull=False),
            ),
        ),
    ]
