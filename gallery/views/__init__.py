"""The public pages: browsing the gallery, watching one medium, commenting below it; and how other sites find and show it."""
