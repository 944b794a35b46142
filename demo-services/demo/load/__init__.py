"""The load generator: arrivals at a fixed rate through the gateway, and the faults that a scenario brings.

Open loop: a request starts when the scenario's arrival process says so, whatever earlier answers do, and its latency
counts from that intended start. A stalled gateway therefore can't slow the load down and hide its own stall
("coordinated omission": Gil Tene, README of wrk2, https://github.com/giltene/wrk2).

``scenario``   a YAML file -> Scenario: streams of requests, faults, a duration
``arrivals``   streams -> when each request is due (Poisson)
``generator``  starts each request when it is due; refuses more in flight than the bound
``gateway``    one request, with the client's token -> its outcome; the only file that talks to the gateway
``faults``     what a scenario breaks in the services, and mends again
``tally``      what came of the requests, for the script; ``metrics`` the same for Prometheus
``script``     ``python -m demo.load SCENARIO``: one scenario, a live line, a summary
``director``   which scenario plays now; ``app`` the same as a process of the stack, with its HTTP control
"""
