"""Every mistake in a settings file is one sentence with its place."""

from pathlib import Path

import pytest

from exporters.catalog import EXPORTERS
from process.settings import ConfigError, load

HERE = Path(__file__).parent

MESSAGES = {
    "gateway_limits/admin_is_no_url": "gateways[0].admin: '127.0.0.1:9901' is not an http:// or https:// URL",
    "gateway_limits/bad_port": "listen: '127.0.0.1:0' is not host:port with a port from 1 to 65535",
    "gateway_limits/missing_name": "gateways[0].name: is required",
    "gateway_limits/name_twice": "gateway 'edge' is listed twice",
    "gateway_limits/unknown_key": "gateways[0].url: unknown key",
    "gateway_limits/unknown_kind": "gateways[0].kind: input should be 'envoy'",
    "kafka_lag/bad_port": (
        "clusters[0].bootstrap_servers[1]: 'kafka:99092' is not host:port with a port from 1 to 65535"
    ),
    "kafka_lag/bad_regex": (
        "clusters[0].groups.include: 'billing(' is not a regular expression: "
        "missing ), unterminated subpattern at position 7"
    ),
    "kafka_lag/missing_clusters": "clusters: is required",
    "kafka_lag/name_twice": "cluster 'seoul' is listed twice",
    "kafka_lag/nameless_among_several": "clusters: each needs a name when there are several",
    "kafka_lag/no_bootstrap_servers": "clusters[0].bootstrap_servers: needs at least one entry",
    "kafka_lag/no_clusters": "clusters: needs at least one entry",
    "kafka_lag/no_series": "max_series: input should be greater than 0",
    "kafka_lag/one_server_as_text": "clusters[0].bootstrap_servers: must be a list",
    "kafka_lag/timeout_longer_than_interval": "timeout (10s) is longer than interval (5s)",
    "kafka_lag/unknown_key": "clusters[0].group: unknown key",
    "kafka_lag/unknown_compat": "compat: input should be 'seglo'",
    "kafka_lag/unknown_isolation": "clusters[0].isolation: input should be 'read_uncommitted' or 'read_committed'",
    "kafka_lag/unknown_level": "level: input should be 'group', 'topic' or 'partition'",
    "pod_cpu/bad_port": "listen: '127.0.0.1' is not host:port with a port from 1 to 65535",
    "pod_cpu/bad_regex": (
        "sources[0].pods[0].command: '*users' is not a regular expression: nothing to repeat at position 0"
    ),
    "pod_cpu/empty_command": (
        "sources[0].pods[0].command: '' matches every process, even one with an empty command line"
    ),
    "pod_cpu/limit_is_zero": "sources[0].pods[0].limit: input should be greater than 0",
    "pod_cpu/missing_command": "sources[0].pods[0].command: is required",
    "pod_cpu/pod_twice": "sources[0]: pod 'demo/users-0' is listed twice",
    "pod_cpu/request_over_limit": "sources[0].pods[0]: request (1) is larger than limit (0.5)",
    "pod_cpu/source_twice": "source 'process' is listed twice",
    "pod_cpu/unknown_key": "sources[0].pods[0].limits: unknown key",
}


@pytest.mark.parametrize("mistake", MESSAGES)
def test_the_message_names_the_place_and_what_is_wrong(mistake: str) -> None:
    """One mistake is one line."""
    name, _, file = mistake.partition("/")
    path = HERE / name / "bad_configs" / f"{file}.yaml"
    with pytest.raises(ConfigError) as caught:
        load(path, EXPORTERS[name].settings)
    assert str(caught.value) == f"{path}: {MESSAGES[mistake]}"


def test_every_file_has_its_message() -> None:
    """No file lies there untested."""
    assert {f"{path.parent.parent.name}/{path.stem}" for path in HERE.glob("*/bad_configs/*.yaml")} == set(MESSAGES)
