"""kafka_lag beside danielqsj/kafka_exporter and kminion: one cluster, 100,000 series, the same scrapes.

brokers (three real ones) -> seed (topics, records, commits; kept for the next run) -> contenders (one process each)
-> rounds (who is not measured is suspended) -> table.
"""
