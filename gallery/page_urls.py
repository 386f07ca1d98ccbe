"""The public pages."""

from django.urls import path

from gallery import views

urlpatterns = [
    path("", views.gallery, name="gallery"),
    path("watch/<id:media_id>", views.watch, name="watch"),
]
