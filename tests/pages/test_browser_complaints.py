"""What goes wrong in a browser fails the test that drives it: each kind is done here, and must be heard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WRONGS = {
    "style-src": "document.body.setAttribute('style', 'color: red')",
    "script-src": "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
    "loaded https://other.example/a.png": "new Image().src = 'https://other.example/a.png'",
    "connect-src": "fetch('https://other.example/b').catch(() => 0)",
    "status of 404 (Not Found) at": "fetch('/static/nothing.js')",
    "net::ERR_FAILED": "fetch('/').catch(() => 0)",
    "a slip": "setTimeout(() => { throw new Error('a slip') })",
    "a broken promise": "void Promise.reject(new Error('a broken promise'))",
    "mind the gap": "console.warn('mind the gap')",
}
THROWN = ("a slip", "a broken promise")


def test_whatever_goes_wrong_is_heard(page: Page, expected_complaints: set[str]) -> None:
    expected_complaints |= {*WRONGS, "img-src", "Fetch API cannot load"}
    page.goto("/account/sign-in")
    page.route(re.compile(r":\d+/$"), lambda route: route.abort())  # the server is gone, for one address

    for complaint, wrong in WRONGS.items():
        with page.expect_event("pageerror" if complaint in THROWN else "console"):
            page.evaluate(wrong)
