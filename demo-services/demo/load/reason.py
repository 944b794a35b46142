"""Why a connection failed, in the operating system's words; httpx only says that all attempts did."""

import os


def reason(error: BaseException) -> str:
    """Return the words of the first cause, as ``Connection refused``, or of the error itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            # asyncio puts its own sentence where strerror should be; resolver errors have numbers below 0
            return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
