"""Downloads, against a server on loopback that misbehaves in every way."""

import hashlib
import http.server
import socket
import threading

import numpy as np
import pytest

from tinynet.data import DataError
from tinynet.data.download import fetch

CONTENT = np.random.default_rng(0).bytes(700_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.content`; ends after `cut` bytes; `ranges` says whether it understands Range."""

    def do_GET(self):
        server, start = self.server, 0
        server.asked.append(self.headers["Range"])
        if server.status != 200:
            return self.send_error(server.status)
        if server.ranges and self.headers["Range"]:
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if server.tells_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:server.cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.status, server.cut = CONTENT, 200, None
        server.ranges, server.tells_length, server.asked = True, True, []
        server.url = f"http://127.0.0.1:{server.server_port}/data.tar.gz"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(server, path):
    fetch(server.url, path, len(CONTENT), MD5)
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == [path.name]      # no .part is left


@pytest.mark.parametrize("tells_length", [True, False])
def test_complete(server, tmp_path, tells_length):
    server.tells_length = tells_length
    get(server, tmp_path / "new folder" / "data.tar.gz")
    assert server.asked == [None]


def test_broken_off_connections_are_resumed_at_once(server, tmp_path):
    server.cut = 300_000
    get(server, tmp_path / "data.tar.gz")
    assert server.asked == [None, "bytes=300000-", "bytes=600000-"]


def test_an_interrupted_download_is_resumed_the_next_time(server, tmp_path):
    (tmp_path / "data.tar.gz.part").write_bytes(CONTENT[:500_000])
    get(server, tmp_path / "data.tar.gz")
    assert server.asked == ["bytes=500000-"]


def test_a_server_without_ranges_starts_anew(server, tmp_path):
    (tmp_path / "data.tar.gz.part").write_bytes(b"x" * 500_000)
    server.ranges = False
    get(server, tmp_path / "data.tar.gz")


def test_a_server_that_keeps_breaking_off(server, tmp_path):
    server.ranges, server.cut = False, 400_000
    with pytest.raises(DataError, match="broke off at 400,000 of 700,000 bytes .*start again"):
        get(server, tmp_path / "data.tar.gz")
    assert not (tmp_path / "data.tar.gz").exists()
    server.cut = None
    get(server, tmp_path / "data.tar.gz")


def test_a_server_that_closes_at_once(server, tmp_path):
    server.cut = 0
    with pytest.raises(DataError, match="broke off at 0 of 700,000 bytes"):
        get(server, tmp_path / "data.tar.gz")


@pytest.mark.parametrize("content, part", [
    (CONTENT[:-1] + b"?", b""), (CONTENT, b"x" * 100), (CONTENT, b"x" * 700_000), (CONTENT, CONTENT + b"+")])
def test_wrong_bytes_are_deleted(server, tmp_path, content, part):
    server.content = content
    (tmp_path / "data.tar.gz.part").write_bytes(part)
    with pytest.raises(DataError, match=f"expected 700,000 bytes with MD5 {MD5}, got .* with .*; deleted"):
        get(server, tmp_path / "data.tar.gz")
    assert not list(tmp_path.iterdir())
    server.content = CONTENT
    get(server, tmp_path / "data.tar.gz")


@pytest.mark.parametrize("length", [10, 800_000])
def test_a_file_of_another_size_is_not_even_read(server, tmp_path, length):
    server.content = b"y" * length
    with pytest.raises(DataError, match=f"expected 700,000 bytes, the server offers {length:,}"):
        get(server, tmp_path / "data.tar.gz")
    assert not (tmp_path / "data.tar.gz").exists()


def test_404(server, tmp_path):
    server.status = 404
    with pytest.raises(DataError, match="cannot download http.*the server says 404 Not Found"):
        get(server, tmp_path / "data.tar.gz")


def test_connection_refused(server, tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))       # nobody listens here
        server.url = f"http://127.0.0.1:{closed.getsockname()[1]}/data.tar.gz"
        with pytest.raises(DataError, match="cannot download http.*Connection refused"):
            get(server, tmp_path / "data.tar.gz")


def test_a_file_in_the_place_of_the_folder(server, tmp_path):
    (tmp_path / "folder").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="cannot write .*data.tar.gz"):
        get(server, tmp_path / "folder" / "data.tar.gz")
