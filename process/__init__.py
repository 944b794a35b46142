"""What every long-running process of Bongsu shares: its settings file, its log, its command line, its HTTP server.

``settings``  a YAML file into a frozen pydantic model, or an error that names the dotted place
``log``       JSON lines on stderr
``command``   ``--config FILE`` and ``--check-config``, the same for each process
``trace``     OpenTelemetry: a provider, the trace context as text, the ids in each log line
``serve``     uvicorn on one address, stopped by SIGTERM or Ctrl-C
"""
