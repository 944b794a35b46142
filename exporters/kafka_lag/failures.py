"""What the errors of connections and of answers mean: a reason, and a sentence that says what to do."""

import ssl
from asyncio import IncompleteReadError

from aiokafka import errors

from exporters.errors import Reason, SourceError
from exporters.kafka_lag.security.config import Sasl, Tls

REFUSALS = (
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.ClusterAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.IllegalSaslStateError,
    errors.SaslAuthenticationFailed,
    errors.TopicAuthorizationFailedError,
    errors.UnsupportedSaslMechanismError,
)

NO_VERSION = NotImplementedError
"""aiokafka has no version of the request (of connecting: those of SASL) that the broker still knows."""

MISUNDERSTANDINGS = (
    errors.IncompatibleBrokerVersion,
    errors.InvalidRequestError,
    errors.KafkaProtocolError,
    errors.UnrecognizedBrokerVersion,
    errors.UnsupportedVersionError,
    NO_VERSION,
)

NO_ADDRESS = (OverflowError, UnicodeError)
"""What a port raises that is none, and a host that DNS could not even be asked for."""

NO_ANSWER = (AssertionError, ValueError, LookupError)
"""aiokafka's word for SASL answers that are none."""

CONNECTING = (OSError, EOFError, errors.KafkaError, NO_VERSION, *NO_ADDRESS, *NO_ANSWER)
"""What aiokafka raises while it connects."""

TLS_ALERT = 0x1503
"""How a TLS alert begins (RFC 8446, 5.1): read as Kafka's length of an answer, the half that counts."""

OTHER_HOST = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL."""


def connecting_error(address: str, error: Exception, tls: Tls | None, sasl: Sasl | None) -> SourceError:
    """Say why there is no connection to `address`, which was to be secured as `tls` and `sasl` say."""
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return SourceError(Reason.REFUSED, f"{address}: {_unverified(cause)}")
    if isinstance(cause, ssl.SSLError) and tls is not None:
        return _tls_error(address, cause, tls)
    if isinstance(error, ConnectionResetError) and tls is not None:
        return SourceError(Reason.INVALID_ANSWER, f"{address}: {_NO_TLS}")
    if isinstance(cause, IncompleteReadError) and (cause.expected or 0) >> 16 == TLS_ALERT:
        return SourceError(Reason.INVALID_ANSWER, f"{address}: it answers in TLS: set tls, or name its plaintext port")
    if sasl is not None and isinstance(error, errors.KafkaError) and (what := _sasl(error, sasl)):
        return SourceError(Reason.REFUSED, f"{address}: {what}")
    if isinstance(error, NO_ADDRESS) and not isinstance(error, UnicodeDecodeError):
        return SourceError(Reason.UNREACHABLE, f"{address}: that is no host and port to connect to")
    if isinstance(error, NO_ANSWER):
        what = f"its answer to SASL can't be read: {type(error).__name__}"
        return SourceError(Reason.INVALID_ANSWER, f"{address}: {what}")
    return connection_error(address, error)


def connection_error(address: str, error: Exception) -> SourceError:
    """Say what an error of the connection to `address` means."""
    # aiokafka wraps what ended a connection; an answer that can't be decoded is among it
    cause = error.__cause__
    if isinstance(error, errors.KafkaConnectionError) and not isinstance(cause, OSError | EOFError | None):
        return SourceError(Reason.INVALID_ANSWER, f"{address}: answer can't be read: {cause!r}")
    if isinstance(error, TimeoutError):
        return SourceError(Reason.TIMEOUT, f"{address}: no answer in time")
    if isinstance(error, ConnectionRefusedError):
        return SourceError(Reason.UNREACHABLE, f"{address}: connection refused")
    return SourceError(_reason(error), f"{address}: {error}")


def answered_error(address: str, what: str, code: int) -> SourceError:
    """Say what the error `code` in an answer from `address` means; `what` was asked for."""
    error = errors.for_code(code)()
    return SourceError(_reason(error), f"{address}: {what}: {type(error).__name__}")


_NO_TLS = "it closed the connection instead of a TLS handshake: is this its TLS port? Without TLS leave out tls"


def _unverified(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in OTHER_HOST:
        names = "connect by a name that the certificate has, or set tls.check_hostname to false"
        return f"the broker's certificate is for another host: {error.verify_message.rstrip('.')}; {names}"
    return f"the broker's certificate is not trusted: {error.verify_message}; see to it or to tls.ca_file"


def _tls_error(address: str, error: ssl.SSLError, tls: Tls) -> SourceError:
    told = (error.reason or "").lower().replace("_", " ")
    if "certificate" in told or "unknown ca" in told or "handshake failure" in told:
        if tls.cert_file is None:
            what = "the broker wants to see a certificate: set tls.cert_file and tls.key_file"
        else:
            what = f"the broker does not take the certificate {tls.cert_file}; is it expired, or of another authority?"
        return SourceError(Reason.REFUSED, f"{address}: {what} ({told})")
    if isinstance(error, ssl.SSLEOFError) or "wrong version number" in told:
        return SourceError(Reason.INVALID_ANSWER, f"{address}: {_NO_TLS}")
    return SourceError(Reason.INVALID_ANSWER, f"{address}: TLS fails: {told}")


def _sasl(error: errors.KafkaError, sasl: Sasl) -> str | None:
    told = "; ".join(str(part) for part in error.args if isinstance(part, str))[:300]
    match error:
        case errors.UnsupportedSaslMechanismError():
            return f"the broker does not take {sasl.mechanism} here, but {told}: set sasl.mechanism"
        case errors.IllegalSaslStateError():
            return "the broker takes no SASL at this port: name its SASL port, or leave out sasl"
        case errors.SaslAuthenticationFailed() if sasl.token:
            return (
                f"the broker refuses the token: {told}; is it expired, of another issuer, without the scope it needs?"
            )
        case errors.SaslAuthenticationFailed():
            return f"the broker does not let {sasl.username!r} in: {told}; see to sasl.username and its password"
        case _:
            return None


def _reason(error: Exception) -> Reason:
    if isinstance(error, REFUSALS):
        return Reason.REFUSED
    if isinstance(error, MISUNDERSTANDINGS):
        return Reason.INVALID_ANSWER
    if isinstance(error, errors.RequestTimedOutError | errors.KafkaTimeoutError):
        return Reason.TIMEOUT
    return Reason.UNREACHABLE
