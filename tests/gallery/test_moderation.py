"""Which comments wait for a moderator: links however they are written, watched words, and a list of them."""

from __future__ import annotations

import time

import pytest

from gallery.comments import Commenter
from gallery.models import WatchedWord
from gallery.moderation import HOLDS_A_LINK, comparable, reason_to_hold

pytestmark = pytest.mark.django_db
SOMEBODY = Commenter(session="somebody")


def reason(*texts: str) -> str:
    return reason_to_hold(*texts, author=SOMEBODY)


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com",
        "HTTPS://EXAMPLE.COM/offer",
        "ftp://host",
        "foo bar://baz",
        "look at www.example.org.",
        "example.com",
        "go to sub-domain.example.co.uk now",
        "me@example.com",
        "bit.ly/abc",
        "anything.museum/path",
        "192.0.2.1",
        "[free](//x)",
        "<a href=x>free</a>",
        "[url=x]free[/url]",
        "javascript:alert(1)",
        "data:text/html,x",
        "ｅｘａｍｐｌｅ．ｃｏｍ",
        "example。com",
        "ex\u200bam\u2060ple\u00ad.c\ufeffom",
        "http:\u200b//example",
        "\u202ehttps://example.com",
    ],
)
def test_a_link_waits(text: str) -> None:
    assert reason(f"before {text} after") == reason(text) == reason("fine", text) == HOLDS_A_LINK


@pytest.mark.parametrize(
    "text",
    [
        "At 1:25 it is great.Really great",
        "5.5 of 10, e.g. the end...",
        "a / b // c",
        "Dr.Who and Mr. X",
        "version 1.2.3.4.5 came",
        "ratio 16:9; 3:2",
        "see: nothing [here] (there)",
        "1 < a and b > 2",
        "C:\\ and /home",
        "и т.д. и т.п.",
        "古池や。蛙飛び込む水の音",
    ],
)
def test_ordinary_writing_does_not_wait(text: str) -> None:
    assert reason(text) == ""


@pytest.mark.parametrize("word", ["casino", "buy now", "c++", "спам", "垃圾", "naïve", "$$$"])
def test_a_watched_word_is_found_whole_in_any_case(word: str) -> None:
    WatchedWord.objects.create(word=comparable(word))

    for text in (word, f"The {word.upper()}!", f"so ({word}), then", word.replace(" ", " \n "), "\u200b".join(word)):
        assert word in reason(text), text
    assert word in reason("fine", f"{word} fan")


@pytest.mark.parametrize(("word", "text"), [("cas", "casino"), ("ino", "casino"), ("buy now", "buy nowhere"), ("спам", "антиспам")])
def test_a_watched_word_inside_another_does_not_count(word: str, text: str) -> None:
    WatchedWord.objects.create(word=word)

    assert reason(text) == ""


def test_words_of_a_script_without_spaces_are_found_between_others() -> None:
    WatchedWord.objects.create(word="垃圾")

    assert "垃圾" in reason("这是垃圾广告")


def test_a_long_text_and_a_long_list_are_looked_through_soon() -> None:
    WatchedWord.objects.bulk_create(WatchedWord(word=f"word {number}") for number in range(5_000))
    hostile = ["a." * 1000, "a-" * 1000, "1." * 1000, "[](" * 600, "\u200b" * 2000, ":/" * 1000, "w" * 2000, "< a" * 600]

    began = time.process_time()
    for text in hostile:
        reason(text)

    assert time.process_time() - began < 5.0  # a pattern that backtracks would take minutes
