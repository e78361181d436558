"""nginx with its RTMP module, which the bench of broadcasts compares with."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.broadcast_server import cpu_of

NGINX_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/nginx/sbin")
NGINX_MODULES = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules")


class Nginx:
    """nginx with its RTMP module on a free port: one application, HLS on, and no segment taken away."""

    def __init__(self, folder: Path, program: Path, module: Path | None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (folder / "hls").mkdir(parents=True)
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            f"{f'load_module {module};' if module else ''}\n"
            f"{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log warn;\n"
            "events { worker_connections 64; }\n"
            f"rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; chunk_size 4096; application live {{"
            f" live on; hls on; hls_path {folder}/hls; hls_fragment 2s; hls_playlist_length 20s; hls_cleanup off;"
            " } } }\n"
        )
        self.rtmp = f"rtmp://127.0.0.1:{port}/live"
        self._segments = folder / "hls"
        self._process = subprocess.Popen([program, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "log"])
        self._await_port(port)

    def _await_port(self, port: int) -> None:
        """ConnectionError if it is not there within 5 s."""
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        self.stop()
        raise ConnectionError("nginx does not listen")

    def cpu_s(self) -> float:
        """CPU seconds so far of the master and its worker."""
        master = psutil.Process(self._process.pid)
        return cpu_of(master) + sum(map(cpu_of, master.children(recursive=True)))

    def segments(self) -> int:
        """How many were made so far."""
        return len(list(self._segments.glob("*.ts")))

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)


def start_nginx(folder: Path) -> Nginx | None:
    """Running, or None with a line that says why."""
    found = find_nginx()
    if found is None:
        print("no peer found: nginx with its RTMP module (looked for in PATH and the usual folders)")
        return None
    try:
        return Nginx(folder, *found)
    except ConnectionError as error:
        print(f"no peer found: {error}")
        return None


def find_nginx() -> tuple[Path, Path | None] | None:
    """The program, and the module that it has to load; None where either is missing."""
    program = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), *NGINX_FOLDERS]))
    if program is None:
        return None
    built = subprocess.run([program, "-V"], capture_output=True, text=True, check=False).stderr
    beside = Path(program).resolve().parent.parent / "lib/nginx/modules"
    for folder in (beside, *map(Path, NGINX_MODULES)):
        if (module := folder / "ngx_rtmp_module.so").exists():
            return Path(program), module
    return (Path(program), None) if re.search(r"--add-module=\S*rtmp", built) else None
