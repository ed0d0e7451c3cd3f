FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

COPY . .
RUN python manage.py collectstatic --no-input

# A volume that is mounted here takes over whose it is.
RUN mkdir /instance && chown 10001:10001 /instance

# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
