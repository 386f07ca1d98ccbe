"""Sign-in, the schema, and whether the service is up."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
