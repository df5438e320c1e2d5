"""Runs our own processes, kills them with SIGKILL and starts them again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from dejabug.infra.redis_server import RedisServer, end_with_parent

# Seconds between two kills, and before a killed process is started again.
BETWEEN, AWAY = (2.0, 5.0), (0.2, 2.0)
# How often each is chosen: workers do most of the work.
WEIGHTS = {"clips": 3, "default": 3, "web": 2, "redis": 2}


class Scene:
    """Redis, the web service and two workers. Restarts whatever ends by itself, like a container
    engine."""

    def __init__(
        self, server: RedisServer, commands: Mapping[str, Sequence[str]], folder: Path,
        environment: Mapping[str, str],
    ) -> None:  # fmt: skip
        self._server = server
        self._commands = commands
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self.killed: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()

    def start(self) -> None:
        """Start all of them, and the thread that restarts them."""
        for name in self._commands:
            self._start(name)
        threading.Thread(target=self._watch, daemon=True).start()

    def torment(self, calm: threading.Event, chance: random.Random) -> None:
        """Kill one after another until `calm`."""
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        while not calm.wait(chance.uniform(*BETWEEN)):
            self.kill(chance.choices(names, weights)[0], chance.uniform(*AWAY))

    def kill(self, name: str, away: float) -> None:
        """Kill one with SIGKILL, and start it again after `away` seconds."""
        with self._lock:
            self.killed[name] += 1
            if name == "redis":
                self._server.kill()
                time.sleep(away)
                self._server.start()
                return
            process = self._running[name]
            # For the web service, with all that it has started. For a worker, only itself.
            if name == "web":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.wait()
            time.sleep(away)
            self._start(name)

    def end(self) -> None:
        """Stop all, and wait for them."""
        self._ending.set()
        with self._lock:
            for process in self._running.values():
                process.terminate()
            for process in self._running.values():
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _start(self, name: str) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", *self._commands[name]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def _watch(self) -> None:
        while not self._ending.wait(0.5):
            with self._lock:
                for name, process in list(self._running.items()):
                    if process.poll() is not None and not self._ending.is_set():
                        self.ended[name] += 1
                        self._start(name)
