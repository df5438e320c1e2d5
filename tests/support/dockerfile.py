"""Builds a target of our Dockerfile without a Docker engine: its own steps, on this machine.

Each stage is an overlay over its parent's, the first one over this machine's root, which stays
as it is: what steps write is in memory, and gone at the end. This needs Linux, root, and what
engines use: mount namespaces and overlayfs. Everything on the machine is visible too, so this
shows that the steps work and are complete, not that the images are small, nor what their base is
like.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from dejabug.infra.redis_server import end_with_parent

# What the base image's variable is, and programs without which nothing of this can be.
BASE_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
NEEDED = ("unshare", "nsenter", "chroot", "mount", "setpriv", "apt-get")


@dataclass
class Stage:
    """One `FROM … AS …` with its instructions, e.g. `("RUN", "deploy/image/system.sh tini")`."""

    name: str
    parent: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str:
        """The argument of the last one of this kind."""
        return [text for name, text in self.steps if name == instruction][-1]


def read_dockerfile(path: Path) -> dict[str, Stage]:
    """All stages by name. Only what our file uses is understood."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    stages: dict[str, Stage] = {}
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        instruction, _, text = line.strip().partition(" ")
        if instruction == "FROM":
            parent, _, name = text.partition(" AS ")
            stages[name] = Stage(name, parent)
        elif instruction and stages:
            list(stages.values())[-1].steps.append((instruction, text.strip()))
    return stages


class Machine:
    """Stages, built one over another under `folder`, in which nothing is left after `close`."""

    def __init__(self, dockerfile: Path, folder: Path) -> None:
        self.stages = read_dockerfile(dockerfile)
        # Of each stage that was built: its variables, and where it works.
        self.environment: dict[str, dict[str, str]] = {}
        self.workdir: dict[str, str] = {}
        self._context = dockerfile.parent
        self._folder = folder
        self._holder: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Make ready. Raises OSError where this machine does not have what it takes."""
        lacking = [name for name in NEEDED if shutil.which(name) is None]
        if os.geteuid() != 0 or lacking:
            raise OSError(f"building needs root and {', '.join(lacking) or 'nothing else'}")
        # Mounts exist as long as this process, and no other process sees them.
        hold = ["unshare", "--mount", "--propagation", "private"]
        self._holder = subprocess.Popen(
            [*hold, "sh", "-c", "echo ready; exec sleep infinity"],
            stdout=subprocess.PIPE,
            preexec_fn=end_with_parent,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            raise OSError("there is no way into a mount namespace here")
        # Layers of an overlay must not contain each other: so not on the disk, the lowest layer.
        self._folder.mkdir(parents=True, exist_ok=True)
        self._within(["mount", "-t", "tmpfs", "-o", "size=4g", "tmpfs", str(self._folder)])
        try:
            self._lay(Stage("probe", "nothing"))
        except subprocess.CalledProcessError as error:
            self.close()
            raise OSError(f"no overlay can be laid here: {error.stderr}") from None

    def close(self) -> None:
        """Unmount everything, by ending the process to which the mounts belong."""
        if self._holder is not None:
            self._holder.kill()
            self._holder.wait()

    def root(self, stage: str) -> Path:
        """Where a stage's files are, for processes within."""
        return self._folder / stage / "root"

    def build(self, target: str) -> None:
        """Run all steps of a target and of its parents. Raises CalledProcessError."""
        stage = self.stages[target]
        if stage.parent in self.stages and stage.parent not in self.environment:
            self.build(stage.parent)
        self._lay(stage)
        environment = dict(self.environment.get(stage.parent) or self._base(stage))
        self.environment[target] = environment
        workdir = self.workdir.get(stage.parent, "/")
        for instruction, text in stage.steps:
            if instruction == "ENV":
                for name, value in re.findall(r"(\w+)=(\S+)", text):
                    environment[name] = value.replace("$PATH", environment["PATH"])
            elif instruction == "WORKDIR":
                workdir = text
                self._within(["mkdir", "-p", f"{self.root(target)}{text}"])
            elif instruction == "COPY":
                self._copy(target, workdir, text)
            elif instruction == "RUN":
                self._run(target, workdir, text)
            self.workdir[target] = workdir

    def command(self, target: str, text: str) -> list[str]:
        """A command as the target's user, with its rights and variables and nothing else."""
        user = self.stages[target].last("USER").split(":")
        return [
            *self._entry(),
            *("chroot", str(self.root(target))),
            *("setpriv", "--reuid", user[0], "--regid", user[1], "--clear-groups"),
            *("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"),
            *self._script(f"cd {self.workdir[target]}; exec {text}", self.environment[target]),
        ]

    def seal(self, target: str, volumes: dict[str, Path]) -> None:
        """Make the root read-only, except for a /tmp and for volumes, which are folders."""
        root = self.root(target)
        for place, folder in volumes.items():
            self._within(["mount", "--bind", str(folder), f"{root}{place}"])
        self._within(["mount", "-o", "remount,ro", str(root)])
        self._within(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", f"{root}/tmp"])

    def _lay(self, stage: Stage) -> None:
        below, parent = ["/"], stage.parent
        while parent in self.stages:
            below.insert(-1, str(self._folder / parent / "own"))
            parent = self.stages[parent].parent
        own, work, root = (self._folder / stage.name / part for part in ("own", "work", "root"))
        self._within(["mkdir", "-p", str(own), str(work), str(root)])
        layers = f"lowerdir={':'.join(below)},upperdir={own},workdir={work}"
        self._within(["mount", "-t", "overlay", "overlay", "-o", layers, str(root)])
        for place in ("dev", "proc"):
            self._within(["mount", "--rbind", f"/{place}", f"{root}/{place}"])

    def _base(self, stage: Stage) -> dict[str, str]:
        """Let this machine look like the base image, whose `python3` is the one that runs this."""
        programs = Path(sys.base_prefix) / "bin"
        # A Python in somebody's home must be reached by the image's user too.
        for folder in programs.parents:
            self._within(["chmod", "a+rx", f"{self.root(stage.name)}{folder}"])
        return {"PATH": f"{programs}:{BASE_PATH}"}

    def _copy(self, target: str, workdir: str, text: str) -> None:
        *sources, to = text.split()
        place = Path(f"{self.root(target)}{workdir}") / to
        self._within(["mkdir", "-p", str(place if to.endswith("/") else place.parent)])
        for source in sources:
            how = "-R" if to.endswith("/") else "-RT"
            self._within(["cp", how, str(self._context / source), str(place)])

    def _run(self, target: str, workdir: str, text: str) -> None:
        for mount in re.findall(r"--mount=(\S+)", text):
            options = dict(option.split("=") for option in mount.split(","))
            if options["type"] == "bind":
                if options["from"] not in self.environment:
                    self.build(options["from"])
                bound = f"{self.root(target)}{options['target']}"
                self._within(["mkdir", "-p", bound])
                there = f"{self.root(options['from'])}{options['source']}"
                self._within(["mount", "--bind", there, bound])
        script = f"cd {workdir}; {re.sub(r'--mount=[^ ]+ ', '', text)}"
        variables = {"HOME": "/root", **self._registry(), **self.environment[target]}
        self._within(["chroot", str(self.root(target)), *self._script(script, variables)])

    def _script(self, script: str, variables: dict[str, str]) -> list[str]:
        pairs = [f"{name}={value}" for name, value in variables.items()]
        return ["env", "-i", *pairs, "sh", "-ec", script]

    def _registry(self) -> dict[str, str]:
        """How this machine reaches its package registries."""
        kept = re.compile(r"PIP_.+|SSL_.+|(?i:https?_proxy|no_proxy)")
        return {name: value for name, value in os.environ.items() if kept.fullmatch(name)}

    def _entry(self) -> list[str]:
        assert self._holder is not None
        return ["nsenter", "--target", str(self._holder.pid), "--mount"]

    def _within(
        self, command: list[str], *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([*self._entry(), *command], capture_output=True, text=True)
        if check and done.returncode:
            print(done.stdout, done.stderr)  # pytest shows it with the failure
            done.check_returncode()
        return done


def as_command(exec_form: str) -> str:
    """`["dejabug", "serve"]` of a Dockerfile → `dejabug serve`, for a shell."""
    return shlex.join(json.loads(exec_form))
