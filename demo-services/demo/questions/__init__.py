"""Takes questions over HTTP, hands them to Kafka and says where the answer will be."""
