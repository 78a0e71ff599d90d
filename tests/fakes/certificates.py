"""Certificates made by openssl: an authority, and what it signs; and a password."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

HASH = "$2b$04$nM.HwWfURl.oNcnEMaaFOeoIrzFWUJVYar5a4fxk6rgglVlBfJSJ2"
"""Of `secret`; cheap, so that tests are."""
TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
"""Of a web configuration file beside what `signed` calls `server`."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    cert: Path
    key: Path


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def authority(folder: Path, name: str = "ca") -> Pair:
    """Make a certificate that may sign others."""
    made = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    subject = f"/CN={name}"
    _openssl(
        *("req", "-x509", *_NEW_KEY, "-days", "2", "-subj", subject),
        *("-keyout", str(made.key), "-out", str(made.cert)),
    )
    return made


def signed(
    folder: Path,
    by: Pair,
    name: str,
    sans: str = "IP:127.0.0.1,IP:::1,DNS:localhost",
) -> Pair:
    """Make a certificate for a server or a client.

    Args:
        folder: where to.
        by: the authority.
        name: of the files, and the subject.
        sans: its subject alternative names, as openssl writes them.
    """
    made = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    _openssl(
        *("req", "-x509", *_NEW_KEY, "-days", "2", "-subj", f"/CN={name}"),
        *("-CA", str(by.cert), "-CAkey", str(by.key)),
        *("-addext", f"subjectAltName={sans}"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-keyout", str(made.key), "-out", str(made.cert)),
    )
    return made
