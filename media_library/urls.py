"""The library's addresses: the admin's API of videos."""

from django.urls import path

from media_library.api.files import VideoChapters, VideoPreview, VideoSprite, VideoStoryboard, VideoStream, VideoThumbnail
from media_library.api.health import Health
from media_library.api.lineage import VideoLineage
from media_library.api.scenes import ContactSheet, VideoScenes
from media_library.api.upload_forms import UploadForm
from media_library.api.uploads import OneUpload, Uploads
from media_library.api.videos import Bulk, OneVideo, Publish, Restore, Unpublish, Videos

urlpatterns = [
    path("api/videos", Videos.as_view()),
    path("api/videos/health", Health.as_view()),
    path("api/videos/bulk", Bulk.as_view()),
    path("api/videos/upload", UploadForm.as_view(), name="upload_form"),
    path("api/uploads/", Uploads.as_view(), name="uploads"),
    path("api/uploads/<id:upload_id>", OneUpload.as_view(), name="upload"),
    path("api/videos/<id:video_id>", OneVideo.as_view()),
    path("api/videos/<id:video_id>/stream", VideoStream.as_view(), name="video_stream"),
    path("api/videos/<id:video_id>/thumbnail", VideoThumbnail.as_view()),
    path("api/videos/<id:video_id>/lineage", VideoLineage.as_view()),
    path("api/videos/<id:video_id>/scenes", VideoScenes.as_view()),
    path("api/videos/<id:video_id>/contact-sheet", ContactSheet.as_view()),
    path("api/videos/<id:video_id>/preview", VideoPreview.as_view()),
    path("api/videos/<id:video_id>/sprite", VideoSprite.as_view()),
    path("api/videos/<id:video_id>/storyboard.vtt", VideoStoryboard.as_view()),
    path("api/videos/<id:video_id>/chapters.vtt", VideoChapters.as_view()),
    path("api/videos/<id:video_id>/restore", Restore.as_view()),
    path("api/videos/<id:video_id>/publish", Publish.as_view()),
    path("api/videos/<id:video_id>/unpublish", Unpublish.as_view()),
]
