"""What a page makes a browser fetch before it can be used."""

from __future__ import annotations

import gzip

import pytest
from playwright.sync_api import Page, Response

from tests.pages.conftest import Ids

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_gallery_is_light(page: Page, house: Ids) -> None:
    fetched: list[Response] = []
    page.on("response", lambda response: fetched.append(response))

    page.goto("/", wait_until="networkidle")

    code = [response for response in fetched if response.request.resource_type in ("script", "stylesheet")]
    assert {response.request.resource_type for response in code} == {"script", "stylesheet"}
    assert sum(len(gzip.compress(response.body())) for response in code) < 60_000
