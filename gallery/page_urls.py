"""The public pages."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from gallery import services
from gallery.views import browsing, commenting, sharing, watching


class CategoryConverter(StringConverter):
    """A category in a path: `<category:category>`; what can be none is no address."""

    regex = services.CATEGORY.pattern


register_converter(CategoryConverter, "category")

urlpatterns = [
    path("", browsing.gallery, name="gallery"),
    path("c/<category:category>/", browsing.gallery, name="category"),
    path("c/<category:category>/feed/", sharing.feed, name="category_feed"),
    path("feed/", sharing.feed, name="feed"),
    path("oembed", sharing.oembed, name="oembed"),
    path("robots.txt", sharing.robots, name="robots"),
    path("sitemap.xml", sharing.sitemap, name="sitemap"),
    path("sitemap-<int:number>.xml", sharing.sitemap_part, name="sitemap_part"),
    path("embed/<id:media_id>/", watching.embed, name="embed"),
    path("v/<id:media_id>/", watching.watch, name="watch"),
    path("v/<id:media_id>/<str:slug>/", watching.watch, name="watch_by_title"),
    path("v/<id:media_id>/upvote", watching.upvote, name="upvote"),
    path("v/<id:media_id>/comments", commenting.comments, name="comments"),
    path("v/<id:media_id>/comments/<id:comment_id>/delete", commenting.delete_comment, name="delete_comment"),
]
