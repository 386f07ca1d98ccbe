"""Categories: lower-case slugs that public media carry; one exists while a medium carries it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models.functions import Now

from gallery.models import PublicMedia
from gallery.services.changes import MEDIA_NOT_FOUND, copy_to_stats, hold_public, one_change_at_a_time, outcome
from media_library.audit import note
from media_library.outcomes import Outcome

CATEGORY = re.compile(r"[a-z0-9-]{1,64}")


class InvalidCategory(ValueError):
    """A category must be a lower-case slug of 1 to 64 letters, digits and hyphens."""

    def __init__(self) -> None:
        super().__init__("category must be 1 to 64 lower-case letters, digits and hyphens")


def is_category(text: str) -> bool:
    """Whether this could be a category's name."""
    return CATEGORY.fullmatch(text) is not None


def clean_category(text: str) -> str:
    """The category that a person has typed; raises `InvalidCategory` unless it is a slug."""
    if not isinstance(text, str) or not is_category(text.strip()):
        raise InvalidCategory
    return text.strip()


def move_to_category(ids: Iterable[int], *, category: str, by: User | None) -> Outcome:
    """Move public media to a category. Raises `InvalidCategory`."""
    category = clean_category(category)
    ids = list(ids)
    with one_change_at_a_time():
        done = hold_public(ids)
        PublicMedia.objects.filter(pk__in=done).update(category=category, updated_at=Now())
        copy_to_stats(done)
        note(done, f"Moved to {category}.", by=by)
    return outcome(ids, done, otherwise=MEDIA_NOT_FOUND)


def rename_category(source: str, *, target: str, by: User | None) -> Outcome:
    """Give a category another name; it merges into the target where that exists. Raises `InvalidCategory`.

    The admin log has one line for all of it.
    """
    source, target = clean_category(source), clean_category(target)
    with one_change_at_a_time():
        members = hold_public(PublicMedia.objects.filter(category=source).values_list("pk", flat=True))
        PublicMedia.objects.filter(pk__in=members).update(category=target, updated_at=Now())
        copy_to_stats(members)
        if by is not None and members:
            LogEntry.objects.create(
                user_id=by.pk,
                content_type=ContentType.objects.get_for_model(PublicMedia),
                object_repr=f"Category {source}",
                action_flag=CHANGE,
                change_message=f"Renamed to {target}: {len(members)} media.",
            )
    return Outcome(tuple(members))
