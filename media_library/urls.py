"""The library's addresses: the admin's API of videos."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
