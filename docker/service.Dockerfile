# The REST front end. It never loads the network or the shape models: small, no GPU.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY lumbar3d lumbar3d
COPY service service
COPY worker worker
COPY demo demo
RUN python -m venv /opt/lumbar3d \
 && /opt/lumbar3d/bin/pip install --no-cache-dir --constraint constraints.txt ".[service,bridge,postgres,s3]"

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 lumbar3d \
 && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin lumbar3d \
 && install -d -o lumbar3d -g lumbar3d /var/lib/lumbar3d
COPY --from=build /opt/lumbar3d /opt/lumbar3d
ENV PATH=/opt/lumbar3d/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LUMBAR3D_DATA_DIR=/var/lib/lumbar3d
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["uvicorn", "--factory", "lumbar3d.service.app:create_app_from_environment", "--host", "0.0.0.0", "--port", "8000", "--http", "lumbar3d.service.connections:BoundedHttp", "--timeout-graceful-shutdown", "20"]
