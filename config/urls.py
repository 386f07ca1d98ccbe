"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path, register_converter

from config.api.fields import IdConverter

register_converter(IdConverter, "id")

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("config.api.urls")),
    path("", include("media_library.urls")),
    path("", include("gallery.page_urls")),
]

handler400 = "config.api.errors.bad_request"
handler403 = "config.api.errors.permission_denied"
handler404 = "config.api.errors.not_found"
handler500 = "config.api.errors.server_error"
