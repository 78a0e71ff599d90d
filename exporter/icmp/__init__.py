"""Echo requests from inside network namespaces: packets, sockets, the prober.

Raw sockets, not datagram ("ping") ones: those obey the `ping_group_range` of the
namespace they are in (nobody with `--network host` and under userns-remap), and the
kernel puts an identifier of its own into every packet, so that each socket would cost
conntrack entries of its own. A raw socket needs CAP_NET_RAW, sees every reply that
arrives in its namespace, other people's too, and is therefore filtered in the kernel by
type and identifier and matched here by cookie, cycle, pair and source.
"""
