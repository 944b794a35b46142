"""Consumer groups of Kafka clusters: how far their committed offsets are behind the ends of the partitions."""

from exporters.exporter import Exporter
from exporters.kafka_lag.config import KafkaLagSettings
from exporters.kafka_lag.metrics import families
from exporters.kafka_lag.source import sources

EXPORTER = Exporter(name="kafka_lag", settings=KafkaLagSettings, sources=sources, families=families)
