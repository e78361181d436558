"""The job that makes the bucket, against a server that speaks S3."""

from __future__ import annotations

import pytest

from storage.objects import open_objects
from tests.deploy.conftest import make_bucket


@pytest.mark.usefixtures("s3")
async def test_a_bucket_is_made_once_and_takes_what_a_node_puts_there() -> None:
    for _ in range(2):
        done = make_bucket()
        assert done.returncode == 0, done.stderr
    objects = open_objects("s3://socialflow")
    await objects.put("recordings/one", b"bytes", content_type="application/octet-stream")
    assert await objects.size("recordings/one") == 5
    await objects.close()
