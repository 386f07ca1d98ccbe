"""How static files are named outside development: by their content, so that browsers keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # comes without types
    """Also in what our ES modules import from each other: a page never mixes modules of two releases."""

    support_js_module_import_aggregation = True
