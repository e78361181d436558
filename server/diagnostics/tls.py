"""The certificate that the server shows, and the proxy that it trusts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from server.config import Settings
from server.diagnostics.findings import Finding, fine, note, problem

CERTIFICATE_WARNING_DAYS: Final = 14


async def check_tls(settings: Settings) -> list[Finding]:
    cert, key = settings.tls_cert, settings.tls_key
    if cert is None or key is None:
        return [_without_tls(settings)]
    return [_examine_certificate(cert, key)]


async def check_proxy(settings: Settings) -> list[Finding]:
    trusted = settings.trusted_proxies
    if settings.has_unnamed_proxy:
        says = "public_url is served by a proxy that trusted_proxies does not name"
        advice = "name its address in --trusted-proxies: limits by address know nobody behind it"
        return [note("proxy", says, advice)]
    return [fine("proxy", f"believes {', '.join(trusted)}" if trusted else "none")]


def _without_tls(settings: Settings) -> Finding:
    is_open = settings.http_host not in ("127.0.0.1", "::1", "localhost")
    if is_open and not settings.trusted_proxies:
        advice = "browsers give a page the camera over HTTPS only: give --tls-cert and --tls-key, or use a proxy"
        return note("tls", "none, and HTTP listens for others", advice)
    return fine("tls", "none (HTTP)")


def _examine_certificate(cert: Path, key: Path) -> Finding:
    import ssl

    from cryptography import x509

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Loads both and sees that the key is the certificate's; a password would be asked for on the terminal.
        context.load_cert_chain(cert, key, password="")
        leaf = x509.load_pem_x509_certificates(cert.read_bytes())[0]
    except (OSError, ValueError) as error:
        return problem("tls", f"{cert} and {key} cannot be used: {error}", "give a PEM chain and its unencrypted key")
    return _judge_dates(leaf)


def _judge_dates(leaf: Any) -> Finding:
    now = datetime.now(UTC)
    until, since = leaf.not_valid_after_utc, leaf.not_valid_before_utc
    says = f"valid until {until:%Y-%m-%d}"
    if now > until:
        return problem("tls", f"expired on {until:%Y-%m-%d}", "renew the certificate")
    if now < since:
        return problem("tls", f"valid from {since:%Y-%m-%d} only", "look at the clock, or wait")
    if (until - now).days < CERTIFICATE_WARNING_DAYS:
        return note("tls", says, "renew the certificate soon")
    return fine("tls", says)
