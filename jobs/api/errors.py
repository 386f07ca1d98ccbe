"""What stops a request about jobs, as the status that it is answered with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rest_framework.exceptions import NotFound, ValidationError

from config.api.errors import Conflict
from gallery.cursors import InvalidCursor
from jobs import services


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the services refuse into 400 naming the field, 404 or 409."""
    try:
        yield
    except services.InvalidParams as error:
        raise ValidationError({_named(path): problems for path, problems in error.details.items()}) from error
    except services.Refused as error:
        raise ValidationError(error.details) from error
    except (services.JobNotFound, services.PipelineNotFound, services.UnknownLane) as error:
        raise NotFound(str(error)) from error
    except services.WrongState as error:
        raise Conflict(str(error)) from error
    except InvalidCursor as error:
        raise ValidationError({"cursor": "This cursor belongs to another list."}) from error


def _named(path: str) -> str:
    """The field of the body that a refused path lies in: a type's params are under `params`, a pipeline's under its steps."""
    return path if path == "params" or path.startswith("steps") else f"params.{path}"
