"""No page is missing from the table of pages."""

from __future__ import annotations

import re

from django.urls import get_resolver, resolve

from config.api.errors import API_PREFIXES
from tests.config.test_authorisation import routes
from tests.pages.table import ALL

# What shows no page of ours: files and feeds, what is only posted to or read by scripts, and what Django's admin has for every model.
NO_PAGE = re.compile(
    r"""admin | robots\.txt | .*\.xml | .*feed/ | oembed | static/.* | \^.*
    | .*/(sign-out|upvote|delete|state|run|reconcile|suggested-tags|studio/clip|studio/found)/?
    | admin/(sign-in|auth|token_blacklist|autocomplete|jsi18n|r|logout|password_change)/.* | admin/[\^(].*
    | admin/.*(add|history|<path:object_id>)/""",
    re.VERBOSE,
)


def test_every_page_is_in_the_table() -> None:
    there = {route for route in routes(get_resolver().url_patterns) if not f"/{route}".startswith(API_PREFIXES)}
    visited = {resolve(re.sub(r"\{\w+\}", "1", stop.address.partition("?")[0])).route for stop in ALL if stop.status == 200}

    assert {route for route in there - visited if not NO_PAGE.fullmatch(route)} == set()
