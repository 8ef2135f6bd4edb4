# The worker: one process per GPU (ENGINE=gpu, the default) or on CPU cores (ENGINE=cpu).
# The device is asked for by name: a GPU that has died ends the worker with its code, and does not make it a slow one.
# CUDA and cuDNN come with the Python packages; the host needs the NVIDIA driver and its container runtime.
FROM python:3.11-slim-bookworm AS build
ARG ENGINE=gpu
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY lumbar3d lumbar3d
COPY service service
COPY worker worker
COPY ssm_assets ssm_assets
RUN python -m venv /opt/lumbar3d \
 && /opt/lumbar3d/bin/pip install --no-cache-dir --constraint constraints.txt ".[worker,postgres,s3,${ENGINE}]"

FROM python:3.11-slim-bookworm
ARG ENGINE=gpu
RUN groupadd --gid 10001 lumbar3d \
 && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin lumbar3d \
 && install -d -o lumbar3d -g lumbar3d /var/lib/lumbar3d
COPY --from=build /opt/lumbar3d /opt/lumbar3d
ENV PATH=/opt/lumbar3d/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    NUMBA_CACHE_DIR=/tmp/numba \
    CUPY_CACHE_DIR=/tmp/cupy \
    LUMBAR3D_DATA_DIR=/var/lib/lumbar3d \
    LUMBAR3D_DEVICE=${ENGINE}
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["celery", "--app", "lumbar3d.worker.app", "worker", "--without-gossip", "--without-mingle"]
