# docker build -t bnviz . && docker run --rm -p 8501:8501 bnviz
# tests/test_deployment.py does what the RUN and CMD lines do, without Docker.
FROM python:3.11-slim
WORKDIR /app
COPY . .
# torch first, and by its CPU build: any other would bring gigabytes of CUDA. Where the usual index has no such build,
# --build-arg PIP_EXTRA_INDEX_URL=... names one that has.
ARG PIP_EXTRA_INDEX_URL
RUN pip install --no-cache-dir --disable-pip-version-check --quiet -r requirements.txt
RUN useradd --create-home bnviz
USER bnviz
EXPOSE 8501
CMD ["bnviz", "--lan", "--no-browser", "--port", "8501"]
