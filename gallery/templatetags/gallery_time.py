"""How the pages say when something was."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince

register = template.Library()

RECENTLY = timedelta(days=30)


@register.filter
def ago(moment: datetime) -> str:
    """`just now`, `5 minutes ago`, `2 weeks ago`; after a month, the day."""
    age = timezone.now() - moment
    if age < timedelta(minutes=1):
        return "just now"
    if age < RECENTLY:
        return f"{timesince(moment, depth=1)} ago"
    return date_format(timezone.localtime(moment), "j F Y")
