from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        """Have every job type write itself into the registry."""
        from jobs import handlers  # noqa: F401
