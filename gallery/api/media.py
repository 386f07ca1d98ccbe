"""The gallery as JSON: pages, one medium, its relatives, the categories; and the admin's lock."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth.models import User
from django.http import QueryDict
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.fields import camel_row, camel_rows
from config.api.paging import LARGEST_LIMIT, paging_of
from config.api.rendering import dumps
from gallery import listing, services
from gallery.api.errors import refusals
from gallery.api.shapes import (
    AdminMediaDetail,
    Categories,
    DetailQuery,
    LockRequest,
    MediaDetail,
    MediaPage,
    MediaQuery,
    RelatedMedia,
    RelatedQuery,
)
from gallery.visits import count_view
from media_library.outcomes import Outcome


class PublicView(APIView):
    """Open to everybody, so it does not look at who is calling."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class MediaList(PublicView):
    @extend_schema(parameters=[MediaQuery], responses=MediaPage, operation_id="list_media", tags=["gallery"])
    def get(self, request: Request) -> Response:
        """The published media that are not locked."""
        with refusals():
            return Response(page_reply(public_query(request.query_params)))


class OneMedium(PublicView):
    @extend_schema(parameters=[DetailQuery], responses=MediaDetail, operation_id="get_media", tags=["gallery"])
    def get(self, request: Request, media_id: int) -> Response:
        """One medium; a GET counts as a view."""
        if "sessionId" in request.query_params:
            DetailQuery.read(request.query_params)
        with refusals():
            medium = listing.public_detail(media_id)
        etag = detail_etag(medium)
        medium["view_count"] += count_view(request._request, media_id)
        return Response(camel_row(medium), headers={"ETag": etag})


class Related(PublicView):
    @extend_schema(parameters=[RelatedQuery], responses=RelatedMedia, operation_id="list_related_media", tags=["gallery"])
    def get(self, request: Request, media_id: int) -> Response:
        """What to watch next: first of the same category."""
        query = RelatedQuery.read(request.query_params)
        with refusals():
            return Response({"videos": camel_rows(listing.related(listing.public_detail(media_id), min(query["limit"], LARGEST_LIMIT)))})


class CategoryList(PublicView):
    @extend_schema(responses=Categories, operation_id="list_categories", tags=["gallery"])
    def get(self, request: Request) -> Response:
        """Every category with how many media it shows."""
        return Response({"categories": listing.categories()})


class Lock(APIView):
    @extend_schema(request=LockRequest, responses=AdminMediaDetail, operation_id="lock_media", tags=["gallery"])
    def post(self, request: Request, media_id: int) -> Response:
        """Close a medium to the public; it stays published."""
        body = LockRequest(data=request.data)
        body.is_valid(raise_exception=True)
        return _locked(media_id, services.lock([media_id], reason=body.validated_data["reason"], by=_admin(request)))

    @extend_schema(responses={200: AdminMediaDetail}, operation_id="unlock_media", tags=["gallery"])
    def delete(self, request: Request, media_id: int) -> Response:
        """Open a medium to the public again."""
        return _locked(media_id, services.unlock([media_id], by=_admin(request)))


def _locked(media_id: int, outcome: Outcome) -> Response:
    if outcome.skipped:
        raise NotFound(outcome.skipped[media_id])
    with refusals():
        return Response(camel_row(listing.detail(media_id)))


def _admin(request: Request) -> User:
    assert isinstance(request.user, User)  # the permission has let nobody else through
    return request.user


def public_query(parameters: QueryDict) -> listing.PublicQuery:
    """What the parameters of a list ask for; raises `ValidationError`."""
    query = MediaQuery.read(parameters)
    paging = paging_of(query, default_limit=24)
    return listing.PublicQuery(
        category=query.get("category") or None,
        search=query.get("search") or None,
        sort=query["sort"],
        orientation=query.get("orientation"),
        limit=paging.limit,
        offset=paging.offset,
        cursor=paging.cursor,
    )


def page_reply(query: listing.PublicQuery) -> dict[str, Any]:
    """A page as replies show it; raises `InvalidCursor`."""
    page = listing.public_page(query)
    pagination = {
        "total": page.total,
        "totalIsCapped": page.total_is_capped,
        "limit": page.limit,
        "offset": page.offset,
        "hasMore": page.has_more,
        "nextCursor": page.next_cursor,
    }
    return {"videos": camel_rows(page.rows), "pagination": pagination}


def detail_etag(medium: dict[str, Any]) -> str:
    """A weak validator of all but the views, which change with every request, the one that asks included."""
    lasting = {name: value for name, value in medium.items() if not name.endswith("view_count")}
    return f'W/"{hashlib.blake2b(dumps(lasting), digest_size=12).hexdigest()}"'
