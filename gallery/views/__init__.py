"""The public pages: browsing the gallery, watching one medium, and commenting below it."""
