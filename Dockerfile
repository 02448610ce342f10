# The service's image: pinned packages, compiled once, run by an ordinary user on a file system that may be read-only.
FROM python:3.13-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/venv
COPY requirements/service.txt /tmp/service.txt
RUN /opt/venv/bin/pip install --quiet --require-hashes --requirement /tmp/service.txt \
    && /opt/venv/bin/python -m compileall -q /opt/venv/lib

FROM python:3.13-slim
# 999 is the number that the postgres and redis images give to their users too: what the secrets service writes into their
# volumes for its owner only can then be read by them, without any container starting as root.
RUN groupadd --gid 999 staysync \
    && useradd --uid 999 --gid 999 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin staysync \
    && mkdir /secrets \
    && install -d -o 999 -g 999 -m 0700 /secrets/app /secrets/database /secrets/broker
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY domain domain
COPY eventstore eventstore
COPY readmodels readmodels
COPY identity identity
COPY command command
COPY projections projections
COPY query query
COPY migrations migrations
COPY staysync staysync
RUN python -m compileall -q /app
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    STAYSYNC_HOST=0.0.0.0 STAYSYNC_DATA_DIR=/tmp/staysync STAYSYNC_SECRETS_DIR=/secrets/app
USER 999:999
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
ENTRYPOINT ["python", "-m", "staysync"]
CMD ["serve"]
