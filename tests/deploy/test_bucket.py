"""The job that makes the bucket, against a server that speaks S3."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from storage.objects import open_objects
from tests.deploy.image import ROOT, finished


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "socialflow")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "socialflow")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("BUCKET", "socialflow")
    yield
    server.stop()


def make_bucket() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "deploy/objects/make_bucket.py")]
    return finished(command, env=os.environ, cwd=ROOT)


async def test_a_bucket_is_made_once_and_takes_what_a_node_puts_there(s3: None) -> None:
    for _ in range(2):
        done = make_bucket()
        assert done.returncode == 0, done.stderr
    objects = open_objects("s3://socialflow")
    await objects.put("recordings/one", b"bytes", content_type="application/octet-stream")
    assert await objects.size("recordings/one") == 5
    await objects.close()
