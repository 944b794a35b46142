"""A strict Slack-compatible workspace, for demos, drills and tests where no real one is at hand. It is not Slack.

It answers as Slack's documentation says Slack answers, refuses what Slack refuses, and shows its channels on a page.

``limits``      every number that it is strict about, each with its source: READ FIRST
``workspace``   channels, messages, files: the whole state, in memory and bounded
``content``     text, blocks, attachments, metadata of one message: checked and normalised (``blocks`` knows Block Kit,
                ``entities`` what becomes of ``&``, ``<`` and ``>``)
``objects``     messages and files as the objects of Slack's API
``methods/``    the Web API methods, one file a family, and the literal map of them
``arguments``   the query string, form or JSON object of one call
``rates``       429: posts a second in each channel, calls a minute of each method
``api``         HTTP under ``/api/``: token, scope, ordered failure, rate, method, answer, audit, in this order
``faults``      failures ordered from outside; ``drop`` closes the connection of a call that gets no answer
``interactions``  a click as the payload that Slack sends, signed; ``sockets`` sends it in Socket Mode
``clicks``      where the page says what was clicked; ``responses`` keeps where apps may answer (response_url)
``control``     /faults, /sockets, /audit and /messages: outside of Slack's API, for tests and drills
``page``        what people see; ``view`` and ``mrkdwn`` turn messages into HTML, ``chart`` into SVG

Nobody is asked for a password by the control API and the page: serve it on loopback or in a network of the demo's own.
"""
