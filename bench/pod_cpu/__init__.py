"""pod_cpu on a large cluster, beside the same work done with prometheus_client's parser and renderer."""
