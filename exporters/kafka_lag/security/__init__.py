"""How a connection to a broker is secured: TLS, and SASL inside it or without it.

`config` says what is wanted, `credentials` reads it from files and the environment, `tokens` gets those of OAUTHBEARER,
`connection` opens a connection with them, `failures` says what went wrong.
"""
