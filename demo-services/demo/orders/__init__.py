"""Takes orders over HTTP and hands them to Kafka."""
