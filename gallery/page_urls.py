"""The public pages."""

from django.urls import path

from gallery import views

urlpatterns = [
    path("", views.gallery, name="gallery"),
    path("c/<str:category>/", views.gallery, name="category"),
    path("watch/<id:media_id>", views.watch, name="watch"),
    path("watch/<id:media_id>/comments", views.comments, name="comments"),
    path("watch/<id:media_id>/comments/<id:comment_id>/delete", views.delete_comment, name="delete_comment"),
]
