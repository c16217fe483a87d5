"""A real nginx in front of the dashboard, with the file that ships, as an ordinary process of whoever runs the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import re
import shutil
import socket
import subprocess

from tests.browser.kit import ROOT, free_port, until

SHIPPED = ROOT / "assets" / "deploy" / "nginx.conf"
NAME, PASSWORD = "ann", "a word of the tests"
# What Debian's own /etc/nginx/nginx.conf would say around it; all files in a folder of the test's.
AROUND = """
daemon off; master_process {master}; pid nginx.pid; error_log stderr warn; worker_processes 1;
events {{}}
http {{
    access_log off; default_type application/octet-stream;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include {site};
    include {more};
}}
"""
# As JupyterHub's proxy of a port does: the path is taken off before the dashboard is asked, and the name stays.
TAKEN_OFF = """
server {{
    listen 127.0.0.1:{port};
    location {path} {{
        proxy_pass http://127.0.0.1:{upstream}/;
        proxy_set_header Host $http_host;
        proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $forgetscope_connection;
    }}
}}
"""


def find_nginx() -> str | None:
    """Debian has it where only root's path looks."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def set_up(text: str, settings: dict[str, str]) -> str:
    """The shipped file with other values; each must stand there exactly once."""
    for old, new in settings.items():
        assert len(re.findall(rf"^\s*{re.escape(old)}(?:;|\s#)", text, re.MULTILINE)) == 1, old
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(folder: Path, upstream: int, taken_off: tuple[str, int]) -> Iterator[tuple[int, int]]:
    """Its port, and that of a second server that takes a path off.

    upstream: the port of the dashboard below the shipped path. taken_off: the path, and the port of the dashboard that knows of none.
    """
    port, second = free_port(), free_port()
    folder.mkdir()
    names = folder / "names"
    names.write_text(f"{NAME}:{{PLAIN}}{PASSWORD}\n")
    shipped = set_up(SHIPPED.read_text(encoding="utf-8"), {
        "listen 80": f"listen 127.0.0.1:{port}", "server 127.0.0.1:8501": f"server 127.0.0.1:{upstream}",
        "auth_basic_user_file /etc/nginx/forgetscope.htpasswd": f"auth_basic_user_file {names}",
    })  # fmt: skip
    (folder / "site.conf").write_text(shipped)
    (folder / "more.conf").write_text(TAKEN_OFF.format(port=second, path=taken_off[0], upstream=taken_off[1]))
    # Root's nginx hands its work to nobody, who may not look into the folder: one process then, as that of an ordinary user.
    around = AROUND.format(site=folder / "site.conf", more=folder / "more.conf", master="off" if os.geteuid() == 0 else "on")
    (folder / "nginx.conf").write_text(around)
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([find_nginx() or "nginx", "-p", str(folder), "-c", "nginx.conf"], stdout=log, stderr=log)
    try:
        until(lambda: _listens(process, port, folder / "log") and _listens(process, second, folder / "log"))
        yield port, second
    finally:
        process.terminate()
        process.wait(10)


def _listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0
