"""What the library asks of FFmpeg. Knows neither Django nor Celery."""
