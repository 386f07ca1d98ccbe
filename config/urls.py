"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path, register_converter
from django.views.generic import RedirectView

from config.api.fields import IdConverter
from config.api.throttling import throttled_sign_in

register_converter(IdConverter, "id")

urlpatterns = [
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/login/", throttled_sign_in(admin.site.login)),
    path("admin/", admin.site.urls),
    path("", include("config.accounts")),
    path("", include("config.api.urls")),
    path("", include("media_library.urls")),
    path("", include("gallery.urls")),
    path("", include("reactions.urls")),
    path("", include("jobs.urls")),
    path("", include("gallery.page_urls")),
]

handler400 = "config.api.errors.bad_request"
handler403 = "config.api.errors.permission_denied"
handler404 = "config.api.errors.not_found"
handler500 = "config.api.errors.server_error"
