"""WSGI entry point, served by granian."""

import os

from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django = get_wsgi_application()
application = import_string("config.api.bodies.ReceivedBodies")(import_string("config.api.shortcuts.Shortcuts")(django))
