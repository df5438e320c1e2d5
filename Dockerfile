# Two images from one file: `web` answers webhooks and never loads a model; `worker` embeds clips.
#   docker build --target web -t dejabug-web .
#   docker build --target worker -t dejabug-worker .
# For a GPU: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126
FROM python:3.11-slim AS base
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home dejabug \
    && install -d -o dejabug -g dejabug /var/lib/dejabug
WORKDIR /app

FROM base AS installed
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --index-url "$TORCH_INDEX" torch
COPY pyproject.toml README.md LICENSE ./
COPY service ./service
RUN pip install .

FROM installed AS web
USER dejabug
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["dejabug", "serve", "--host", "0.0.0.0", "--port", "8000"]

FROM installed AS worker
USER dejabug
ENV HF_HOME=/var/lib/dejabug/models
CMD ["dejabug", "worker", "search", "clips"]
