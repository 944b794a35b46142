"""gateway_limits on a thousand Envoys, beside the same work done with prometheus_client's parser and renderer."""
