"""`python -m tools.watch`: generate the dashboard and the table again."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dejabug.encoders.starter import StarterEncoder
from dejabug.infra.redis_server import RedisServer
from dejabug.services import Services
from dejabug.settings import Settings
from tools.watch.dashboard import dashboard
from tools.watch.table import BEGIN, END, table

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Write both files, from an empty installation."""
    (ROOT / "deploy/grafana/dashboard.json").write_text(dashboard(), "utf-8")
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder) / "redis") as server:
        settings = Settings(redis_url=server.url, encoder="starter", data_dir=Path(folder))
        Services(settings).collections.adopt(StarterEncoder())
        made = table(settings)
    page = ROOT / "docs/reference/monitoring.md"
    text = page.read_text("utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}", "utf-8")


main()
