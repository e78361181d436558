"""Makes the bucket of ``BUCKET`` where there is none, waiting for the store as long as it takes to start.

Endpoint, region and credentials come from where the AWS tools look for them.
"""

from __future__ import annotations

import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

WAIT_S = 60.0
THERE = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


def main() -> int:
    bucket = os.environ["BUCKET"]
    client = boto3.client("s3", config=Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 0}))
    deadline = time.monotonic() + WAIT_S
    while (refusal := _make(client, bucket)) is not None:
        if time.monotonic() > deadline:
            print(f"the bucket {bucket} could not be made: {refusal}", file=sys.stderr)
            return 1
        time.sleep(0.5)
    print(f"the bucket {bucket} is there")
    return 0


def _make(client: object, bucket: str) -> Exception | None:
    """None when it is there, else why it is not."""
    try:
        client.create_bucket(Bucket=bucket)  # type: ignore[attr-defined]  # made from the service's description
    except ClientError as error:
        return None if error.response["Error"]["Code"] in THERE else error
    except BotoCoreError as error:
        return error
    return None


if __name__ == "__main__":
    sys.exit(main())
