"""The alert router beside Alertmanager's own ``slack_configs``: delay of one message, a storm, webhooks a second."""
