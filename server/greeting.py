"""What the operator is told when the server is ready: where to look, and on a new database who may sign in."""

from __future__ import annotations

from server.app import App


def greeting(app: App, *, took_s: float) -> str:
    """Several lines of text."""
    settings = app.settings
    address = settings.origin(app.ports.http_port)
    lines = [
        "",
        f"  {settings.server_name} is ready after {took_s:.1f} s",
        "",
        f"  Watch and go live   {address}/",
        f"  API                 {address}/docs",
        f"  Publish (RTMP)      {app.rtmp_address(_reachable(settings.rtmp_host))}",
        f"  Publish (WHIP)      {address}/whip",
        f"  Data                {settings.data_dir.absolute()}",
    ]
    if app.first_admin is not None:
        lines += [
            "",
            "  This is a new database. Sign in as its administrator, and change the password:",
            f"    username          {app.first_admin.username}",
            f"    password          {app.first_admin.password}",
            f"    stream key        {app.first_admin.stream_key}",
        ]
    lines += [
        "",
        "  Beside it, in another terminal:",
        "    socialflow demo     people, a synthetic live stream and a talkative chat, to see some life",
        "    socialflow doctor   checks every dependency and port, and says what to do",
        "",
        "  Ctrl-C stops it.",
        "",
    ]
    return "\n".join(lines)


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
