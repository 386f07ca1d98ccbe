# One image for the web server and the workers; docker-compose.yml says which is which.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    DATA_DIR=/data \
    LIBRARY_ROOT=/library

# The font draws the titles on cards of compilations; add fonts-noto-cjk for Chinese, Japanese and Korean ones.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*

# /library is a folder of yours: give APP_UID its owner's id when that is not 1000.
ARG APP_UID=1000
RUN useradd --uid ${APP_UID} --no-create-home --shell /usr/sbin/nologin media \
    && mkdir /data /library \
    && chown media:media /data /library

WORKDIR /app
COPY requirements.txt .
RUN pip install --require-hashes --requirement requirements.txt
COPY . .

# Static files are collected into the image; DATA_DIR is a volume, and holds no part of a release.
ENV STATIC_ROOT=/app/collected
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" python manage.py collectstatic --no-input

USER media
VOLUME /data
EXPOSE 4100
# As bin/launcher/site.py starts it.
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "4100", "--workers", "2", \
     "--blocking-threads", "256", "--backpressure", "2048", "--backlog", "2048", "--http1-header-read-timeout", "10000", \
     "--no-ws", "--respawn-failed-workers", "--workers-kill-timeout", "5", "config.wsgi:application"]
