"""What a page makes a browser fetch before it can be used."""

from __future__ import annotations

import gzip
from collections import Counter

import pytest
from playwright.sync_api import Page, Response

from tests.pages.conftest import Ids

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CODE = ("script", "stylesheet")


def test_pages_are_light(page: Page, house: Ids) -> None:
    addresses = {"gallery": "/", "viewer": f"/v/{house['video']}/"}
    fetched: list[Response] = []
    page.on("response", lambda response: fetched.append(response) if response.request.resource_type in CODE else None)
    weights = Counter[str]()

    for name, address in addresses.items():
        fetched.clear()
        page.goto(address, wait_until="networkidle")
        for response in fetched:
            is_player = "/media-chrome" in response.url
            weights["player" if is_player else name] += len(gzip.compress(response.body()))

    assert weights["gallery"] < 60_000 and weights["viewer"] < 60_000, weights
    assert weights["gallery"] > 5_000 and weights["player"] > 5_000, f"nothing was weighed: {weights}"
