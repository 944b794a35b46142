CREATE TABLE episodes (
 id INTEGER NOT NULL, 
 group_key TEXT NOT NULL, 
 group_labels JSON NOT NULL, 
 alertmanager_url TEXT NOT NULL, 
 channel VARCHAR(100) NOT NULL, 
 truncated INTEGER NOT NULL, 
 since BIGINT NOT NULL, 
 closed_at BIGINT, 
 ended_at BIGINT, 
 revision INTEGER NOT NULL, 
 channel_id VARCHAR(100), 
 ts VARCHAR(50), 
 shown VARCHAR(64), 
 told JSON NOT NULL, 
 previous TEXT, 
 undelivered_since BIGINT, 
 not_before BIGINT NOT NULL, 
 dead VARCHAR(40), 
 dead_code TEXT, 
 PRIMARY KEY (id)
);
CREATE INDEX episodes_of_group ON episodes (group_key, channel, id);
CREATE INDEX episodes_undelivered ON episodes (channel, undelivered_since);
CREATE TABLE schema_version (
 version INTEGER NOT NULL
);
CREATE TABLE watchdogs (
 fingerprint VARCHAR(128) NOT NULL, 
 heard_at BIGINT NOT NULL, 
 PRIMARY KEY (fingerprint)
);
CREATE TABLE alerts (
 episode_id INTEGER NOT NULL, 
 fingerprint VARCHAR(128) NOT NULL, 
 group_key TEXT NOT NULL, 
 latest BOOLEAN NOT NULL, 
 status VARCHAR(10) NOT NULL, 
 starts_at BIGINT NOT NULL, 
 ends_at BIGINT, 
 heard_at BIGINT NOT NULL, 
 labels JSON NOT NULL, 
 annotations JSON NOT NULL, 
 source_url TEXT NOT NULL, 
 PRIMARY KEY (episode_id, fingerprint), 
 FOREIGN KEY(episode_id) REFERENCES episodes (id)
);
CREATE INDEX alerts_latest ON alerts (group_key, latest, fingerprint);
CREATE TABLE intents (
 episode_id INTEGER NOT NULL, 
 delivery_id VARCHAR(40) NOT NULL, 
 method VARCHAR(10) NOT NULL, 
 digest VARCHAR(64) NOT NULL, 
 told JSON NOT NULL, 
 begun_at BIGINT NOT NULL, 
 PRIMARY KEY (episode_id), 
 FOREIGN KEY(episode_id) REFERENCES episodes (id)
);
INSERT INTO schema_version (version) VALUES (1);
INSERT INTO episodes (id, group_key, group_labels, alertmanager_url, channel, truncated, since, revision, told, not_before) VALUES
(1, 'g', '{}', '', '#kafka', 0, 0, 1, '{}', 0);
