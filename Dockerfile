FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --create-home --shell /usr/sbin/nologin app
WORKDIR /app

COPY requirements.txt constraints.txt ./
RUN pip install --requirement requirements.txt

COPY . ./
# The secrets of this one command are thrown away with it; DATA_DIR is .data.
RUN SECRET_KEY=build JWT_SECRET=build python manage.py collectstatic --no-input \
    && mkdir -p .data/media && chown -R app:app .data

USER app
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://localhost:{os.environ.get('PORT', '8000')}/healthz\", timeout=4)"]
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0"]
