"""A real Prometheus: scrapes textfile and server, tests the rules, answers the dashboard."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.parse
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.docs.pages import split_blocks
from tests.env import CLDMON, Env, free_port, key_of, run_in_background, wait_until
from tests.simulation.claude import expired

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "contrib" / "prometheus" / "alerts.yml"
DASHBOARD: dict[str, Any] = json.loads((ROOT / "contrib" / "grafana" / "cldmon.json").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
PAGE = (ROOT / "docs" / "prometheus.md").read_text(encoding="utf-8")
SHOWN = {
    kind: [b.text for b in split_blocks(PAGE) if b.language == kind] for kind in ("promql", "yaml")
}
GOLDEN = ROOT / "tests" / "data" / "metrics.prom"
TOKEN = "token-of-prometheus"
JOBS = {"textfile", "server"}


def promtool(*words: str | Path, given: bytes | None = None) -> None:
    ran = subprocess.run(["promtool", *words], input=given, capture_output=True, check=False)
    assert ran.returncode == 0, (ran.stdout + ran.stderr).decode()


def series(text: str) -> set[str]:
    return set(re.findall(r"\bcldmon_\w+", text))


def list_series() -> set[str]:
    return {name for line in GOLDEN.read_text().splitlines() for name in series(line)}


def test_prometheus_accepts_names_and_units_of_the_series() -> None:
    promtool("check", "metrics", given=GOLDEN.read_bytes())


def test_the_rules_hold_when_they_should_and_only_then() -> None:
    """Above all: a textfile that is no longer written never looks current."""
    promtool("check", "rules", RULES)
    promtool("test", "rules", RULES.with_name("alerts.test.yml"))


def test_every_rule_is_tested() -> None:
    names = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
    tested = RULES.with_name("alerts.test.yml").read_text()
    assert {name for name in names if f"alertname: {name}\n" not in tested} == set()


def test_rules_and_dashboard_use_only_series_that_exist() -> None:
    assert series("\n".join([RULES.read_text(), *EXPRESSIONS])) <= list_series()


def test_the_page_explains_every_series_and_no_other() -> None:
    assert series(PAGE) == list_series()


def test_prometheus_accepts_the_configuration_of_the_page(tmp_path: Path) -> None:
    for number, text in enumerate(SHOWN["yaml"]):
        path = tmp_path / f"{number}.yml"
        path.write_text(text)
        promtool("check", "config", "--syntax-only", path)


def test_the_dashboard_is_one_that_grafana_can_import() -> None:
    identifiers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(identifiers) == len(set(identifiers))
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in DASHBOARD["panels"])
    assert DASHBOARD["templating"]["list"][0]["type"] == "datasource"


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that listens at `url`."""

    url: str

    def ask(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}") as answer:  # noqa: S310
            return json.load(answer)["data"]

    def query(self, expression: str) -> dict[str, float]:
        """Return the values of a query by job and account."""
        found = self.ask("query", query=expression)["result"]
        return {
            f"{each['metric'].get('job')} {each['metric'].get('account')}": float(each["value"][1])
            for each in found
        }


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url):  # noqa: S310
            return True
    except OSError:  # it refuses, or says that it is not ready
        return False


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """A home with a textfile and a token for the API."""
    with Env(tmp_path_factory.mktemp("metrics") / "home") as env:
        env.set_up(
            {"alice": None, "bob": None},
            f'port = {env.server_port}\napi_token = "{TOKEN}"',
            '[metrics]\ntextfile = "prom/cldmon.prom"\n',
        )
        (env.folder / "prom").mkdir()
        yield env


@pytest.fixture(scope="module")
def prometheus(env: Env) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the textfile by node_exporter, and `cldmon serve`.

    One for all tests, since it takes five seconds before it scrapes for the first time.
    """
    node, own = free_port(), free_port()
    config, rules = env.folder / "prometheus.yml", env.folder / "rules.yml"
    rules.write_text(re.sub(r"for: \w+", "for: 0s", RULES.read_text()))
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
                "rule_files": [str(rules)],
                "scrape_configs": [
                    {
                        "job_name": "textfile",
                        "static_configs": [{"targets": [f"127.0.0.1:{node}"]}],
                    },
                    {
                        "job_name": "server",
                        "authorization": {"credentials": TOKEN},
                        "static_configs": [{"targets": [f"127.0.0.1:{env.server_port}"]}],
                    },
                ],
            }
        )
    )
    with ExitStack() as stack:
        stack.enter_context(run_in_background(CLDMON, "serve", environ=env.environ))
        node_exporter = run_in_background(
            "prometheus-node-exporter",
            "--collector.disable-defaults",
            "--collector.textfile",
            f"--collector.textfile.directory={env.folder / 'prom'}",
            f"--web.listen-address=127.0.0.1:{node}",
        )
        scraper = run_in_background(
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={env.folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{own}",
        )
        stack.enter_context(node_exporter)
        stack.enter_context(scraper)
        found = Prometheus(f"http://127.0.0.1:{own}")
        wait_until(lambda: is_ready(f"{found.url}/-/ready"))
        yield found


def test_both_ways_lead_to_the_same_numbers_and_no_alert(prometheus: Prometheus, env: Env) -> None:
    """Scrape, query, evaluate and show, with the programs that an administrator uses."""
    assert env.run("fetch", "--strict").returncode == 0
    promtool("check", "metrics", given=(env.folder / "prom" / "cldmon.prom").read_bytes())
    ratio = 'cldmon_window_utilization_ratio{window="fiveHour"}'
    seen = {f"{job} {label}": 0.41 for job in JOBS for label in env.labels}
    wait_until(lambda: prometheus.query(ratio) == seen)

    def standing() -> set[tuple[str, str]]:
        [group] = prometheus.ask("rules")["groups"]
        return {(rule["health"], rule["state"]) for rule in group["rules"]}

    wait_until(lambda: standing() == {("ok", "inactive")})
    for expression in (*EXPRESSIONS, *SHOWN["promql"]):
        prometheus.query(expression.replace("$account", ".*"))


def test_a_key_that_expires_raises_its_alert_and_no_other(prometheus: Prometheus, env: Env) -> None:
    """From the service's response to the alert, without the delays of the rules."""
    env.claude.fail(key_of("bob"), expired())
    assert env.run("fetch").returncode == 0
    promtool("check", "metrics", given=(env.folder / "prom" / "cldmon.prom").read_bytes())
    raised = {("CldmonKeyExpired", job, "bob") for job in JOBS}

    def firing() -> set[tuple[str, str | None, str | None]]:
        alerts = [a["labels"] for a in prometheus.ask("alerts")["alerts"] if a["state"] == "firing"]
        return {(each["alertname"], each.get("job"), each.get("account")) for each in alerts}

    wait_until(lambda: firing() == raised)
