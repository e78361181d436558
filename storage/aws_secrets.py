"""Secrets that AWS Secrets Manager keeps. Credentials, region and endpoint come from where all of boto3 has them."""

from __future__ import annotations

from typing import Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CONNECT_S: Final = 3
ANSWER_S: Final = 5
ATTEMPTS: Final = 3

_SENTENCES: Final = {
    "ResourceNotFoundException": "AWS Secrets Manager has no such secret",
    "AccessDeniedException": "these credentials may not read it (secretsmanager:GetSecretValue)",
    "DecryptionFailure": "these credentials may not use the key that it is encrypted with (kms:Decrypt)",
    "UnrecognizedClientException": "AWS does not know these credentials",
    "InvalidRequestException": "it is about to be deleted",
}


class SecretUnavailable(Exception):
    """A sentence says why. It never has a part of the secret."""


def fetch(name: str) -> str:
    """Its value of now as text; ``name`` may be an ARN. Blocks, half a minute at most. Raises ``SecretUnavailable``."""
    config = Config(
        connect_timeout=CONNECT_S, read_timeout=ANSWER_S, retries={"total_max_attempts": ATTEMPTS, "mode": "standard"}
    )
    try:
        answer = boto3.client("secretsmanager", config=config).get_secret_value(SecretId=name)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise SecretUnavailable(_SENTENCES.get(code, f"AWS Secrets Manager answered {code}")) from None
    except (BotoCoreError, ValueError) as error:
        raise SecretUnavailable(str(error)) from None
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise SecretUnavailable("it holds bytes instead of text")
    return text
