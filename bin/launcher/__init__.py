"""Starts, checks and stops the whole library on one machine, with nothing but Python's standard library.

`up` tells the story of `bin/up`, `checks` that of `bin/test`. The nouns they use: `environment` (the virtual
environment), `data_folder`, `libraries`, `postgres`, `valkey`, `ffmpeg`, `site` (Django and its web server),
`processes`.
"""
