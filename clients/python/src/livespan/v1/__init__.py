"""The wire contract, generated from proto/livespan/v1 by `make clients-python`.

Committed, so that installing the package needs no protoc; a test fails when it
is stale. Its messages may be used directly, its services through
`livespan.Client`.
"""
