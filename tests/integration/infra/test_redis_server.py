"""The packaged Redis, for machines without one."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import redis

from dejabug.infra.redis_server import RedisServer, RedisServerError, free_port


def test_it_has_vector_search_and_listens_to_this_machine_only(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        assert client.execute_command("FT._LIST") == []
        assert client.config_get("bind")["bind"] == "127.0.0.1"
    with pytest.raises(redis.ConnectionError):
        client.ping()


def test_what_it_keeps_is_there_after_a_restart(tmp_path: Path) -> None:
    for number in range(2):
        with RedisServer(tmp_path, keep=True) as server, redis.Redis.from_url(server.url) as client:
            assert client.get("kept") == (b"yes" if number else None)
            client.set("kept", "yes")


def test_a_port_for_a_server_is_none_that_the_system_gives_to_connections() -> None:
    ports = {free_port() for _ in range(50)}
    assert len(ports) > 40
    for _ in range(50):
        with socket.create_server(("127.0.0.1", 0)) as given:
            assert given.getsockname()[1] > max(ports)


def test_a_server_that_cannot_start_tells_why(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.port = 1 << 20
    with pytest.raises(RedisServerError, match="did not start"):
        server.start()
