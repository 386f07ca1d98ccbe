"""Every setting, read from the environment (or `.env`), with its unit and default; `.env.example` lists them all."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import environ
from corsheaders.defaults import default_headers
from django.core.exceptions import ImproperlyConfigured

from config.logging import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

# --- Process ------------------------------------------------------------------------------------------------------
DEVELOPMENT: bool = env.bool("DEVELOPMENT", default=False)  # allows a missing SECRET_KEY and plain http
DEBUG: bool = env.bool("DEBUG", default=False)
SECRET_KEY: str = env.str("SECRET_KEY", default="development-only-key-that-production-refuses" if DEVELOPMENT else "")
if not DEVELOPMENT and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10 or SECRET_KEY.startswith(("django-insecure", "development"))):
    raise ImproperlyConfigured("SECRET_KEY is missing or weak: set at least 50 random characters, or DEVELOPMENT=true on your own machine")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
ENABLE_MEDIA_FEATURES: bool = env.bool("ENABLE_MEDIA_FEATURES", default=False)  # opt-in: unset means every endpoint answers 503
MEDIA_API_PORT: int = env.int("MEDIA_API_PORT", default=4100)
USE_HTTPS: bool = env.bool("USE_HTTPS", default=not DEVELOPMENT)  # secure cookies, HSTS, redirect; off behind plain http
TRUSTED_PROXY_COUNT: int = env.int("TRUSTED_PROXY_COUNT", default=0)  # proxies in front whose X-Forwarded-For we believe

LOGGING = logging_config(development=DEVELOPMENT, level=env.str("LOG_LEVEL", default="INFO"))

# --- Files --------------------------------------------------------------------------------------------------------
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / ".data"))).resolve()  # everything that we write
LIBRARY_ROOT = Path(env.str("LIBRARY_ROOT", default=str(DATA_DIR / "library")))  # the folder of videos
THUMBNAIL_ROOT = Path(env.str("THUMBNAIL_ROOT", default=str(DATA_DIR / "thumbnails")))
FFMPEG_BINARY: str = env.str("FFMPEG_BINARY", default="ffmpeg")  # a name on the PATH, or a path
MAX_UPLOAD_SIZE_GB: float = env.float("MAX_UPLOAD_SIZE_GB", default=10.0)  # GiB
UPLOADS_KEPT_HOURS: float = env.float("UPLOADS_KEPT_HOURS", default=24.0)  # that an upload of which nothing more comes is kept

# --- Scanning -----------------------------------------------------------------------------------------------------
SCAN_SETTLE_SECONDS: float = env.float("SCAN_SETTLE_SECONDS", default=5.0)  # younger files wait for the next scan
SCAN_WORKERS: int = env.int("SCAN_WORKERS", default=0)  # probing processes; 0: one per CPU
PROBE_TIMEOUT_SECONDS: float = env.float("PROBE_TIMEOUT_SECONDS", default=20.0)  # wall clock per file
PROBE_MEMORY_MB: int = env.int("PROBE_MEMORY_MB", default=1024)  # MiB of address space per probing process
MAX_VIDEO_PIXELS: int = env.int("MAX_VIDEO_PIXELS", default=35_389_440)  # 8192 x 4320; larger is refused
MAX_VIDEO_STREAMS: int = env.int("MAX_VIDEO_STREAMS", default=32)

# --- Fetching -----------------------------------------------------------------------------------------------------
# Networks that may be fetched from though they are private or reserved, as 192.168.7.0/24; any port of them.
FETCH_ALLOWED_NETWORKS: list[str] = [str(ip_network(network)) for network in env.list("FETCH_ALLOWED_NETWORKS", default=[])]
FETCH_PORTS: list[int] = env.list("FETCH_PORTS", cast=int, default=[80, 443])  # of servers on the internet
FETCH_MAX_SIZE_GB: float = env.float("FETCH_MAX_SIZE_GB", default=10.0)  # GiB
FETCH_TIMEOUT_SECONDS: float = env.float("FETCH_TIMEOUT_SECONDS", default=21600.0)  # wall clock of one attempt
FETCH_PATIENCE_SECONDS: float = env.float("FETCH_PATIENCE_SECONDS", default=30.0)  # over which a server must keep the rate below
FETCH_LEAST_BYTES_PER_SECOND: int = env.int("FETCH_LEAST_BYTES_PER_SECOND", default=1024)  # slower servers are left
FETCH_FROM_PAGES: bool = env.bool("FETCH_FROM_PAGES", default=False)  # let yt-dlp look for videos in pages; requirements-pages.txt

# --- Applications -------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "config.apps.LibraryAdminConfig",  # django.contrib.admin, with our site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "corsheaders",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config.api",
    "media_library",
    "gallery",
    "reactions",
    "jobs",
]
MIDDLEWARE = [
    "config.api.middleware.ExactOrigins",
    "config.api.middleware.security_headers",
    "config.api.middleware.JsonErrors",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.api.middleware.media_features",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(DATA_DIR / "static")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEVELOPMENT else "config.static_files.HashedFiles"
    },
}
WHITENOISE_USE_FINDERS = DEVELOPMENT  # straight from static/, so that nobody has to collect while working
USE_TZ = True
TIME_ZONE: str = env.str("TIME_ZONE", default="UTC")  # of what people read and of the lanes' hours; an IANA name
LANGUAGE_CODE = "en-us"

# --- Database, Redis, Celery --------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {"default": env.db_url("DATABASE_URL", default="postgres:///media")}
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {
        # A connection that cannot be made is forgotten after a second: else the pool waits twice as long before each attempt, in the
        # end longer than the database was away.
        "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL_SIZE", default=16), "timeout": 1.5, "reconnect_timeout": 1.0},
        "connect_timeout": 2,
        # A server that vanished without a word (a power cut, a cable) is given up after this, not after two hours: seconds; milliseconds.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }  # connections; seconds. A database that is down is a 503 within two seconds; one that is back costs the pool a second
)
DATABASES["default"]["ENGINE"] = "config.postgresql"  # Django's own, with fewer round trips
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # a restarted database costs a request or two, not one for each idle connection
SILENCED_SYSTEM_CHECKS = ["models.E034"]  # the specification's index names pass 30 characters; PostgreSQL takes 63
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL: str = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1)
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1.0, "socket_keepalive": True}  # seconds
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_QUEUES = {lane: {"exchange": lane, "routing_key": lane} for lane in ("gpu_ai", "gpu_encode", "cpu")}
CELERY_TASK_DEFAULT_QUEUE = "cpu"
CELERY_TASK_CREATE_MISSING_QUEUES = False  # a worker of a lane that is misspelt says so, instead of waiting for ever
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONSUMER = "jobs.messages:SteadyConsumer"
CELERY_WORKER_POOL = "threads"  # messages only wake our own threads: see jobs/tasks.py
CELERY_WORKER_CONCURRENCY = env.int("JOBS_PER_LANE", default=2)  # that one worker runs at once; --concurrency wins
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # nobody steers a worker through the broker
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False

# --- Jobs ---------------------------------------------------------------------------------------------------------
LEASE_SECONDS: float = env.float("LEASE_SECONDS", default=60.0)  # a worker that is silent for longer has lost its jobs
BEAT_SECONDS: float = env.float("BEAT_SECONDS", default=10.0)  # between two signs of life of a running job
POLL_SECONDS: float = env.float("POLL_SECONDS", default=5.0)  # between two looks for work that no message announced
REAPER_SECONDS: float = env.float("REAPER_SECONDS", default=15.0)  # between two looks for jobs whose worker died
RETRY_BASE_SECONDS: float = env.float("RETRY_BASE_SECONDS", default=10.0)  # longest wait before a second attempt; doubles with each
RETRY_CAP_SECONDS: float = env.float("RETRY_CAP_SECONDS", default=900.0)  # longest wait before any attempt
MAX_ATTEMPTS: int = env.int("MAX_ATTEMPTS", default=5)  # of a job whose failures may pass by themselves
DEATHS_BEFORE_QUARANTINE: int = env.int("DEATHS_BEFORE_QUARANTINE", default=3)  # workers that may die over one job
BACKFILL_AFTER_SECONDS: float = env.float("BACKFILL_AFTER_SECONDS", default=600.0)  # a job that waits longer for GPU memory is not passed
FULL_DISK_MB: int = env.int("FULL_DISK_MB", default=1024)  # MiB: a disk with less free is full
ENCODE_IN_PARTS_FROM_MINUTES: float = env.float("ENCODE_IN_PARTS_FROM_MINUTES", default=10.0)  # of video, where several machines encode
DISK_FULL_PAUSE_SECONDS: float = env.float("DISK_FULL_PAUSE_SECONDS", default=30.0)  # a lane that found the disk full starts nothing
JOBS_KEPT_DAYS: float = env.float("JOBS_KEPT_DAYS", default=30.0)  # that jobs and pipelines are remembered when they have ended
FAILED_JOBS_KEPT_DAYS: float = env.float("FAILED_JOBS_KEPT_DAYS", default=90.0)  # those that failed, unless somebody dismissed them
VIEWERS_SECONDS: float = env.float("VIEWERS_SECONDS", default=60.0)  # somebody who asked for a part of a video watches for so long
FFMPEG_MEMORY_MB: int = env.int("FFMPEG_MEMORY_MB", default=8192)  # MiB of address space of one ffmpeg; those on a GPU are not bounded
AI_MODEL_PATH: str = env.str("AI_MODEL_PATH", default="")  # a network in ONNX with its prompts beside it; empty: the one in models/
AI_MEMORY_MB: int = env.int("AI_MEMORY_MB", default=4096)  # MiB of address space of one network; those on a GPU are not bounded
STOP_GRACE_SECONDS: float = env.float("STOP_GRACE_SECONDS", default=3.0)  # for running jobs to end, when their worker stops
NODE_NAME: str = env.str("NODE_NAME", default="")  # of this machine among the nodes; empty: its host name
NODE_VRAM_MB: int = env.int("NODE_VRAM_MB", default=-1)  # MiB of GPU memory that jobs may use here; -1: what the GPUs say
JOBS_PER_NODE: dict[str, int] = env.dict(
    "JOBS_PER_NODE", cast={"value": int}, default={}
)  # lane=jobs at once;…; a lane left out: its workers decide

# --- Sign-in ------------------------------------------------------------------------------------------------------
MEDIA_ADMIN_ROLES: list[str] = env.list("MEDIA_ADMIN_ROLES", default=["SUPER_ADMIN", "MEDIA_ADMIN"])
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
SIGN_INS_PER_MINUTE: int = env.int("SIGN_INS_PER_MINUTE", default=10)  # per account and address
SIGN_UP_IS_OPEN: bool = env.bool("SIGN_UP_IS_OPEN", default=False)  # whether visitors may make accounts, to react with
SIGN_UPS_PER_ADDRESS_PER_HOUR: int = env.int("SIGN_UPS_PER_ADDRESS_PER_HOUR", default=10)
PUBLIC_WRITES_PER_SESSION_PER_MINUTE: int = env.int("PUBLIC_WRITES_PER_SESSION_PER_MINUTE", default=60)
PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE: int = env.int("PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE", default=600)
VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR: int = env.int("VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR", default=60)
COMMENTS_PER_MINUTE: int = env.int("COMMENTS_PER_MINUTE", default=5)  # of one session or user; more wait for a moderator
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "gallery"
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ALGORITHM": "HS256",
    "ISSUER": "media-library",
    "CHECK_REVOKE_TOKEN": True,  # a new password ends every token
}
MAIN_API_JWT_KEY: str = env.str("MAIN_API_JWT_KEY", default="", multiline=True)  # HS256 secret or RS256 public key; empty: off
MAIN_API_JWT_ALGORITHM: str = env.str("MAIN_API_JWT_ALGORITHM", default="HS256")
if MAIN_API_JWT_ALGORITHM not in ("HS256", "RS256"):
    raise ImproperlyConfigured("MAIN_API_JWT_ALGORITHM must be HS256 or RS256")
if MAIN_API_JWT_KEY and MAIN_API_JWT_ALGORITHM == "HS256" and len(MAIN_API_JWT_KEY) < 32:
    raise ImproperlyConfigured("MAIN_API_JWT_KEY is weak: an HS256 secret needs at least 32 characters")
MAIN_API_JWT_ISSUER: str = env.str("MAIN_API_JWT_ISSUER", default="")
MAIN_API_JWT_AUDIENCE: str = env.str("MAIN_API_JWT_AUDIENCE", default="")
MAIN_API_JWT_USER_CLAIM: str = env.str("MAIN_API_JWT_USER_CLAIM", default="sub")
MAIN_API_JWT_ROLE_CLAIM: str = env.str("MAIN_API_JWT_ROLE_CLAIM", default="role")

# --- API ----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["config.api.permissions.IsMediaAdmin"],
    "DEFAULT_RENDERER_CLASSES": ["config.api.rendering.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.rendering.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.rendering.AlwaysJSON",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.api.errors.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Media library",
    "VERSION": "1.0.0",
    "DESCRIPTION": "A self-hosted video library: its admin API and its public gallery.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api",
    "SORT_OPERATIONS": False,
    "PATH_CONVERTER_OVERRIDES": {"id": {"type": "integer", "format": "int64", "minimum": 1}},
    "ENUM_NAME_OVERRIDES": {"JobStatus": "jobs.models.Job.Status", "PipelineStatus": "jobs.models.Pipeline.Status"},
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "config.api.schema.document_errors"],
}

# --- Speed --------------------------------------------------------------------------------------------------------
SHORTCUTS = [  # answered without Django where they can be
    "gallery.api.shortcuts.MediaPages",
    "gallery.api.shortcuts.OneMedium",
    "gallery.api.shortcuts.Upvotes",
    "reactions.api.shortcuts.ReactionsToMedium",
]
MICRO_CACHE_SECONDS: float = env.float("MICRO_CACHE_SECONDS", default=1.0)  # how old a public list or medium may be; 0: no cache

# --- HTTP ---------------------------------------------------------------------------------------------------------
STREAMS_PER_PROCESS: int = env.int("STREAMS_PER_PROCESS", default=128)  # files being sent at once; each holds a thread of the server
BODIES_PER_PROCESS: int = env.int("BODIES_PER_PROCESS", default=64)  # on their way to us at once; each holds a thread, too
X_ACCEL_LIBRARY: str = env.str("X_ACCEL_LIBRARY", default="")  # nginx's internal location of the library; empty: we send files
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ORIGINS", default=["http://localhost:3000", "http://localhost:3010"])
CORS_ALLOW_CREDENTIALS = True
TUS_HEADERS = ("tus-resumable", "upload-checksum", "upload-length", "upload-metadata", "upload-offset")
CORS_ALLOW_HEADERS = (*default_headers, *TUS_HEADERS, "idempotency-key", "if-none-match", "if-range", "range")
TUS_REPLIES = (
    *("Location", "Tus-Checksum-Algorithm", "Tus-Extension", "Tus-Max-Size", "Tus-Resumable", "Tus-Version"),
    *("Upload-Expires", "Upload-Job", "Upload-Length", "Upload-Metadata", "Upload-Offset"),
)
CORS_EXPOSE_HEADERS = ("Accept-Ranges", "Content-Range", "ETag", "Retry-After", *TUS_REPLIES)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # bytes of a request body that is no upload
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = USE_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = USE_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked by the platform, from inside
SECURE_HSTS_SECONDS = 31_536_000 if USE_HTTPS else 0  # seconds: one year
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = USE_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "config.api.errors.csrf_failure"
