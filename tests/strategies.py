"""What hypothesis draws from: addresses, packets, names."""

import string
from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

from exporter.dns.message import Question, Reply
from exporter.icmp.packet import Echo
from exporter.model.topology import IPAddress, IpVersion

ip_versions: st.SearchStrategy[IpVersion] = st.sampled_from((4, 6))


def words(bits: int) -> st.SearchStrategy[int]:
    """Unsigned numbers of so many bits."""
    return st.integers(min_value=0, max_value=(1 << bits) - 1)


ipv4_addresses = st.builds(IPv4Address, words(32))
ipv6_addresses = st.builds(IPv6Address, words(128))

echoes = st.builds(
    Echo, words(16), words(16), words(64), words(32), words(32), words(32)
)
"""What any echo message of our layout can say."""

_LABEL = st.text(
    string.ascii_letters + string.digits + "_-", min_size=1, max_size=63
)  # what Docker lets a name consist of, beside dots
names = (
    st.lists(_LABEL, min_size=1, max_size=6)
    .map(".".join)
    .filter(lambda name: len(name) < 254)
)
"""Names that DNS can carry."""

questions = st.builds(Question, names, ip_versions)


@st.composite
def answers(draw: st.DrawFn) -> tuple[Question, Reply]:
    """A question and a reply to it."""
    question = draw(questions)
    addresses: list[IPAddress] = draw(
        st.lists(
            ipv4_addresses if question.ip_version == 4 else ipv6_addresses, max_size=8
        )
    )
    reply = Reply(
        rcode=draw(words(4)), addresses=tuple(addresses), truncated=draw(st.booleans())
    )
    return question, reply
