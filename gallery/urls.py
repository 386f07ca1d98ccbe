"""The gallery's addresses: its API and its posters."""

from django.urls import path, re_path

from gallery.api.chapters import Chapters
from gallery.api.comments import Approve, Comments, Hold, OneComment, Remarks, RemoveSession
from gallery.api.engagement import Finish, Upvote, WatchTime
from gallery.api.files import Hls, Playback, SmallThumbnail, Stream, Thumbnail
from gallery.api.media import CategoryList, Lock, MediaList, OneMedium, Related
from gallery.api.previews import HoverPreview, Sprite, Storyboard
from media_library.posters import SMALLER_SIDES

SIDES = "|".join(map(str, SMALLER_SIDES))
POSTER = r"^thumbnails/(?P<media_id>[1-9][0-9]{0,17})-(?P<poster_hash>[0-9a-f]{12})"

urlpatterns = [
    path("api/media/public", MediaList.as_view()),
    path("api/media/public/categories", CategoryList.as_view()),
    path("api/media/public/<id:media_id>", OneMedium.as_view()),
    path("api/media/public/<id:media_id>/related", Related.as_view()),
    path("api/media/public/<id:media_id>/stream", Stream.as_view(), name="stream"),
    path("api/media/public/<id:media_id>/playback", Playback.as_view(), name="playback"),
    path("api/media/public/<id:media_id>/hls/<str:name>", Hls.as_view(), name="hls"),
    path("api/media/public/<id:media_id>/preview", HoverPreview.as_view(), name="hover_preview"),
    path("api/media/public/<id:media_id>/sprite", Sprite.as_view()),
    path("api/media/public/<id:media_id>/storyboard.vtt", Storyboard.as_view(), name="storyboard"),
    path("api/media/public/<id:media_id>/chapters.vtt", Chapters.as_view(), name="chapters"),
    path("api/media/public/<id:media_id>/remarks", Remarks.as_view()),
    path("api/media/public/<id:media_id>/lock", Lock.as_view()),
    path("api/media/public/<id:media_id>/upvote", Upvote.as_view()),
    path("api/media/public/<id:media_id>/finish", Finish.as_view()),
    path("api/media/public/<id:media_id>/watch-time", WatchTime.as_view()),
    path("api/media/comments", Comments.as_view()),
    path("api/media/comments/<id:comment_id>", OneComment.as_view()),
    path("api/media/comments/<id:comment_id>/hold", Hold.as_view()),
    path("api/media/comments/<id:comment_id>/approve", Approve.as_view()),
    path("api/media/comments/<id:comment_id>/remove-session", RemoveSession.as_view()),
    re_path(rf"{POSTER}\.webp$", Thumbnail.as_view()),
    re_path(rf"{POSTER}-(?P<side>{SIDES})\.webp$", SmallThumbnail.as_view()),
]
