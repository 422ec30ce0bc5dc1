# syntax=docker/dockerfile:1
ARG PYTHON=3.12

# Compiles the scale's driver, which has no wheel.
FROM python:${PYTHON}-slim AS builder
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libusb-1.0-0-dev \
    && rm -rf /var/lib/apt/lists/*
COPY driver/ /src/driver/
RUN pip wheel --no-deps --wheel-dir /wheels /src/driver

FROM python:${PYTHON}-slim as runtime
ENV RAMP=4 \
    PYTHONUNBUFFERED=1
COPY --from=builder /wheels /wheels
RUN pip install --no-cache-dir /wheels/*.whl
# The scale may be opened by its group only.
RUN groupadd --system scale && useradd --system --gid scale loader
USER loader
HEALTHCHECK --interval=30s CMD ["loader", "ping"]
ENTRYPOINT ["loader", "drain"]

FROM runtime
CMD ["--heavy-first"]
