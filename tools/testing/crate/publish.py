# SPDX-License-Identifier: GPL-2.0
"""publish.py DIR: cargo publish --dry-run of the crate, copied to DIR, with a registry in place
of the public one that has the crates of Debian's packages, served from here."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PACKAGES = Path("/usr/share/cargo/registry")
CRATE = Path("tools/rust/repoll/Cargo.toml")


def packed(folder):
    """The folder of a crate as the file of a registry."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        archive.add(folder, folder.name)
    return data.getvalue()


def crates():
    """What the crate depends on: name, version and file of each. It takes nothing of what these
    depend on in turn, which is optional, and so the index does not tell of it."""
    for name in tomllib.loads(CRATE.read_text(encoding="utf-8"))["dependencies"]:
        for manifest in PACKAGES.glob(f"{name}-[0-9]*/Cargo.toml"):
            package = tomllib.loads(manifest.read_text(encoding="utf-8"))["package"]
            if package["name"] == name:
                yield name, package["version"], packed(manifest.parent)


def index_path(name):
    """Where the index of a registry tells of a crate."""
    if len(name) < 4:
        return f"{len(name)}/{name}" if len(name) < 3 else f"3/{name[0]}/{name}"
    return f"{name[:2]}/{name[2:4]}/{name}"


def files(address):
    """What there is to be fetched, by its path."""
    config = {"dl": f"{address}/crates/{{crate}}-{{version}}", "api": address}
    found = {"/config.json": json.dumps(config).encode()}
    for name, version, data in crates():
        found[f"/crates/{name}-{version}"] = data
        line = {"name": name, "vers": version, "deps": [], "features": {}, "yanked": False}
        line["cksum"] = hashlib.sha256(data).hexdigest()
        path = f"/{index_path(name)}"
        found[path] = found.get(path, b"") + json.dumps(line).encode() + b"\n"
    return found


class Registry(BaseHTTPRequestHandler):
    """Answers with what the server has."""

    def do_GET(self):
        """Called for each request."""
        data = self.server.files.get(self.path)
        self.send_response(200 if data is not None else 404)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")


def main():
    """Exits as cargo does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    address = f"http://127.0.0.1:{server.server_port}"
    server.files = files(address)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    done = subprocess.run(
        ["scripts/cargo.sh", sys.argv[1], "publish", "--dry-run", "--registry", "packages"]
        + ["--config", f'registries.packages.index = "sparse+{address}/"']
        + ["--config", 'source.crates-io.replace-with = "packages"']
        + ["--config", "net.offline = false"],
        check=False,
    )
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
