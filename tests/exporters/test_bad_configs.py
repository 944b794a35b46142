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
    "gateway_limits/clients_zero": "gateways[0].clients: input should be greater than or equal to 1",
    "gateway_limits/code_is_no_error": "gateways[0].rejected_codes[1]: input should be greater than or equal to 400",
    "gateway_limits/kind_missing": "gateways[0].kind: is required",
    "gateway_limits/no_replicas": "gateways[0].replicas: input should be greater than 0",
    "gateway_limits/probe_without_route": "gateways[0].probe.route: is required",
    "gateway_limits/probe_without_a_process": "gateways[0].probe.replicas: input should be greater than 0",
    "gateway_limits/unknown_kind": (
        "gateways[0].kind: must be one of 'envoy', 'ratelimit', 'istio', 'spring_cloud_gateway', 'kong', "
        "'traefik', 'apisix', 'nginx', 'haproxy'"
    ),
    "gateway_limits/unknown_reporter": "gateways[0].reporter: input should be 'destination' or 'source'",
    "gateway_limits/unknown_rule": "gateways[0].rules[0]: input should be 'deny' or 'return'",
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
    "kafka_lag/sasl_no_password": "clusters[0].sasl: no password: set password_env, password_file or password",
    "kafka_lag/sasl_no_password_file": "clusters[0].sasl: no/such/password can't be read: No such file or directory",
    "kafka_lag/sasl_no_username": "clusters[0].sasl: PLAIN needs a username",
    "kafka_lag/sasl_oauthbearer_with_password": (
        "clusters[0].sasl: OAUTHBEARER takes a token section, no username and no password"
    ),
    "kafka_lag/sasl_oauthbearer_without_token": "clusters[0].sasl: OAUTHBEARER needs a token section",
    "kafka_lag/sasl_password_is_number": "clusters[0].sasl.password: input should be a valid string",
    "kafka_lag/sasl_password_not_in_environment": (
        "clusters[0].sasl: no password: the environment variable NO_SUCH_VARIABLE is not set"
    ),
    "kafka_lag/sasl_token_for_plain": (
        "clusters[0].sasl: PLAIN takes username and password; a token section is for OAUTHBEARER"
    ),
    "kafka_lag/sasl_unknown_mechanism": (
        "clusters[0].sasl.mechanism: input should be 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512' or 'OAUTHBEARER'"
    ),
    "kafka_lag/shard_from_one": 'shard: \'3/3\' is not a shard such as "0/3", the first, or "2/3", the last of three',
    "kafka_lag/shard_is_number": 'shard: \'1\' is not a shard such as "0/3", the first, or "2/3", the last of three',
    "kafka_lag/tls_as_flag": "clusters[0].tls: must be a section: keys and values",
    "kafka_lag/tls_cert_without_key": (
        "clusters[0].tls: cert_file and key_file go together: the exporter's certificate and its private key"
    ),
    "kafka_lag/tls_key_password_without_key": "clusters[0].tls: key_password needs a key_file that it opens",
    "kafka_lag/tls_no_ca_file": "clusters[0].tls: ca_file no/such/ca.pem can't be read: No such file or directory",
    "kafka_lag/token_command_as_text": "clusters[0].sasl.token.command: must be a list",
    "kafka_lag/token_command_is_not_there": (
        "clusters[0].sasl.token: command 'no-such-command' is not there, or can't be run"
    ),
    "kafka_lag/token_endpoint_is_no_url": (
        "clusters[0].sasl.token.endpoint_url: 'login.example.com' is not an http:// or https:// URL"
    ),
    "kafka_lag/token_endpoint_of_no_port": ("clusters[0].sasl.token: endpoint_url is no URL: see to its host and port"),
    "kafka_lag/token_endpoint_with_password": (
        "clusters[0].sasl.token: endpoint_url holds a user or a password: they belong in client_id and client_secret"
    ),
    "kafka_lag/token_no_client_id": "clusters[0].sasl.token: endpoint_url needs a client_id",
    "kafka_lag/token_no_client_secret": (
        "clusters[0].sasl.token: no client_secret: set client_secret_env, client_secret_file or client_secret"
    ),
    "kafka_lag/token_of_both": "clusters[0].sasl.token: needs either a command or an endpoint_url",
    "kafka_lag/token_of_nothing": "clusters[0].sasl.token: needs either a command or an endpoint_url",
    "kafka_lag/token_scope_of_command": "clusters[0].sasl.token: scope belongs to endpoint_url, not to command",
    "kafka_lag/unknown_key": "clusters[0].group: unknown key",
    "kafka_lag/unknown_compat": "compat: input should be 'seglo'",
    "kafka_lag/unknown_isolation": "clusters[0].isolation: input should be 'read_uncommitted' or 'read_committed'",
    "kafka_lag/unknown_level": "level: input should be 'group', 'topic' or 'partition'",
    "pod_cpu/cgroup_without_pods": "sources[0].pods: needs at least one entry",
    "pod_cpu/context_without_kubeconfig": "sources[0]: context is one of a kubeconfig, and none is named",
    "pod_cpu/group_is_none": "sources[0].pods[0]: workload holds \\2, and path has 1 groups",
    "pod_cpu/missing_kind": "sources[0].kind: is required",
    "pod_cpu/shard_is_none": (
        'sources[0].shard: \'3/3\' is not a shard such as "0/3", the first, or "2/3", the last of three'
    ),
    "pod_cpu/socket_unknown_key": "sources[0].url: unknown key",
    "pod_cpu/target_is_zero": "autoscaler_target: input should be greater than 0",
    "pod_cpu/unknown_kind": "sources[0].kind: must be one of 'process', 'cgroup', 'docker', 'kubernetes'",
    "pod_cpu/unknown_usage": "sources[0].usage: input should be 'kubelet' or 'metrics.k8s.io'",
    "pod_cpu/verdict_of_a_shard": (
        "autoscaler_target needs all pods of a workload, and a shard has those of its nodes only"
    ),
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
