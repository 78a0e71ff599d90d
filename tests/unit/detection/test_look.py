"""What has no notifications, read from files."""

from pathlib import Path

from exporter.detection.kernel import SYSCTLS, read_look


def write(root: Path, values: dict[str, str]) -> str:
    """Write files under a folder, and return the folder."""
    for name, value in values.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return str(root)


def test_sysctls_and_older_tables(tmp_path: Path) -> None:
    """By their names with dots; tables by their tool."""
    sys = write(
        tmp_path / "sys",
        {"net/ipv4/ip_forward": "1", "net/bridge/bridge-nf-call-iptables": "0"},
    )
    net = write(
        tmp_path / "net",
        {"ip_tables_names": "filter\nnat", "ip6_tables_names": "filter"},
    )
    look = read_look(sys, net)

    assert look.sysctls == {
        "net.ipv4.ip_forward": "1",
        "net.bridge.bridge-nf-call-iptables": "0",
    }
    assert look.legacy == (
        "iptables-legacy filter",
        "iptables-legacy nat",
        "ip6tables-legacy filter",
    )
    assert look.unread == ()


def test_what_is_not_there_is_no_trouble(tmp_path: Path) -> None:
    """IPv6 may be off, and modules not loaded."""
    look = read_look(str(tmp_path), str(tmp_path))

    assert (look.sysctls, look.legacy, look.unread) == ({}, (), ())


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """Each by its name; the rest is read all the same."""
    sys, net = tmp_path / "sys", tmp_path / "net"
    write(sys, {"net/ipv4/ip_forward": "1"})
    (sys / "net/ipv6/conf/all/forwarding").mkdir(parents=True)
    (net / "ip_tables_names").mkdir(parents=True)
    look = read_look(str(sys), str(net))

    assert look.sysctls == {"net.ipv4.ip_forward": "1"}
    assert len(look.unread) == 2
    assert look.unread[0].startswith("net.ipv6.conf.all.forwarding: ")
    assert look.unread[1].startswith("tables of iptables-legacy: ")


def test_the_sysctls_are_those_that_let_packets_pass() -> None:
    """Forwarding, and whether bridged packets meet the rules; both families."""
    assert set(SYSCTLS) == {
        "net.ipv4.ip_forward",
        "net.ipv6.conf.all.forwarding",
        "net.bridge.bridge-nf-call-iptables",
        "net.bridge.bridge-nf-call-ip6tables",
    }
