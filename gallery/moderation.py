"""Which comments wait for a moderator before anybody but their author sees them.

Texts are compared in one form: compatibility forms folded, case folded, without the invisible characters that
spammers put between letters. What is stored is what was typed.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from gallery.comments import Commenter
from gallery.models import Comment, WatchedWord

LONGEST_WORD = 100  # characters of a watched word or phrase
HOLDS_A_LINK = "It holds a link"
BY_A_MODERATOR = "A moderator holds it back"

_INVISIBLE = dict.fromkeys(map(ord, "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\ufe0f\uffa0"))
_FULL_STOPS = str.maketrans("\u3002", ".")  # an ideographic full stop separates the parts of a host name too
_TOP_LEVEL = "app|biz|cc|click|club|cn|co|com|de|dev|eu|fr|gg|info|io|link|live|ly|me|net|nl|online|org|pl|ru|shop|site|store|tv|uk|xyz"
_LINK = re.compile(
    rf"""
      (?<=\w):\s*//\s*\S                                           # any scheme://
    | \b(?:javascript|vbscript|data|mailto|tel):\S
    | \bwww\.\S
    | <\s*a\s+href | \]\(\S | \[url\b                                   # HTML, Markdown, BBCode
    | (?<![\w.-])[\w-]+(?:\.[\w-]+)*\.(?:{_TOP_LEVEL})(?![\w-])     # example.com
    | \w\.[a-z]{{2,24}}/\S                                         # example.anything/path
    | (?<![\d.])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\d.])             # 192.0.2.1
    """,
    re.VERBOSE,
)
# Scripts that put no spaces between words: Thai and Lao, Burmese, Khmer, Japanese, Chinese.
_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def reason_to_hold(*texts: str, author: Commenter) -> str:
    """Why a moderator has to look at a comment first, as a sentence; empty when nobody has to.

    `texts` are its words and its author's name.
    """
    plain = [comparable(text) for text in texts]
    if any(_LINK.search(text) for text in plain):
        return HOLDS_A_LINK
    if word := _watched_word(plain):
        return f"It holds the watched word “{word}”"
    if _are_many(author):
        return f"More than {settings.COMMENTS_PER_MINUTE} comments in a minute"
    return ""


def comparable(text: str) -> str:
    """The form in which texts are compared; runs of white space become one space."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_INVISIBLE).translate(_FULL_STOPS)
    return " ".join("".join(each for each in folded if unicodedata.category(each) != "Cf").split())


def _watched_word(texts: list[str]) -> str | None:
    words = WatchedWord.objects.order_by().values_list("word", flat=True)
    return next((word for word in words if any(_says(text, word) for text in texts)), None)


def _says(text: str, word: str) -> bool:
    """Whether a comparable text holds the word whole; in a script without spaces, at all."""
    if word not in text:
        return False
    before = "" if _WITHOUT_SPACES.match(word) else r"(?<!\w)"
    after = "" if _WITHOUT_SPACES.match(word[-1]) else r"(?!\w)"
    return re.search(before + re.escape(word) + after, text) is not None


def _are_many(author: Commenter) -> bool:
    lately = Comment.objects.filter(author.own, created_at__gt=Now() - timedelta(minutes=1))
    return lately.count() >= settings.COMMENTS_PER_MINUTE
