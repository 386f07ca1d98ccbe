"""How the gallery's refusals look to callers of the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError

from config.api.errors import Unavailable
from gallery.cursors import InvalidCursor
from gallery.listing import MediaLocked, MediaNotFound
from gallery.services import MEDIA_NOT_FOUND
from gallery.streaming import FileMissing, FileUnreadable, TooManyStreams

MEDIA_IS_LOCKED = "Media is locked"


@contextmanager
def refusals() -> Iterator[None]:
    """Answer with 400, 403, 404 or 503 what the gallery refuses inside."""
    try:
        yield
    except InvalidCursor as error:
        raise ValidationError({"cursor": "This is no cursor of this list."}) from error
    except MediaNotFound as error:
        raise NotFound(MEDIA_NOT_FOUND) from error
    except MediaLocked as error:
        raise PermissionDenied(MEDIA_IS_LOCKED) from error
    except FileMissing as error:
        raise NotFound("The file is not where the library knows it") from error
    except FileUnreadable as error:
        raise Unavailable("The library's disk cannot be read; please try again in a moment") from error
    except TooManyStreams as error:
        raise Unavailable("Too many videos are being watched; please try again in a moment") from error
