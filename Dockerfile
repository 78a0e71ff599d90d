# The image holds a virtual environment and nothing else of ours: no compiler, no pip,
# no tests. Build: docker build -t dockernet-exporter .
# Without a registry and an index: a base image of your own with python, python -m venv
# included, and wheels of that Python in requirements/wheels, which is copied if there:
#   docker build -t dockernet-exporter --network none --build-arg PYTHON_IMAGE=BASE \
#       --build-arg PIP_NO_INDEX=1 --build-arg PIP_FIND_LINKS=requirements/wheels .
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
# The builder's tools and the program's packages live in two environments, so that the
# second carries no pip and no hatchling. Only pinned wheels are installed.
RUN python -m venv /build && python -m venv --without-pip /opt/dockernet-exporter
COPY requirements requirements
# pip reads them; without a value they are not there.
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
RUN /build/bin/python -m pip install --no-cache-dir --require-hashes \
        --only-binary :all: -r requirements/build.txt \
    && /build/bin/python -m pip --python /opt/dockernet-exporter/bin/python install \
        --no-cache-dir --no-compile --require-hashes --only-binary :all: \
        -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
RUN /build/bin/python -m hatchling build -t wheel \
    && /build/bin/python -m pip --python /opt/dockernet-exporter/bin/python install \
        --no-cache-dir --no-compile --no-deps --no-index dist/*.whl \
    && /opt/dockernet-exporter/bin/python -m compileall -q -o 2 /opt/dockernet-exporter

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="dockernet-exporter" \
      org.opencontainers.image.description="Who reaches whom on a Docker host, against what Docker promises." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/dockernet-exporter /opt/dockernet-exporter
# Without docstrings 3 MB less are resident (docs/performance.md).
ENV PATH=/opt/dockernet-exporter/bin:$PATH \
    PYTHONOPTIMIZE=2 \
    PYTHONUNBUFFERED=1
# An import compiles what it loads of Python's own library, for good: a container whose
# file system is read-only would do that at each start, and keep memory by it.
RUN python -c "import exporter.app, exporter.broker.server"
# Root: entering other containers' network namespaces takes CAP_SYS_ADMIN and
# CAP_NET_RAW, which Docker hands to root only. By CAP_SETUID and CAP_SETGID the process
# that speaks HTTP then becomes nobody, without any. All else can be dropped when it is
# started, see docs/permissions.md. It writes below /run/dockernet-exporter only.
USER root
EXPOSE 10042
# Asks the daemon itself, not its address: whatever it listens on, and with whatever
# password or certificate (docs/web.md).
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["dockernet-exporter", "healthcheck"]
ENTRYPOINT ["dockernet-exporter"]
CMD ["run"]
