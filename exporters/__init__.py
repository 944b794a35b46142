"""Exporters: source -> snapshot -> metrics, one exporter a process.

kafka_lag       consumer groups: committed offsets against the ends of their partitions
gateway_limits  API gateways: what the rate limiter decided, by route and limit
pod_cpu         pods: CPU in use against what was requested and what is allowed
"""
