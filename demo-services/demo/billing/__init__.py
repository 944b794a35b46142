"""Works off the orders in Kafka and keeps the last invoices."""
