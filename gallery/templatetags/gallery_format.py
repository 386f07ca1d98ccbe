"""How the pages write durations, counts and shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import log
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from media_library import naming, timecodes
from media_library.posters import SMALLER_SIDES, poster_size

register = template.Library()

# Width by height of the posters' boxes. A fixed set, because our Content-Security-Policy allows no inline style:
# gallery.css holds one `.shape-<name>` for each. A poster fills the nearest one, so at most a sliver is cut.
SHAPES = {
    "9x21": 9 / 21,
    "1x2": 1 / 2,
    "9x16": 9 / 16,
    "5x8": 5 / 8,
    "2x3": 2 / 3,
    "3x4": 3 / 4,
    "4x5": 4 / 5,
    "8x9": 8 / 9,
    "1x1": 1.0,
    "9x8": 9 / 8,
    "5x4": 5 / 4,
    "4x3": 4 / 3,
    "3x2": 3 / 2,
    "8x5": 8 / 5,
    "16x9": 16 / 9,
    "2x1": 2.0,
    "21x9": 21 / 9,
}
SHAPE_BY_ORIENTATION = {"portrait": "9x16", "square": "1x1"}


@register.filter
def shape(medium: Mapping[str, Any]) -> str:
    """Name the shape nearest to the medium's own: `16x9`."""
    if not medium["width"] or not medium["height"]:
        return SHAPE_BY_ORIENTATION.get(medium["orientation"], "16x9")
    aspect_ratio = medium["width"] / medium["height"]
    return min(SHAPES, key=lambda name: abs(log(aspect_ratio / SHAPES[name])))


@register.filter
def srcset(medium: Mapping[str, Any]) -> str:
    """The poster in all its sizes, as browsers choose among them; nothing where there is one alone."""
    width, height, poster = medium["width"], medium["height"], medium["thumbnail_path"]
    if not width or not height or max(width, height) <= SMALLER_SIDES[0]:
        return ""
    whole = str(poster).removesuffix(".webp")
    smaller = [(f"{whole}-{side}.webp", poster_size(width, height, side=side)) for side in SMALLER_SIDES if side < max(width, height)]
    return ", ".join(f"{address} {size[0]}w" for address, size in [*smaller, (poster, poster_size(width, height))])


@register.filter
def card_width(medium: Mapping[str, Any]) -> str:
    """How wide its card is in a row, about: `.rows` in gallery.css says how high rows are, and that they grow, most where few fit."""
    ratio = SHAPES[shape(medium)]
    return f"(max-width: 640px) min(92vw, {1.7 * ratio * 118:.0f}px), calc({1.3 * ratio:.3g} * clamp(118px, 14vw, 205px))"


@register.filter
def title_of(medium: Mapping[str, Any]) -> str:
    """Its title, else the name of its file."""
    return str(medium["title"] or medium["filename"])


@register.filter
def watch_address(medium: Mapping[str, Any]) -> str:
    """Where it is watched: by its id, with its title for people to read."""
    slug = slug_of(medium)
    return reverse("watch_by_title", args=[medium["id"], slug]) if slug else reverse("watch", args=[medium["id"]])


def slug_of(medium: Mapping[str, Any]) -> str:
    """Its title as part of an address, in its own script; empty where it has no letters."""
    return naming.slug_of(title_of(medium))


@register.filter
def clock(seconds: int | None) -> str:
    """Write a duration as players do; nothing when it is unknown."""
    return "" if seconds is None else timecodes.clock(seconds)


@register.filter
def with_moments(text: str, medium: Mapping[str, Any]) -> SafeString:
    """Escape a text, and make each `1:25` in it that the medium has a link to that moment."""
    parts: list[SafeString] = []
    end = 0
    for found in timecodes.CLOCK.finditer(text):
        moment = timecodes.seconds_of(found[0])
        if moment is not None and moment <= (medium["duration_seconds"] or 0):
            parts += [escape(text[end : found.start()]), moment_link(medium, moment, label=found[0])]
            end = found.end()
    return format_html_join("", "{}", ((part,) for part in [*parts, escape(text[end:])]))


@register.simple_tag
def moment_link(medium: Mapping[str, Any], moment: int, label: str = "") -> SafeString:
    """A link to a moment of the medium, in seconds."""
    return format_html('<a class="moment" href="{}?t={}">{}</a>', watch_address(medium), moment, label or timecodes.clock(moment))


@register.filter
def compact(count: int) -> str:
    """Write a count so that it doesn't shout: `940`, `8.2k`, `14k`, `1.3M`."""
    for unit, suffix in ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")):
        if count >= unit:
            tenths = count * 10 // unit  # rounded down, so that 999,999 is never "1000k"
            return f"{tenths // 10}{suffix}" if tenths >= 100 or tenths % 10 == 0 else f"{tenths / 10}{suffix}"
    return str(count)


@register.filter
def category_name(slug: str) -> str:
    """Write a category's slug as a name: `town-hall` is `Town hall`."""
    return slug.replace("-", " ").strip().capitalize()


@register.filter
def json_ld(facts: Mapping[str, Any]) -> SafeString:
    """Facts for search engines as a script that is data, which no text in it can end."""
    text = json.dumps(facts, ensure_ascii=False).translate({ord(character): f"\\u{ord(character):04x}" for character in "<>&"})
    return mark_safe(f'<script type="application/ld+json">{text}</script>')
