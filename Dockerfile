# One image for every Airflow service of docker-compose.yaml: Airflow and llm-bench, for the CPU, run by no root.

ARG PYTHON_IMAGE=python:3.11.15-slim-bookworm
FROM ${PYTHON_IMAGE}

# PyPI's torch for x86 Linux comes with 3 GB of CUDA, this index has the CPU build. Its hash isn't the lock's, so torch
# is the one package that is taken on this index's word.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /opt/llm-bench

# Volumes take their owner from these folders.
RUN useradd --uid 50000 --gid 0 --home-dir /opt/airflow --no-create-home airflow \
 && install --directory --owner airflow --group root /opt/airflow /opt/airflow/logs /opt/airflow/xcom data

ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1

# The packages: a layer that is built anew only when a pinned version changes. The lock's hashes hold for all but torch.
COPY requirements.txt requirements.lock ./
RUN python3 -m venv "$VIRTUAL_ENV" \
 && awk '/^[^ ]/ { uv = /^uv==/ } uv' requirements.lock > /tmp/uv.txt \
 && pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/uv.txt \
 && pip install --no-cache-dir --no-deps --index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.txt)" \
 && uv pip install --no-cache --compile-bytecode \
      --requirement requirements.txt --constraint requirements.lock hatchling \
 && uv pip uninstall uv \
 && rm /tmp/uv.txt

# The project. It is installed where it lies, so there is one copy of it.
COPY LICENSE pyproject.toml README.md ./
COPY plugins plugins
RUN pip install --no-cache-dir --no-deps --no-index --no-build-isolation --editable . \
 && python -m compileall -q plugins
COPY scripts/healthy.py scripts/
COPY include include
COPY dags dags

# What holds wherever the image runs; addresses and secrets come with the services. The LITELLM_ variables and the one
# after them are what llm_bench.measure.client sets: a Celery worker imports LiteLLM before it.
ENV AIRFLOW_HOME=/opt/airflow \
    LLM_BENCH_HOME=/opt/llm-bench \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/llm-bench/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/llm-bench/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__CORE__TEST_CONNECTION=Enabled \
    AIRFLOW__CORE__XCOM_BACKEND=airflow.providers.common.io.xcom.backend.XComObjectStorageBackend \
    AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH=file:///opt/airflow/xcom \
    AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD=65536 \
    AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL=30 \
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=/opt/airflow/logs \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False \
    HF_HUB_OFFLINE=1 \
    TOKENIZERS_PARALLELISM=false \
    MALLOC_ARENA_MAX=2 \
    LITELLM_LOCAL_MODEL_COST_MAP=True \
    LITELLM_MODE=PRODUCTION

USER airflow
CMD ["airflow", "version"]
