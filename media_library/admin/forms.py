"""What the admin asks a person for: a category, a reason, tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify

from gallery.models import MediaTotal
from gallery.services import InvalidCategory, clean_category
from media_library.admin.video_filters import recent_tags
from media_library.models import Video
from media_library.services import MOST_TAGS, clean_tags

REASON_LENGTH = 500  # characters


class SuggestingInput(forms.TextInput):
    """A text field that offers values and takes any; they are looked up when the field is drawn."""

    def __init__(self, suggestions: Callable[[], Sequence[str]], attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.suggestions = suggestions

    def render(self, name: str, value: Any, attrs: Mapping[str, Any] | None = None, renderer: Any = None) -> SafeString:
        list_id = f"suggested-{name}"
        field = super().render(name, value, {**(attrs or {}), "list": list_id, "autocomplete": "off"}, renderer)
        options = format_html_join("", '<option value="{}"></option>', ((value,) for value in self.suggestions()))
        return format_html('{}<datalist id="{}">{}</datalist>', field, list_id, options)


def open_categories() -> list[str]:
    """The categories that hold something visitors see, by name."""
    return list(MediaTotal.objects.filter(count__gt=0).order_by("category").values_list("category", flat=True).distinct())


class CategoryField(forms.CharField):
    """A category as a person types it: "Summer 2024" becomes the slug summer-2024."""

    def __init__(self, **kwargs: Any) -> None:
        suggest = SuggestingInput(open_categories, {"autofocus": True, "class": "vTextField"})
        super().__init__(
            widget=suggest, max_length=64, help_text="An existing category or a new one: letters, digits and hyphens.", **kwargs
        )

    def clean(self, value: Any) -> str:
        try:
            return clean_category(slugify(super().clean(value)))
        except InvalidCategory as error:
            raise forms.ValidationError("Use letters a to z, digits and hyphens, at most 64.") from error


class TagsField(forms.CharField):
    """Tags as text with commas between them; each once, in the order they were typed."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", "With commas between them.")
        super().__init__(widget=SuggestingInput(recent_tags, {"class": "vTextField tags-input"}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(str(tag) for tag in value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        tags = clean_tags(super().clean(value).split(","))
        if len(tags) > MOST_TAGS:
            raise forms.ValidationError(f"A video has at most {MOST_TAGS} tags.")
        return tags

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(self.prepare_value(initial), data))


class CategoryForm(forms.Form):
    category = CategoryField()


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=REASON_LENGTH,
        widget=forms.TextInput(attrs={"autofocus": True, "class": "vTextField"}),
        help_text="For your colleagues; visitors do not see it.",
    )


class LockForm(ReasonForm):
    """Of videos from which others were made that visitors see."""

    with_derived = forms.BooleanField(
        required=False, initial=True, label="Lock what was made from them, too", help_text="Those that visitors see."
    )


class TagsForm(forms.Form):
    tags = TagsField()


class VideoForm(forms.ModelForm):  # type: ignore[type-arg]  # takes no parameter at run time
    """The four things that a person may say about a video; all else is what the file is."""

    tags = TagsField(required=False)

    class Meta:
        model = Video
        fields = ("title", "producer", "creator", "tags")
        widgets = {name: forms.TextInput(attrs={"class": "vTextField"}) for name in ("title", "producer", "creator")}
