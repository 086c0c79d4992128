"""The connection to the collector: address, encryption, token.

gRPC's own settings are in one place here; nothing is connected before the first
call.
"""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Tuple, Union

import grpc

from .options import Options

Metadata = Tuple[Tuple[str, Union[str, bytes]], ...]

# The most that an answer may weigh. gRPC's own 4 MiB is less than one page of
# spans with long inputs.
_MAX_ANSWER_BYTES = 64 << 20

_SETTINGS = (
    # Channels of one process otherwise share connections, and with them the
    # pause after a failed attempt.
    ("grpc.use_local_subchannel_pool", 1),
    # The collector is on this machine or a hop away; who waits longer waits for
    # a firewall.
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", _MAX_ANSWER_BYTES),
    # Without these, a collector whose machine vanished looks merely quiet.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.primary_user_agent", "livespan-python"),
)


def channel(options: Options) -> grpc.Channel:
    """A channel to the collector.

    Raises OSError where a file of the encryption can't be read.
    """
    target = options.server.target
    if not options.server.tls:
        return grpc.insecure_channel(target, options=_SETTINGS)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_read(options.tls_ca),
        private_key=_read(options.tls_key),
        certificate_chain=_read(options.tls_cert),
    )
    return grpc.secure_channel(target, credentials, options=_SETTINGS)


def metadata(options: Options) -> Metadata:
    """What every call says of the caller."""
    return (("authorization", f"Bearer {options.token}"),) if options.token else ()


def _read(path: Optional[Path]) -> Optional[bytes]:
    return path.read_bytes() if path else None
