"""Copy the counters of votes to the hot ones; those of unpublished videos wait with the video."""

from django.db import migrations

MAKE_MISSING = """
    INSERT INTO media_stats (video_id, category, orientation, is_public, is_locked, created_at)
    SELECT id, category, orientation, TRUE, is_locked, created_at FROM public_media ORDER BY id
    ON CONFLICT (video_id) DO NOTHING
"""
COPY = """
    UPDATE media_stats AS stats SET upvote_count = coalesce(media.upvote_count, video.public_upvote_count, 0)
    FROM videos AS video LEFT JOIN public_media AS media ON media.id = video.id
    WHERE video.id = stats.video_id AND coalesce(media.upvote_count, video.public_upvote_count, 0) <> 0
"""
COPY_BACK = "UPDATE public_media AS media SET upvote_count = stats.upvote_count FROM media_stats AS stats WHERE stats.video_id = media.id"


class Migration(migrations.Migration):
    dependencies = [("gallery", "0017_stats_carry_upvotes")]

    operations = [
        migrations.RunSQL(MAKE_MISSING, migrations.RunSQL.noop),
        migrations.RunSQL(COPY, COPY_BACK),
    ]
