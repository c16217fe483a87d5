# The dashboard in a container: `docker compose up`, or `docker build -t forgetscope .` and, to this machine alone,
# `docker run --init -p 127.0.0.1:8501:8501 -v forgetscope:/data forgetscope`.
# PyTorch comes as pip has it, for CPUs and NVIDIA's GPUs (`--gpus all` when it is run); `--build-arg TORCH_INDEX=ADDRESS` takes it from
# another index, such as PyTorch's own of wheels for the CPU alone, which are some GB smaller. assets/guide/remote-access.md says more.
FROM python:3.11-slim-bookworm

ARG TORCH_INDEX=
RUN useradd --create-home --uid 10001 forgetscope
WORKDIR /opt/forgetscope

# PyTorch by itself: its layer is most of the image, and stays the same until its own version changes.
COPY requirements.txt ./
RUN grep -E '^(torch|torchvision)==' requirements.txt > /tmp/torch.txt \
    && pip install --no-cache-dir --disable-pip-version-check ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} -r /tmp/torch.txt \
    && rm /tmp/torch.txt
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

COPY LICENSE ./
COPY .streamlit .streamlit
COPY assets assets
COPY core core
COPY dashboard dashboard
RUN python -m compileall -q core dashboard \
    && install -d -o forgetscope -g forgetscope -m 700 /data

USER 10001
# The settings of the server are variables, which compose.yaml can add to. Inside the container all addresses are listened on: who may
# reach it is decided by the port that is published. The queue's processes end with the server, since they share the container.
ENV FORGETSCOPE_HOME=/data/home \
    FORGETSCOPE_DATA=/data/sets \
    FORGETSCOPE_END_TOGETHER=1 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501
VOLUME /data
EXPOSE 8501
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "assets/deploy/health.py"]
CMD ["python", "-m", "streamlit", "run", "dashboard/app.py"]
