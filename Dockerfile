# The page is built once, whatever the platform of the image.
FROM --platform=$BUILDPLATFORM node:22-slim AS web
WORKDIR /web
COPY server/web/package.json server/web/package-lock.json server/web/.npmrc ./
RUN npm ci
COPY server/web/tsconfig.json server/web/vite.config.ts server/web/index.html ./
COPY server/web/public public
COPY server/web/src src
RUN npm run build

# The program as a wheel, and the locked versions of all it leans on, in an environment that is taken over whole.
FROM python:3.11-slim AS build
RUN python -m venv /opt/socialflow
WORKDIR /src
COPY requirements.lock ./
RUN /opt/socialflow/bin/pip install --no-cache-dir --no-compile -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY actors actors
COPY media media
COPY storage storage
COPY migrations migrations
COPY bench bench
COPY server server
# What a build on this machine may have left there.
RUN rm -rf server/web/dist server/web/node_modules
COPY --from=web /web/dist server/web/dist
RUN /opt/socialflow/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheel . \
    && /opt/socialflow/bin/pip install --no-cache-dir --no-compile --no-deps /wheel/*.whl

# What builds is not taken along, nor what is never run, nor symbols for debuggers.
FROM build AS slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils
COPY deploy/image/slim.py ./
RUN /opt/socialflow/bin/pip uninstall --quiet --yes pip setuptools \
    && /opt/socialflow/bin/python -B slim.py

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Social Flow" \
      org.opencontainers.image.licenses="MIT"
# The base's own pip and setuptools, too, build what a server has no use for.
RUN rm -rf /usr/local/lib/python3.11/site-packages /usr/local/lib/python3.11/ensurepip /usr/local/bin/pip* /usr/share/python-wheels \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin socialflow \
    && install -d -o socialflow -g socialflow -m 0750 /data
COPY --from=slim /opt/socialflow /opt/socialflow
ENV PATH=/opt/socialflow/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SOCIALFLOW_DATA_DIR=/data \
    SOCIALFLOW_HTTP_HOST=0.0.0.0 \
    SOCIALFLOW_RTMP_HOST=0.0.0.0 \
    SOCIALFLOW_LOG_FORMAT=json
USER socialflow
WORKDIR /data
VOLUME /data
EXPOSE 8080/tcp 1935/tcp 8189/udp 8189/tcp
STOPSIGNAL SIGTERM
# HTTP, or HTTPS with a certificate that need not be for this name.
HEALTHCHECK --interval=10s --timeout=4s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, ssl, urllib.request as r; tls = os.environ.get('SOCIALFLOW_TLS_CERT'); port = os.environ.get('SOCIALFLOW_HTTP_PORT', '8080'); r.urlopen(f\"http{'s' if tls else ''}://127.0.0.1:{port}/livez\", timeout=3, context=ssl._create_unverified_context() if tls else None)"]
ENTRYPOINT ["socialflow"]
CMD ["serve"]
