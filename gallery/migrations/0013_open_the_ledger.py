"""Take what counters say that days do not explain as brought along, and add up the gallery's days from its media's."""

from django.db import migrations

OPEN = """
    INSERT INTO opening_balances (video_id, view_count, unique_view_count, upvote_count, comment_count, finish_count, total_watch_time)
    SELECT stats.video_id,
           greatest(stats.view_count - coalesce(days.views, 0), 0),
           greatest(stats.unique_view_count - coalesce(days.unique_views, 0), 0),
           greatest(coalesce(media.upvote_count, video.public_upvote_count, 0)
                    - (SELECT count(*) FROM upvotes WHERE media_id = stats.video_id), 0),
           greatest(coalesce(media.comment_count, video.public_comment_count, 0)
                    - (SELECT count(*) FROM comments WHERE media_id = stats.video_id AND status = 'visible'), 0),
           greatest(stats.finish_count - (SELECT count(finished_at) FROM watch_sessions WHERE media_id = stats.video_id), 0),
           greatest(stats.total_watch_time - coalesce(days.watched, 0), 0)
    FROM media_stats AS stats
    JOIN videos AS video ON video.id = stats.video_id
    LEFT JOIN public_media AS media ON media.id = stats.video_id
    LEFT JOIN (
        SELECT video_id, sum(view_count) AS views, sum(unique_view_count) AS unique_views, sum(total_watch_time) AS watched
        FROM media_days GROUP BY video_id
    ) AS days ON days.video_id = stats.video_id
"""
ADD_UP_DAYS = """
    INSERT INTO gallery_days (day, view_count, unique_view_count, total_watch_time)
    SELECT day, sum(view_count), sum(unique_view_count), sum(total_watch_time) FROM media_days GROUP BY day
    ON CONFLICT (day) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("gallery", "0012_ledger_and_drift_reports")]

    operations = [
        migrations.RunSQL(OPEN, "DELETE FROM opening_balances"),
        migrations.RunSQL(ADD_UP_DAYS, migrations.RunSQL.noop),
    ]
