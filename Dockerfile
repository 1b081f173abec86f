# The app and its API. docker build -t fairdash . ; docker run -p 127.0.0.1:8501:8501 -v fairdash:/data fairdash
# Nobody signs in unless secrets are mounted (/app/.streamlit/secrets.toml); so publish it to this machine alone, as above.
FROM python:3.11-slim

RUN useradd --create-home fairdash && mkdir /data && chown fairdash /data
WORKDIR /app
COPY requirements.txt requirements.lock ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.txt
COPY app.py ./
COPY .streamlit .streamlit
COPY fairdash fairdash
COPY pages pages

USER fairdash
ENV FAIRDASH_HOME=/data FAIRDASH_API_HOSTS=localhost PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/healthz', timeout=4)"]
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--server.port", "8501", "--server.headless", "true"]
