# Three images from one file:
#   docker build --target web -t dejabug-web .                  answers; has no torch
#   docker build --target worker -t dejabug-worker .            embeds on the CPU, and all other jobs
#   docker build --target worker-cuda -t dejabug-worker-cuda .  embeds on an NVIDIA GPU
# The steps are scripts in deploy/image, so that tests can take them without a Docker engine.
# Another base, a mirror's for instance: --build-arg PYTHON_IMAGE=...@sha256:...
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${PYTHON_IMAGE} AS base
ENV PATH=/opt/dejabug/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PIP_CACHE_DIR=/var/cache/pip \
    DEJABUG_DATA_DIR=/var/lib/dejabug \
    DEJABUG_LOG_FORMAT=json \
    HF_HOME=/var/lib/dejabug/models
WORKDIR /build
COPY deploy/image deploy/image
# As process 1, tini hands signals on from the first moment, also while a model is being loaded.
RUN deploy/image/system.sh tini

FROM base AS package
COPY deploy/pins/build.txt deploy/pins/
COPY pyproject.toml README.md LICENSE ./
COPY service service
RUN --mount=type=cache,target=/var/cache/pip deploy/image/wheel.sh /wheel

# What the targets share, so that a change of our own code moves no large layer.
FROM base AS web-packages
COPY deploy/pins/web.txt deploy/pins/
RUN --mount=type=cache,target=/var/cache/pip deploy/image/install.sh /opt/dejabug web

FROM web-packages AS worker-packages
RUN deploy/image/system.sh ffmpeg
COPY deploy/pins/worker.txt deploy/pins/
RUN --mount=type=cache,target=/var/cache/pip deploy/image/install.sh /opt/dejabug worker

FROM web-packages AS web
RUN --mount=type=bind,from=package,source=/wheel,target=/wheel deploy/image/install.sh /opt/dejabug /wheel/*.whl
LABEL org.opencontainers.image.title="Déjà Bug: web" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /var/lib/dejabug
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["tini", "--"]
CMD ["dejabug", "serve", "--host", "0.0.0.0", "--port", "8000"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]

FROM worker-packages AS worker
COPY deploy/pins/cpu.txt deploy/pins/
RUN --mount=type=cache,target=/var/cache/pip deploy/image/install.sh /opt/dejabug cpu
RUN --mount=type=bind,from=package,source=/wheel,target=/wheel deploy/image/install.sh /opt/dejabug /wheel/*.whl
LABEL org.opencontainers.image.title="Déjà Bug: worker" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /var/lib/dejabug
USER 10001:10001
ENTRYPOINT ["tini", "--"]
CMD ["dejabug", "worker"]
HEALTHCHECK --interval=60s --timeout=15s --start-period=10m CMD ["dejabug", "worker-health"]

# On the same base: torch's wheels bring the CUDA libraries, and the host's driver is mounted in.
FROM worker-packages AS worker-cuda
COPY deploy/pins/cuda.txt deploy/pins/
RUN --mount=type=cache,target=/var/cache/pip deploy/image/install.sh /opt/dejabug cuda
RUN --mount=type=bind,from=package,source=/wheel,target=/wheel deploy/image/install.sh /opt/dejabug /wheel/*.whl
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    DEJABUG_DEVICE=cuda
LABEL org.opencontainers.image.title="Déjà Bug: worker with CUDA" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /var/lib/dejabug
USER 10001:10001
ENTRYPOINT ["tini", "--"]
CMD ["dejabug", "worker", "clips", "search"]
HEALTHCHECK --interval=60s --timeout=15s --start-period=10m CMD ["dejabug", "worker-health"]
