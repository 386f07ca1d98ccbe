"""Let the hot counters have the orders by votes, and the media no votes."""

from django.db import migrations, models
from django.db.models import F, Q

IS_OPEN = Q(is_public=True, is_locked=False)
ORDER = (F("upvote_count").desc(), F("created_at").desc(), F("video").desc())
BY_UPVOTES = models.Index(*ORDER, name="idx_public_media_upvotes", condition=IS_OPEN, include=("orientation",))
BY_CATEGORY_AND_UPVOTES = models.Index(
    "category", *ORDER, name="idx_public_media_category_upvotes", condition=IS_OPEN, include=("orientation",)
)
COUNTERS = ("view_count", "unique_view_count", "upvote_count", "finish_count", "total_watch_time")
NOT_NEGATIVE = models.CheckConstraint(condition=Q(**{f"{name}__gte": 0 for name in COUNTERS}), name="media_stats_not_negative")


class Migration(migrations.Migration):
    dependencies = [("gallery", "0018_move_upvotes_to_stats")]

    operations = [
        migrations.RemoveIndex("publicmedia", "idx_public_media_upvotes"),
        migrations.RemoveIndex("publicmedia", "idx_public_media_category_upvotes"),
        migrations.RemoveConstraint("publicmedia", "public_media_counts_not_negative"),
        migrations.RemoveField("publicmedia", "upvote_count"),
        migrations.AddConstraint(
            "publicmedia", models.CheckConstraint(condition=Q(comment_count__gte=0), name="public_media_counts_not_negative")
        ),
        migrations.AddIndex("mediastats", BY_UPVOTES),
        migrations.AddIndex("mediastats", BY_CATEGORY_AND_UPVOTES),
        migrations.RemoveConstraint("mediastats", "media_stats_not_negative"),
        migrations.AddConstraint("mediastats", NOT_NEGATIVE),
    ]
