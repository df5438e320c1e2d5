"""An S3 store over HTTP for the tests: moto's server, in a thread of this process."""

from __future__ import annotations

import itertools
import os
from functools import cached_property
from typing import Any

import boto3
import fsspec
import pytest
import requests
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
ACCESS, SECRET = "marked-access-key", "marked-secret-access-key"


class S3:
    """A store in which each test gets its own bucket, and which can be unavailable for a while."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._server.start()
        self.here = True
        self.port = self._server.get_host_and_port()[1]
        self._numbers = itertools.count(1)

    @property
    def environment(self) -> dict[str, str]:
        """How a process finds the store and says who it is."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    @cached_property
    def files(self) -> Any:
        """The store as a file system of fsspec, for the test's own look."""
        return fsspec.filesystem(
            "s3",
            skip_instance_cache=True,
            use_listings_cache=False,
            key=ACCESS,
            secret=SECRET,
            client_kwargs={"region_name": REGION},
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
        )

    def become_user(self, policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make this process a user with a policy's permissions, and refuse all others."""
        iam = boto3.client(
            "iam",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
        )
        iam.create_user(UserName="dejabug")
        iam.put_user_policy(UserName="dejabug", PolicyName="media", PolicyDocument=policy)
        key = iam.create_access_key(UserName="dejabug")["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        self._check_after("0")

    def trust_all(self) -> None:
        """Believe everybody again."""
        self._check_after("inf")

    def _check_after(self, requests_made: str) -> None:
        url = f"{self.environment['AWS_ENDPOINT_URL']}/moto-api/reset-auth"
        requests.post(url, data=requests_made, timeout=10).raise_for_status()

    def new_bucket(self) -> Bucket:
        """An empty bucket."""
        name = f"studio-{os.getpid()}-{next(self._numbers)}"
        self.files.mkdir(name)
        return Bucket(self, name)

    def away(self) -> None:
        """Answer no requests until `back`; stored data stays."""
        self._server.stop()
        self.here = False

    def back(self) -> None:
        """Answer again."""
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()
        self.here = True

    def stop(self) -> None:
        self._server.stop()


class Bucket:
    """One bucket, and a look into it."""

    def __init__(self, server: S3, name: str) -> None:
        self.server, self.name = server, name
        self.address = f"s3://{name}/dejabug"
        self.environment = {**server.environment, "DEJABUG_MEDIA_STORE": self.address}

    def names(self) -> list[str]:
        """The names of all objects, below the prefix."""
        found = self.server.files.find(self.name)
        return [name.removeprefix(f"{self.name}/dejabug/") for name in found]
